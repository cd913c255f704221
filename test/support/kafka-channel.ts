import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KafkaDriver } from "../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { KafkaChannel, type KafkaChannelOptions } from "../../src/channel/kafka-channel.ts";
import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import { KafkajsDriver } from "../../src/channel/kafkajs/driver.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { SIMPLE_SCHEMA } from "./batch.ts";
import { RECORD_SOURCE } from "./batch-records.ts";
import { Log } from "../../src/util/log.ts";

export const monotonicMs = (): number => performance.now();

/** How tests reach a broker. */
export const endpointOf = (brokers: readonly string[], more: Partial<KafkaEndpoint> = {}): KafkaEndpoint => ({
  brokers,
  clientId: "tallylake-test",
  tls: { mode: "off", ca: null, cert: null, key: null },
  sasl: null,
  connectTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  ...more,
});

export const kafkajsDriver = (endpoint: KafkaEndpoint): KafkaDriver =>
  new KafkajsDriver(endpoint, { nowMs: Date.now, monotonicMs });

/** A channel of topics of its own, whose table holds nothing yet. */
export async function kafkaChannel(
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  more: Partial<KafkaChannelOptions> = {},
): Promise<KafkaChannel> {
  const name = randomUUID();
  const start = { gtids: GtidSet.empty, file: "binlog.000001", offset: 4, seq: 0, last: null };
  const identity = { source: RECORD_SOURCE, epoch: 1 };
  return new KafkaChannel({
    driver,
    control: await KafkaControl.connect(endpoint, monotonicMs),
    identity,
    serverUuid: "server",
    tables: [{ schema: SIMPLE_SCHEMA, checkpoint: { ...identity, serverUuid: "server", position: start } }],
    topic: `${name}.{database}.{table}`,
    routing: [],
    positionTopic: `${name}-positions`,
    topics: { partitions: 3, replication: 1, retentionMs: 3_600_000, minInSync: 1, messageBytes: 1_000_000 },
    transactionalId: name,
    transactionTimeoutMs: 30_000,
    deliveryTimeoutMs: 20_000,
    compression: "lz4",
    limits: {
      rowsMax: 400,
      bytesMax: 1 << 20,
      openMsMax: 15_000,
      holdMs: 200,
      idleMs: 60_000,
      planMs: 60_000,
    },
    tombstones: false,
    snapshots: null,
    largeDir: join(tmpdir(), `tallylake-large-${name}`),
    readBytesMax: 16 << 20,
    blockedMsMax: 10_000,
    log: new Log({ level: "error", format: "text", write: () => undefined, now: Date.now }),
    now: monotonicMs,
    nowMs: Date.now,
    random: Math.random,
    newId: randomUUID,
    ...more,
  });
}
