import { randomUUID } from "node:crypto";
import { KafkaChannel } from "../channel/kafka-channel.ts";
import type { KafkaDriver } from "../channel/kafka/driver.ts";
import { KafkaControl } from "../channel/kafkajs/control.ts";
import { KafkajsDriver } from "../channel/kafkajs/driver.ts";
import { LibrdkafkaDriver } from "../channel/librdkafka/driver.ts";
import { isSyncError, syncError } from "../types/errors.ts";
import { messageOf } from "../util/errors.ts";
import { retry } from "../util/retry.ts";
import type { KafkaChannelConfig } from "./channel-config.ts";
import type { CommandContext } from "./command.ts";
import type { FollowedTable } from "./follow.ts";
import { firstInstants } from "./publish-snapshots.ts";
import { identityOf, PATIENCE_MS, type SourceOptions } from "./session.ts";

/** Part of the transaction's timeout after which a transaction of ours is ended. */
const OPEN_PART = 0.5;
const HOLD_MS = 1000;
/** How long a table may wait for capture to bring it on. */
const BLOCKED_MS = 60_000;
const READ_BYTES_MAX = 64 << 20;
/** A plan is written again so often while a record is retained. */
const PLANS_IN_RETENTION = 10;

/** Enough rows in a unit for the three round trips of a Kafka transaction to be worth it. */
const UNIT_BYTES_MAX = 16 << 20;

/** How the source is read for the channel of the config. */
export const sourceFor = ({ config }: CommandContext): Pick<SourceOptions, "limits"> =>
  config.channel === null ? {} : { limits: { bytesMax: UNIT_BYTES_MAX } };

export const monotonicMs = (): number => performance.now();

type ChannelContext = Pick<CommandContext, "config" | "log" | "signal">;

/** The channel of a config; a command that needs one says so. */
export function requireKafka({ config }: CommandContext, command: string): KafkaChannelConfig {
  if (config.channel !== null) return config.channel;
  throw syncError("CONFIG_INVALID", `\`${command}\` needs a channel, and the config has none`, {
    hint: `add \`channel.kafka.brokers\` to ${config.file}; without Kafka, \`tallylake follow\` does both halves in one process`,
  });
}

/**
 * Opens the Kafka channel. A cluster that is away is waited for, for as long as a source is.
 * @throws SyncError KAFKA_UNREACHABLE, KAFKA_ACCESS_DENIED, KAFKA_TLS, KAFKA_VERSION, KAFKA_TOPIC_NAME, KAFKA_CLIENT_MISSING
 */
export async function openKafkaChannel(
  context: ChannelContext,
  kafka: KafkaChannelConfig,
  {
    tables,
    serverUuid,
    driver,
  }: {
    readonly tables: readonly FollowedTable[];
    readonly serverUuid: string;
    /** In place of the one that the config names. */
    readonly driver?: KafkaDriver;
  },
): Promise<KafkaChannel> {
  const { config, log } = context;
  const control = await connectControl(context, kafka);
  const { limits, topics } = kafka;
  return new KafkaChannel({
    ...kafka,
    driver: driver ?? (await openDriver(kafka)),
    control,
    identity: identityOf(config),
    serverUuid,
    tables,
    snapshots: kafka.snapshots
      ? await firstInstants(
          config.lakeDir,
          tables.map(({ schema }) => schema.id),
        )
      : null,
    limits: {
      ...limits,
      openMsMax: kafka.transactionTimeoutMs * OPEN_PART,
      holdMs: Math.min(HOLD_MS, limits.idleMs),
      planMs: topics.retentionMs / PLANS_IN_RETENTION,
    },
    // The folder of the lake holds tables only.
    largeDir: `${config.lakeDir}.large`,
    readBytesMax: READ_BYTES_MAX,
    blockedMsMax: BLOCKED_MS,
    log,
    now: monotonicMs,
    nowMs: Date.now,
    random: Math.random,
    newId: randomUUID,
  });
}

async function openDriver({ client, endpoint }: KafkaChannelConfig): Promise<KafkaDriver> {
  switch (client) {
    case "kafkajs":
      return new KafkajsDriver(endpoint, { nowMs: Date.now, monotonicMs });
    case "librdkafka":
      return await LibrdkafkaDriver.load(endpoint, monotonicMs);
  }
}

export function connectControl(
  { log, signal }: ChannelContext,
  { endpoint }: KafkaChannelConfig,
): Promise<KafkaControl> {
  let waitedMs = 0;
  return retry(() => KafkaControl.connect(endpoint, monotonicMs), {
    name: "connect to Kafka",
    attemptsMax: Infinity,
    delayMsMin: 250,
    delayMsMax: 10_000,
    retryable: (error) => isSyncError(error) && error.retryable && waitedMs < PATIENCE_MS,
    onRetry: (error, attempt, delayMs) => {
      waitedMs += delayMs;
      log.warn("Kafka is away; trying again", {
        attempt,
        retryInMs: Math.round(delayMs),
        cause: messageOf(error),
      });
    },
    random: Math.random,
    signal,
  });
}
