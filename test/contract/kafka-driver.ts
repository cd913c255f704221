import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import type {
  KafkaDriver,
  Isolation,
  ProducerOptions,
  RecordReader,
  TransactionalProducer,
} from "../../src/channel/kafka/driver.ts";
import type { RecordBlock } from "../../src/channel/kafka/record-block.ts";
import type { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import { recordBlock } from "../support/record-block.ts";

/** What both clients promise. */
export interface DriverUnderTest {
  readonly name: string;
  readonly open: () => Promise<KafkaDriver>;
  readonly control: () => Promise<KafkaControl>;
}

const never = new AbortController().signal;

interface Opened {
  readonly driver: KafkaDriver;
  readonly control: KafkaControl;
}

const OPTIONS: Omit<ProducerOptions, "transactionalId"> = {
  transactionTimeoutMs: 30_000,
  compression: "lz4",
  batchBytesMax: 1_000_000,
  deliveryTimeoutMs: 20_000,
};

const values = (count: number, name = "v"): RecordBlock =>
  recordBlock(
    Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `${name}${i}`, header: `h${i}` })),
  );

async function readAll(reader: RecordReader, topic: string, end: number, partition = 0): Promise<string[]> {
  const seen: string[] = [];
  for (let offset = 0; offset < end;) {
    const { blocks, nextOffset } = await reader.fetch(
      { topic, topicId: null, partition, offset, bytesMax: 1 << 20, waitMs: 1000 },
      never,
    );
    for (const block of blocks) {
      for (let i = 0; i < block.count; i++) {
        const from = block.values.start[i] as number;
        seen.push(Buffer.from(block.bytes.subarray(from, block.values.end[i])).toString());
      }
    }
    if (nextOffset === offset) break;
    offset = nextOffset;
  }
  return seen;
}

