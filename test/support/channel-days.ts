import { BadDay, type BadDayOptions } from "./bad-day.ts";
import { kafkaForTests } from "./kafka.ts";
import { beginKafkaDay } from "./kafka-day.ts";

/** Each way from capture to apply, by its name. */
export const CHANNEL_DAYS: readonly (readonly [string, (options: BadDayOptions) => Promise<BadDay>])[] = [
  ["in process", (options) => BadDay.begin(options)],
  ["through Kafka", async (options) => beginKafkaDay(options, (await kafkaForTests()).brokers)],
];
