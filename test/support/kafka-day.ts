import { randomUUID } from "node:crypto";
import { BadDay, type BadDayOptions } from "./bad-day.ts";

/** The channel of a test, with topics of its own; further lines may follow. */
export const channelConfig = (
  brokers: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): string => {
  const id = randomUUID();
  const kafka = {
    brokers,
    partitions: 3,
    replication: 1,
    positionTopic: `${id}-positions`,
    transactionalId: id,
    topic: `${id}.{database}.{table}`,
    ...more,
  };
  return `channel: ${JSON.stringify({ kafka })}\n`;
};

/** A database, a lake, and topics for what is between them. */
export const beginKafkaDay = (
  options: BadDayOptions,
  brokers: readonly string[],
  more?: Readonly<Record<string, unknown>>,
): Promise<BadDay> =>
  BadDay.begin({
    ...options,
    config: { ...options.config, more: `${options.config?.more ?? ""}${channelConfig(brokers, more)}` },
  });
