import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import {
  KAFKA_CLIENTS,
  type KafkaDriver,
  type TransactionalProducer,
} from "../../../src/channel/kafka/driver.ts";
import { sliceBatch, type ChangeBatch } from "../../../src/types/change-batch.ts";
import type { ChannelWriter } from "../../../src/types/ports.ts";
import { must } from "../../../src/util/assert.ts";
import { makeBatch } from "../../support/batch.ts";
import { changesOf, CHANNEL_START, seeUnit, unitEnd } from "../../support/channel-reading.ts";
import { kafkaTest } from "../../support/kafka.ts";
import { withControl } from "../../support/kafka-admin.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../../support/kafka-channel.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver } from "../../support/librdkafka.ts";
import { KafkaProxy } from "../../support/kafka-proxy.ts";
import { blockOf } from "../../support/kafka-records.ts";

/* Who writes, and who is told that he may not any more: by the real coordinator of transactions. */

const PARTITIONS = 6;
const LATE_MS = 800;
const SLOW_MS = 1400;
const RECORD = blockOf([{ key: "k", value: "v".repeat(2000), header: null }]);

const producerOf = (driver: KafkaDriver, transactionalId: string, transactionTimeoutMs = 30_000) =>
  driver.openProducer({
    ...{ transactionalId, transactionTimeoutMs, compression: "none", batchBytesMax: 1_000_000 },
    deliveryTimeoutMs: 10_000,
  });

const test = kafkaTest.extend("topic", async ({ kafka }) => {
  const topic = kafka.uniqueName();
  await withControl(kafka.bootstrap, (control) =>
    control.create([{ topic, partitions: PARTITIONS, replication: 1, config: {} }]),
  );
  return topic;
});

async function write(producer: TransactionalProducer, topic: string, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) await producer.send({ topic, partition: i % PARTITIONS }, RECORD);
  await producer.flush();
}

test("F183: one that took over and has aborted a transaction since is no transaction that expired", async ({
  kafka,
  topic,
}) => {
  const driver = kafkajsDriver(endpointOf(kafka.brokers));
  const first = await producerOf(driver, topic);
  const second = await producerOf(driver, topic);
  await second.begin();
  await write(second, topic);
  await second.abort();
  await first.begin();
  await expect(write(first, topic)).rejects.toMatchObject({ code: "KAFKA_FENCED" });
  await second.begin();
  await write(second, topic);
  await second.commit();
  await driver.close();
});

test.for(KAFKA_CLIENTS)(
  "%s: F183: one that is slow to take over is no transaction that expired",
  { timeout: LIBRDKAFKA_MS },
  async (client, { startKafka, skip }) => {
    await using proxy = await KafkaProxy.start();
    await using kafka = await startKafka({ advertisedPort: must(proxy.ports[0], "a port") });
    proxy.lead([kafka.process.port()]);
    const topic = kafka.uniqueName();
    await withControl(kafka.process.admin, (control) =>
      control.create([{ topic, partitions: PARTITIONS, replication: 1, config: {} }]),
    );
    const endpoint = endpointOf(proxy.brokers);
    const driver = client === "kafkajs" ? kafkajsDriver(endpoint) : await librdkafkaDriver(endpoint);
    if ("missing" in driver) return skip(driver.missing);
    const first = await producerOf(driver, topic);
    await first.begin();
    await write(first, topic);
    // The transaction is aborted by then, and the epoch is not its own yet.
    const asked = proxy.arm({ api: "InitProducerId", strike: "slow", ms: SLOW_MS });
    const taking = producerOf(driver, topic);
    await asked;
    await delay(SLOW_MS / 2);
    await expect(write(first, topic)).rejects.toMatchObject({ code: "KAFKA_FENCED" });
    await taking;
    await driver.close();
  },
);

