import { beforeAll } from "vitest";
import { kafkajsDriver } from "../support/kafka-channel.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver, librdkafkaForTests } from "../support/librdkafka.ts";
import { driverContract } from "./kafka-driver.ts";

driverContract({ name: "kafkajs", open: async (endpoint) => kafkajsDriver(endpoint) });

beforeAll(librdkafkaForTests, LIBRDKAFKA_MS);

driverContract({ name: "librdkafka", open: librdkafkaDriver });
