import { describe } from "vitest";
import type { DriverUnderTest } from "./kafka-driver-rig.ts";
import { producerContract } from "./kafka-driver-producer.ts";
import { readerContract } from "./kafka-driver-reader.ts";

/** What both clients promise. */
export function driverContract(underTest: DriverUnderTest): void {
  describe(`${underTest.name} is a Kafka driver`, () => {
    producerContract(underTest);
    readerContract(underTest);
  });
}