test("F186: a request of our own that comes late is nobody who has taken over", async ({ startKafka }) => {
  await using proxy = await KafkaProxy.start();
  await using kafka = await startKafka({ advertisedPort: must(proxy.ports[0], "a port") });
  proxy.lead([kafka.process.port()]);
  const topic = kafka.uniqueName();
  await withControl(kafka.process.admin, (control) =>
    control.create([{ topic, partitions: PARTITIONS, replication: 1, config: {} }]),
  );
  const driver = kafkajsDriver(endpointOf(proxy.brokers));
  // The first one of all waits for the coordinator to begin.
  await producerOf(driver, kafka.uniqueName());
  const late = proxy.arm({ api: "InitProducerId", strike: "late", ms: LATE_MS });
  const first = await producerOf(driver, topic);
  await late;
  await delay(2 * LATE_MS);
  await first.begin();
  await expect(write(first, topic)).rejects.toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN", retryable: true });
  const second = await producerOf(driver, topic);
  await second.begin();
  await write(second, topic);
  await second.commit();
  await driver.close();
});

test("F184: a transaction that expired is told from a fence, however many records are on their way", async ({
  kafka,
  topic,
}) => {
  const driver = kafkajsDriver(endpointOf(kafka.brokers));
  const producer = await producerOf(driver, topic, 1000);
  await producer.begin();
  await write(producer, topic, PARTITIONS);
  await delay(2500);
  await expect(write(producer, topic, 500)).rejects.toMatchObject({ code: "KAFKA_TRANSACTION_EXPIRED" });
  await driver.close();
});

test("F189: what is committed behind a transaction that is still open is not written once more", async ({
  kafka,
}) => {
  const endpoint = endpointOf(kafka.brokers);
  const driver = kafkajsDriver(endpoint);
  const positionTopic = kafka.uniqueName();
  const channel = await kafkaChannel(endpoint, driver, { positionTopic });
  const first = await channel.writer();
  const other = await producerOf(driver, kafka.uniqueName());
  await other.begin();
  await other.send({ topic: positionTopic, partition: 0 }, RECORD);
  await other.flush();
  const rows = makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1000, form: channel.takes });
  await commit(first, [rows], 1);
  await first.close();
  const opening = channel.writer();
  await delay(500);
  await other.abort();
  const second = await opening;
  expect(second.resume?.from).toEqual(unitEnd(1).position);
  await second.close();
  await channel.close();
});

test("F184: positions in front of a unit that has parts do not end it, however long its rows take", async ({
  kafka,
}) => {
  const endpoint = endpointOf(kafka.brokers);
  const limits = {
    rowsMax: 4,
    bytesMax: 1 << 20,
    openMsMax: 15_000,
    holdMs: 50,
    idleMs: 100,
    planMs: 60_000,
  };
  const channel = await kafkaChannel(endpoint, kafkajsDriver(endpoint), { limits });
  const rows = Array.from({ length: 10 }, (_, id) => ({ op: "c" as const, id }));
  const batch = makeBatch([rows], { firstGtid: 2, firstSeq: 2000, form: channel.takes });
  const first = await channel.writer();
  await commit(
    first,
    [makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1000, form: channel.takes })],
    1,
  );
  await first.begin();
  await first.append(sliceBatch(batch, 0, 5));
  await first.close();
  const second = await channel.writer();
  const lost = second.lost.catch((error: unknown) => error);
  // Longer than a position is held, and than nothing may be written.
  await delay(500);
  await commit(second, [], 1);
  await delay(500);
  await commit(second, [batch], 2);
  expect(await Promise.race([lost, delay(300, "alive")])).toBe("alive");
  for await (const delivery of channel.reader(CHANNEL_START, new AbortController().signal)) {
    const seen = await seeUnit(delivery);
    if (seen.offset !== 2) continue;
    expect(seen.changes).toEqual(changesOf(batch));
    break;
  }
  await second.close();
  await channel.close();
});

async function commit(writer: ChannelWriter, batches: readonly ChangeBatch[], number: number): Promise<void> {
  await writer.begin();
  for (const batch of batches) await writer.append(batch);
  await writer.commit(unitEnd(number));
}
