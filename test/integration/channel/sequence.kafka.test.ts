import { expect } from "vitest";
import type { ProducerOptions } from "../../../src/channel/kafka/driver.ts";
import { nextSequence } from "../../../src/channel/kafka/record-batch.ts";
import { Cluster } from "../../../src/channel/kafkajs/cluster.ts";
import { TransactionCoordinator } from "../../../src/channel/kafkajs/coordinator.ts";
import { ProduceQueue } from "../../../src/channel/kafkajs/produce-queue.ts";
import { readAll, values } from "../../contract/kafka-driver-rig.ts";
import { withControl } from "../../support/kafka-admin.ts";
import { endpointOf, kafkajsDriver, monotonicMs } from "../../support/kafka-channel.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { encode } from "../../support/record-batch.ts";
import type { TestKafka } from "../../support/test-kafka.ts";

/* Sequence numbers as a broker sees them: a producer of ours that does not begin to count at 0. */

const ROWS = 5;
const NUMBERS = 2 ** 31;

/** Writes blocks of records in one transaction, the first of them under this number. */
async function writer(kafka: TestKafka, topic: string) {
  const cluster = await Cluster.connect(endpointOf(kafka.brokers));
  const options: ProducerOptions = {
    ...{ transactionalId: topic, transactionTimeoutMs: 30_000, deliveryTimeoutMs: 10_000 },
    ...{ batchBytesMax: 1_000_000, compression: "none" },
  };
  const coordinator = new TransactionCoordinator(cluster, options, monotonicMs);
  const producer = await coordinator.initProducer();
  const queue = new ProduceQueue({ cluster, ...options, now: monotonicMs });
  await coordinator.addPartitions(producer, [{ topic, partition: 0 }]);
  const batchOf = (baseSequence: number, name: string): Promise<Uint8Array> =>
    encode({
      ...{ records: values(ROWS, name), from: 0, to: ROWS, baseSequence },
      ...{ producerId: producer.id, producerEpoch: producer.epoch },
      ...{ timestampMs: Date.now(), compression: options.compression, isTransactional: true },
    });
  /** Gives the offset of the first record. */
  const send = async (batch: Uint8Array): Promise<number> => {
    let at = -1;
    // The queue frees what is stored.
    const bytes = Uint8Array.from(batch);
    const onStored = (offset: number): void => void (at = offset);
    queue.push({ topic, partition: 0, bytes, sinceMs: monotonicMs(), onStored });
    await queue.below(0);
    return at;
  };
  return {
    batchOf,
    send,
    commit: () => coordinator.endTransaction(producer, true),
    [Symbol.asyncDispose]: () => cluster.close(),
  };
}

async function newTopic(kafka: TestKafka): Promise<string> {
  const topic = kafka.uniqueName();
  await withControl(kafka.bootstrap, (control) =>
    control.create([{ topic, partitions: 1, replication: 1, config: {} }]),
  );
  return topic;
}

test("K18: a broker follows our numbers beyond 2^31 - 1, inside of a batch and between two", async ({
  kafka,
}) => {
  // Where the last number falls: in the middle of a batch, at its end, at its start.
  for (const left of [2, ROWS, 1, ROWS + 1]) {
    const topic = await newTopic(kafka);
    await using producer = await writer(kafka, topic);
    const expected: string[] = [];
    for (let i = 0, sequence = NUMBERS - left; i < 3; i++) {
      const bytes = await producer.batchOf(sequence, `${i} `);
      expect(await producer.send(bytes)).toBe(i * ROWS);
      // As after an answer that was lost: the broker knows it by its numbers.
      expect(await producer.send(bytes)).toBe(i * ROWS);
      expected.push(...Array.from({ length: ROWS }, (_, row) => `${i} ${row}`));
      sequence = nextSequence(sequence, ROWS);
    }
    await producer.commit();
    const driver = kafkajsDriver(endpointOf(kafka.brokers));
    expect(await readAll(await driver.openReader("committed"), topic, expected.length)).toEqual(expected);
    await driver.close();
  }
});

test("F182: a number that a broker does not expect ends the producer, and nothing of it is stored", async ({
  kafka,
}) => {
  const topic = await newTopic(kafka);
  await using producer = await writer(kafka, topic);
  expect(await producer.send(await producer.batchOf(0, "a"))).toBe(0);
  await expect(producer.send(await producer.batchOf(ROWS + 1, "gap"))).rejects.toMatchObject({
    code: "KAFKA_OUTCOME_UNKNOWN",
    retryable: true,
  });
  const ends = await withControl(kafka.bootstrap, (control) => control.offsets(topic));
  expect(ends.map(({ end }) => end)).toEqual([ROWS]);
});
