import { beforeAll } from "vitest";
import { kafkaForTests } from "../support/kafka.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../support/kafka-channel.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver, librdkafkaForTests } from "../support/librdkafka.ts";
import { channelContract } from "./channel.ts";

channelContract({
  name: "Kafka by kafkajs",
  isBounded: false,
  open: async () => {
    const endpoint = endpointOf((await kafkaForTests()).brokers);
    return kafkaChannel(endpoint, kafkajsDriver(endpoint));
  },
});

beforeAll(librdkafkaForTests, LIBRDKAFKA_MS);

channelContract({
  name: "Kafka by librdkafka",
  isBounded: false,
  open: async () => {
    const endpoint = endpointOf((await kafkaForTests()).brokers);
    const driver = await librdkafkaDriver(endpoint);
    if ("missing" in driver) throw new Error(driver.missing);
    return kafkaChannel(endpoint, driver);
  },
});
