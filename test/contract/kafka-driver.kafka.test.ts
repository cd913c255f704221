import { KafkajsDriver } from "../../src/channel/kafkajs/driver.ts";
import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { driverContract } from "./kafka-driver.ts";

const endpoint = (): KafkaEndpoint => ({
  brokers: (process.env["TEST_KAFKA_BROKERS"] ?? "").split(","),
  clientId: "tallylake-test",
  tls: { mode: "off", ca: null, cert: null, key: null },
  sasl: null,
  connectTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
});
const monotonicMs = (): number => performance.now();

driverContract({
  name: "kafkajs",
  open: async () => new KafkajsDriver(endpoint(), { nowMs: Date.now, monotonicMs }),
  control: () => KafkaControl.connect(endpoint(), monotonicMs),
});
