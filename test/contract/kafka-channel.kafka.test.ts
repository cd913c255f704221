import { kafkaForTests } from "../support/kafka.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../support/kafka-channel.ts";
import { channelContract } from "./channel.ts";

channelContract({
  name: "Kafka by kafkajs",
  isBounded: false,
  open: async () => {
    const endpoint = endpointOf((await kafkaForTests()).brokers);
    return kafkaChannel(endpoint, kafkajsDriver(endpoint));
  },
});
