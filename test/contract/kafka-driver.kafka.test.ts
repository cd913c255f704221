import { beforeAll } from "vitest";
import { KafkajsDriver } from "../../src/channel/kafkajs/driver.ts";
import type { LoadClient } from "../../src/channel/librdkafka/client.ts";
import { LibrdkafkaDriver } from "../../src/channel/librdkafka/driver.ts";
import { LIBRDKAFKA_MS, librdkafkaForTests } from "../support/librdkafka.ts";
import { driverContract } from "./kafka-driver.ts";

const monotonicMs = (): number => performance.now();

driverContract({
  name: "kafkajs",
  open: async (endpoint) => new KafkajsDriver(endpoint, { nowMs: Date.now, monotonicMs }),
});

let load: LoadClient | { readonly missing: string } = { missing: "" };

beforeAll(async () => {
  load = await librdkafkaForTests();
}, LIBRDKAFKA_MS);

driverContract({
  name: "librdkafka",
  open: async (endpoint) => ("missing" in load ? load : LibrdkafkaDriver.load(endpoint, monotonicMs, load)),
});
