import { readChannelLag, type ChannelLag } from "../channel/kafka/channel-lag.ts";
import { PositionLog } from "../channel/kafka/position-log.ts";
import { tableTopic, topicName } from "../channel/kafka/topic-name.ts";
import { KafkaControl } from "../channel/kafkajs/control.ts";
import { KafkajsDriver } from "../channel/kafkajs/driver.ts";
import { TableReader } from "../lake/table-reader.ts";
import type { TableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import { SyncError } from "../util/errors.ts";
import type { KafkaChannelConfig } from "./channel-config.ts";
import type { CommandContext } from "./command.ts";
import { monotonicMs } from "./open-channel.ts";

export interface ChannelStatus {
  readonly brokers: string;
  /** Null when it is not known, and why. */
  readonly lag: ChannelLag | null;
  readonly error: string | null;
}

/** What `status` shows of Kafka; null without it in the config. */
export async function gatherChannel(
  context: CommandContext,
  tables: readonly TableId[],
): Promise<ChannelStatus | null> {
  const kafka = context.config.channel;
  if (kafka === null) return null;
  const brokers = kafka.endpoint.brokers.join(", ");
  try {
    return { brokers, lag: await readLag(context, kafka, tables), error: null };
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return { brokers, lag: null, error: error.message };
  }
}

async function readLag(
  { config, now, signal }: CommandContext,
  kafka: KafkaChannelConfig,
  ids: readonly TableId[],
): Promise<ChannelLag> {
  const { endpoint, topic, transactionTimeoutMs } = kafka;
  const { name } = config.source;
  const commits = await Promise.all(ids.map((id) => new TableReader(config.lakeDir, id).latest()));
  const tables = commits.flatMap((commit) =>
    commit === null ? [] : [{ schema: commit.schema, checkpoint: commit.checkpoint }],
  );
  const control = await KafkaControl.connect(endpoint, monotonicMs);
  // Only positions are read, so it does not matter which client carries the data.
  const driver = new KafkajsDriver(endpoint, { nowMs: now, monotonicMs });
  try {
    const positionTopic = topicName(kafka.positionTopic, { source: name });
    const found = (await control.topics([positionTopic])).get(positionTopic);
    if (found === undefined) return { head: null, partitions: [], hanging: [], isAtLeast: false };
    const log = new PositionLog({
      topic: positionTopic,
      topicId: found.topicId,
      reader: await driver.openReader("committed"),
      bounds: async () =>
        must((await control.offsets(positionTopic))[0], "the offsets of the position topic"),
    });
    return await readChannelLag({
      control,
      log,
      positionTopic,
      topics: tables.map(({ schema }) => tableTopic(topic, name, schema.id)),
      tables,
      transactionTimeoutMs,
      nowMs: now(),
      signal,
    });
  } finally {
    await driver.close();
    await control.close();
  }
}
