import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { endpointOf, kafkajsDriver, monotonicMs } from "../support/kafka-channel.ts";
import { driverContract } from "./kafka-driver.ts";

const endpoint = async (): Promise<KafkaEndpoint> => endpointOf((await kafkaForTests()).brokers);

driverContract({
  name: "kafkajs",
  open: async () => kafkajsDriver(await endpoint()),
  control: async () => KafkaControl.connect(await endpoint(), monotonicMs),
});