export function driverContract({ name, open, control: openControl }: DriverUnderTest): void {
  describe(`${name} is a Kafka driver`, () => {
    const closing: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
    });

    const start = async (): Promise<Opened> => {
      const driver = await open();
      const control = await openControl();
      closing.push(
        () => driver.close(),
        () => control.close(),
      );
      return { driver, control };
    };
    const newTopic = async (control: KafkaControl, partitions = 1): Promise<string> => {
      const topic = `t-${randomUUID()}`;
      await control.create([{ topic, partitions, replication: 1, config: {} }]);
      return topic;
    };
    const producerOf = (
      driver: KafkaDriver,
      id = randomUUID(),
      more: Partial<ProducerOptions> = {},
    ): Promise<TransactionalProducer> => driver.openProducer({ ...OPTIONS, transactionalId: id, ...more });
    const readerOf = (driver: KafkaDriver, isolation: Isolation): Promise<RecordReader> =>
      driver.openReader(isolation);

    test("a committed transaction is read as it was written, keys, values and headers, with its offsets", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control, 2);
      const producer = await producerOf(driver);
      await producer.begin();
      await producer.send({ topic, partition: 1 }, values(3));
      await producer.send({ topic, partition: 0 }, values(1, "w"));
      await producer.send({ topic, partition: 1 }, values(2, "x"));
      const ranges = (await producer.flush()).map(({ producer: _p, ...range }) => range);
      await producer.commit();
      expect(ranges.toSorted((a, b) => a.partition - b.partition)).toEqual([
        { topic, partition: 0, from: 0, to: 1, count: 1 },
        { topic, partition: 1, from: 0, to: 5, count: 5 },
      ]);
      const reader = await readerOf(driver, "committed");
      const { blocks, nextOffset } = await reader.fetch(
        { topic, topicId: null, partition: 1, offset: 1, bytesMax: 1 << 20, waitMs: 1000 },
        never,
      );
      const text = (block: RecordBlock, spans: RecordBlock["keys"], i: number): string =>
        Buffer.from(block.bytes.subarray(spans.start[i], spans.end[i])).toString();
      const seen = blocks.flatMap((block) =>
        Array.from({ length: block.count }, (_, i) => [
          block.offsets[i],
          text(block, block.keys, i),
          text(block, block.values, i),
          text(block, block.headers, i),
        ]),
      );
      expect(seen).toEqual([
        [1, "k1", "v1", "h1"],
        [2, "k2", "v2", "h2"],
        [3, "k0", "x0", "h0"],
        [4, "k1", "x1", "h1"],
      ]);
      // Behind the marker of the commit, which has an offset of its own.
      expect(nextOffset).toBeGreaterThanOrEqual(5);
    });

    test("an aborted transaction is not seen by a reader of committed records, and is by the other", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const producer = await producerOf(driver);
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(2, "gone"));
      await producer.abort();
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(2, "kept"));
      await producer.commit();
      const [end] = await control.offsets(topic);
      expect(await readAll(await readerOf(driver, "committed"), topic, end?.end ?? 0)).toEqual([
        "kept0",
        "kept1",
      ]);
      expect(await readAll(await readerOf(driver, "uncommitted"), topic, end?.end ?? 0)).toEqual([
        "gone0",
        "gone1",
        "kept0",
        "kept1",
      ]);
    });

    test("what is open is not seen by a reader of committed records", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const producer = await producerOf(driver);
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(1));
      await producer.flush();
      const reader = await readerOf(driver, "committed");
      const before = await reader.fetch(
        { topic, topicId: null, partition: 0, offset: 0, bytesMax: 1 << 20, waitMs: 300 },
        never,
      );
      expect([before.blocks.length, before.nextOffset]).toEqual([0, 0]);
      await producer.commit();
      expect(await readAll(reader, topic, 1)).toEqual(["v0"]);
    });

    test("a second producer of the same id fences the first one off", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const id = randomUUID();
      const first = await producerOf(driver, id);
      await first.begin();
      await first.send({ topic, partition: 0 }, values(1, "first"));
      await first.flush();
      const second = await producerOf(driver, id);
      await second.begin();
      await second.send({ topic, partition: 0 }, values(1, "second"));
      await expect(first.commit()).rejects.toMatchObject({ code: "KAFKA_FENCED" });
      await second.commit();
      await expect(
        (async () => {
          await first.begin();
          await first.send({ topic, partition: 0 }, values(1, "late"));
          await first.commit();
        })(),
      ).rejects.toMatchObject({ code: "KAFKA_FENCED" });
      const [end] = await control.offsets(topic);
      expect(await readAll(await readerOf(driver, "committed"), topic, end?.stable ?? 0)).toEqual([
        "second0",
      ]);
    });

    test("a transaction that was open for too long is told from a fence", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const producer = await producerOf(driver, randomUUID(), { transactionTimeoutMs: 1000 });
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(1));
      await producer.flush();
      await expect
        .poll(async () => (await control.producers(topic))[0]?.producers[0]?.openFrom ?? -1, {
          timeout: 20_000,
        })
        .toBe(-1);
      await expect(producer.commit()).rejects.toMatchObject({
        code: "KAFKA_TRANSACTION_EXPIRED",
        retryable: true,
      });
    });

    test("many transactions one behind the other, over several partitions and batches", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control, 3);
      const producer = await producerOf(driver, randomUUID(), { batchBytesMax: 4096 });
      const expected: string[][] = [[], [], []];
      for (let number = 0; number < 30; number++) {
        await producer.begin();
        for (let partition = 0; partition < 3; partition++) {
          const block = values(200, `t${number}-`);
          await producer.send({ topic, partition }, block);
          expected[partition]?.push(...Array.from({ length: 200 }, (_, i) => `t${number}-${i}`));
        }
        const ranges = await producer.flush();
        expect(ranges.map(({ count, from, to }) => [count, to - from])).toEqual([
          [200, 200],
          [200, 200],
          [200, 200],
        ]);
        await producer.commit();
      }
      const reader = await readerOf(driver, "committed");
      for (const { partition, end } of await control.offsets(topic))
        expect(await readAll(reader, topic, end, partition)).toEqual(expected[partition]);
    });

    test("null values and keys of four zero bytes pass; an aborted one of them stays unseen", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const producer = await producerOf(driver);
      const odd = recordBlock([
        { key: "\0\0\0\0", value: "zero", header: "h" },
        { key: "k", value: null, header: null },
      ]);
      await producer.begin();
      await producer.send({ topic, partition: 0 }, odd);
      await producer.abort();
      await producer.begin();
      await producer.send({ topic, partition: 0 }, odd);
      await producer.commit();
      const [end] = await control.offsets(topic);
      expect(await readAll(await readerOf(driver, "committed"), topic, end?.end ?? 0)).toEqual(["zero", ""]);
    });

    test("a record above the limit is refused, and nothing of its transaction is seen", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const producer = await producerOf(driver, randomUUID(), { batchBytesMax: 10_000, compression: "none" });
      await producer.begin();
      const large = recordBlock([{ key: "k", value: "x".repeat(20_000), header: "h" }]);
      await expect(
        (async () => {
          await producer.send({ topic, partition: 0 }, large);
          await producer.commit();
        })(),
      ).rejects.toMatchObject({ code: "KAFKA_MESSAGE_TOO_LARGE" });
      await producer.close();
      const reader = await readerOf(driver, "committed");
      expect(await readAll(reader, topic, 1)).toEqual([]);
    });

    test("an offset outside of the partition is an error, never another place", async () => {
      const { driver, control } = await start();
      const topic = await newTopic(control);
      const reader = await readerOf(driver, "uncommitted");
      await expect(
        reader.fetch({ topic, topicId: null, partition: 0, offset: 100, bytesMax: 1000, waitMs: 100 }, never),
      ).rejects.toMatchObject({ code: "KAFKA_OFFSET_GONE", retryable: false });
    });

    test("a topic that is not there is an error", async () => {
      const { driver } = await start();
      const reader = await readerOf(driver, "uncommitted");
      await expect(
        reader.fetch(
          { topic: `t-${randomUUID()}`, topicId: null, partition: 0, offset: 0, bytesMax: 1000, waitMs: 100 },
          never,
        ),
      ).rejects.toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
      const producer = await producerOf(driver);
      await producer.begin();
      await expect(
        (async () => {
          await producer.send({ topic: `t-${randomUUID()}`, partition: 0 }, values(1));
          await producer.commit();
        })(),
      ).rejects.toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
    });
  });
}
