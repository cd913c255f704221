import { randomBytes } from "node:crypto";
import { describe, expect } from "vitest";
import { COMPRESSIONS, type FetchAnswer, type RecordReader } from "../../src/channel/kafka/driver.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { StopError } from "../../src/util/abort.ts";
import { consumerGroups } from "../support/kafka-admin.ts";
import { recordBlock } from "../support/record-block.ts";
import {
  rigTest,
  commitOne,
  never,
  readAll,
  textAt,
  values,
  type DriverUnderTest,
} from "./kafka-driver-rig.ts";

export function readerContract(underTest: DriverUnderTest): void {
  describe("its reader", () => {
    const test = rigTest(underTest);

    const fetch = (
      reader: RecordReader,
      topic: string,
      offset: number,
      more: {
        readonly partition?: number;
        readonly bytesMax?: number;
        readonly waitMs?: number;
        readonly topicId?: string;
        readonly signal?: AbortSignal;
      } = {},
    ): Promise<FetchAnswer> => {
      const { signal = never, ...request } = more;
      return reader.fetch(
        { topic, topicId: null, partition: 0, offset, bytesMax: 1 << 20, waitMs: 1000, ...request },
        signal,
      );
    };

    test("gives records as they were written, keys, values and headers, with their offsets", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic(2);
      const producer = await newProducer();
      await producer.begin();
      await producer.send({ topic, partition: 1 }, values(3));
      await producer.send({ topic, partition: 0 }, values(1, "w"));
      await producer.send({ topic, partition: 1 }, values(2, "x"));
      await producer.commit();
      const { blocks, nextOffset } = await fetch(await newReader("committed"), topic, 1, { partition: 1 });
      const seen = blocks.flatMap((block) =>
        Array.from({ length: block.count }, (_, i) => [
          block.offsets[i],
          textAt(block, block.keys, i),
          textAt(block, block.values, i),
          textAt(block, block.headers, i),
        ]),
      );
      expect(seen).toEqual([
        [1, "k1", "v1", "h1"],
        [2, "k2", "v2", "h2"],
        [3, "k0", "x0", "h0"],
        [4, "k1", "x1", "h1"],
      ]);
      // Or behind the marker of the commit, which has an offset of its own.
      expect(nextOffset).toBeGreaterThanOrEqual(5);
    });

    test("tells what is empty from what is null", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const records = [
        { key: "", value: "", header: "" },
        { key: null, value: null, header: null },
        { key: "k", value: "v", header: "h" },
      ];
      await commitOne(await newProducer(), topic, recordBlock(records));
      const { blocks } = await fetch(await newReader("committed"), topic, 0);
      const seen = blocks.flatMap((block) =>
        Array.from({ length: block.count }, (_, i) => ({
          key: textAt(block, block.keys, i),
          value: textAt(block, block.values, i),
          header: textAt(block, block.headers, i),
        })),
      );
      expect(seen).toEqual(records);
    });

    test("F188 K9: of committed records sees nothing that was aborted; the other one does", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(2, "gone"));
      await producer.abort();
      await commitOne(producer, topic, values(2, "kept"));
      const [end] = await control.offsets(topic);
      expect(await readAll(await newReader("committed"), topic, end?.end ?? 0)).toEqual(["kept0", "kept1"]);
      expect(await readAll(await newReader("uncommitted"), topic, end?.end ?? 0)).toEqual([
        ...["gone0", "gone1"],
        ...["kept0", "kept1"],
      ]);
    });

    test("K9: null values and keys of four zero bytes pass; an aborted one of them stays unseen", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      const odd = recordBlock([
        { key: "\0\0\0\0", value: "zero", header: "h" },
        { key: "k", value: null, header: null },
      ]);
      await producer.begin();
      await producer.send({ topic, partition: 0 }, odd);
      await producer.abort();
      await commitOne(producer, topic, odd);
      const [end] = await control.offsets(topic);
      expect(await readAll(await newReader("committed"), topic, end?.end ?? 0)).toEqual(["zero", ""]);
    });

    test("of committed records does not see what is open, and does as soon as it is committed", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(1));
      await producer.flush();
      const reader = await newReader("committed");
      const before = await fetch(reader, topic, 0, { waitMs: 300 });
      expect([before.blocks.length, before.nextOffset]).toEqual([0, 0]);
      await producer.commit();
      expect(await readAll(reader, topic, 1)).toEqual(["v0"]);
    });

    test("finds what is there at once, also where it has just found nothing", async ({ rig }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      const readers = [await newReader("committed"), await newReader("uncommitted")];
      let from = 0;
      for (let i = 0; i < 10; i++) {
        for (const reader of readers) {
          expect(await fetch(reader, topic, from, { waitMs: 0 })).toEqual({ blocks: [], nextOffset: from });
        }
        await commitOne(producer, topic, values(1, `t${i}-`));
        // The marker of a transaction is written behind the answer to its commit.
        const stableOffset = async (): Promise<number> => (await control.offsets(topic))[0]?.stable ?? 0;
        await expect.poll(stableOffset).toBe(from + 2);
        const stable = from + 2;
        for (const reader of readers) {
          const seen: string[] = [];
          for (let offset = from; offset < stable;) {
            const { blocks, nextOffset } = await fetch(reader, topic, offset, { waitMs: 0 });
            expect(nextOffset).toBeGreaterThan(offset);
            seen.push(...blocks.map((block) => textAt(block, block.values, 0) ?? ""));
            offset = nextOffset;
          }
          expect(seen).toEqual([`t${i}-0`]);
        }
        from = stable;
      }
    });

    test("waits for records, and gives them when they come", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      const coming = fetch(await newReader("committed"), topic, 0, { waitMs: 30_000 });
      await commitOne(producer, topic, values(1));
      const startMs = performance.now();
      const { blocks } = await coming;
      expect(blocks.map(({ count }) => count)).toEqual([1]);
      expect(performance.now() - startMs).toBeLessThan(10_000);
    });

    test("stops waiting when it is told to, and goes on later", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const reader = await newReader("committed");
      const stop = new AbortController();
      const stopped = fetch(reader, topic, 0, { waitMs: 2000, signal: stop.signal });
      setTimeout(() => {
        stop.abort();
      }, 100);
      await expect(stopped).rejects.toThrow(StopError);
      await expect(fetch(reader, topic, 0, { signal: stop.signal })).rejects.toThrow(StopError);
      await commitOne(await newProducer(), topic, values(1));
      expect(await readAll(reader, topic, 1)).toEqual(["v0"]);
    });

    test("goes to any offset and back, in several partitions side by side", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic(3);
      const producer = await newProducer(undefined, { batchBytesMax: 2000 });
      await producer.begin();
      for (const partition of [0, 1, 2])
        await producer.send({ topic, partition }, values(500, `p${partition}-`));
      await producer.commit();
      const reader = await newReader("committed");
      const walk = async (partition: number, offsets: readonly number[]): Promise<void> => {
        for (const offset of offsets) {
          const { blocks, nextOffset } = await fetch(reader, topic, offset, { partition, bytesMax: 1000 });
          const seen = blocks.flatMap((block) =>
            Array.from({ length: block.count }, (_, i) => textAt(block, block.values, i)),
          );
          const expected = Array.from(
            { length: Math.min(500, nextOffset) - offset },
            (_, i) => `p${partition}-${offset + i}`,
          );
          expect(seen).toEqual(expected);
          expect(seen.length).toBeGreaterThan(0);
        }
      };
      await Promise.all([
        walk(0, [0, 300, 10, 11, 499, 0]),
        walk(1, [499, 250, 251, 250, 0]),
        walk(2, [7, 7, 7, 400, 6, 499]),
      ]);
    });

    test("gives all who read one partition at different offsets side by side what is there", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      for (let i = 0; i < 4; i++) await commitOne(producer, topic, values(1, `v${i}-`));
      const reader = await newReader("committed");
      const answers = await Promise.all([6, 2, 0, 2, 4].map((offset) => fetch(reader, topic, offset)));
      const firsts = answers.map(({ blocks: [block] }) =>
        block === undefined ? null : [block.offsets[0], textAt(block, block.values, 0)],
      );
      expect(firsts).toEqual([
        [6, "v3-0"],
        [2, "v1-0"],
        [0, "v0-0"],
        [2, "v1-0"],
        [4, "v2-0"],
      ]);
    });

    test("gives a record that is longer than what it may bring", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      await commitOne(
        await newProducer(undefined, { compression: "none" }),
        topic,
        values(1, "x".repeat(500_000)),
      );
      const { blocks, nextOffset } = await fetch(await newReader("committed"), topic, 0, { bytesMax: 1000 });
      expect(blocks.map(({ count }) => count)).toEqual([1]);
      expect(nextOffset).toBeGreaterThan(0);
    });

    test.for(COMPRESSIONS)(
      "K15: what is packed by %s comes back, or is refused",
      async (compression, { rig }) => {
        const { newTopic, newProducer, newReader, driver } = rig;
        const topic = await newTopic();
        const opening = newProducer(undefined, { compression });
        const failure = await opening.then(
          () => null,
          (error: unknown) => error,
        );
        // A librdkafka that was compiled here has what this machine has: without a codec it says so at once.
        if (driver.name === "librdkafka" && isSyncError(failure, "KAFKA_CODEC")) {
          expect(failure.message).toContain(compression);
          return;
        }
        await commitOne(await opening, topic, values(1000));
        const expected = Array.from({ length: 1000 }, (_, i) => `v${i}`);
        expect(await readAll(await newReader("committed"), topic, 1000)).toEqual(expected);
      },
    );

    test("F200: what others pack by snappy is read, or refused by name, and never passed over", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, driver } = rig;
      // The broker packs anew what comes in another codec.
      const topic = await newTopic(1, { "compression.type": "snappy" });
      await commitOne(await newProducer(), topic, values(100));
      const reading = readAll(await newReader("committed"), topic, 100);
      if (driver.name === "kafkajs") {
        await expect(reading).rejects.toMatchObject({ code: "KAFKA_CODEC", retryable: false });
      } else {
        expect(await reading).toEqual(Array.from({ length: 100 }, (_, i) => `v${i}`));
      }
    });

    test("K16: a fetch brings little more than was asked for, however well it was packed", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic();
      const producer = await newProducer(undefined, { batchBytesMax: 200_000 });
      // Twelve million bytes, which take some fifty thousand on the broker.
      for (let i = 0; i < 3; i++) await commitOne(producer, topic, values(40, "x".repeat(100_000)));
      const end = (await control.offsets(topic))[0]?.end ?? 0;
      const reader = await newReader("uncommitted");
      const bytesMax = 200_000;
      const keys: (string | null)[] = [];
      for (let offset = 0; offset < end;) {
        const { blocks, nextOffset } = await fetch(reader, topic, offset, { bytesMax });
        const bytes = blocks.reduce((sum, block) => sum + block.bytes.byteLength, 0);
        expect(bytes).toBeLessThan(10 * bytesMax);
        for (const block of blocks)
          for (let i = 0; i < block.count; i++) keys.push(textAt(block, block.keys, i));
        expect(nextOffset).toBeGreaterThan(offset);
        offset = nextOffset;
      }
      const once = Array.from({ length: 40 }, (_, i) => `k${i}`);
      expect(keys).toEqual([...once, ...once, ...once]);
    });

    test("F198: leaves no consumer group behind, and no offset of one", async ({ rig }) => {
      const { newTopic, newProducer, newReader, brokers, clientId } = rig;
      const topic = await newTopic();
      const before = await consumerGroups(brokers.join(","));
      await commitOne(await newProducer(), topic, values(1));
      expect(await readAll(await newReader("committed"), topic, 1)).toEqual(["v0"]);
      // One of our name that an earlier test left would be no better.
      const ours = (await consumerGroups(brokers.join(","))).filter(
        (group) => group === clientId || !before.includes(group),
      );
      expect(ours).toEqual([]);
    });

    test("K10: an offset outside of the partition is an error, never another place", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      await commitOne(await newProducer(), topic, values(1));
      for (const isolation of ["committed", "uncommitted"] as const) {
        const reader = await newReader(isolation);
        await expect(fetch(reader, topic, 100, { waitMs: 100 })).rejects.toMatchObject({
          code: "KAFKA_OFFSET_GONE",
          retryable: false,
        });
        // The reader is still good for others.
        expect(await readAll(reader, topic, 1)).toEqual(["v0"]);
      }
    });

    test("a topic or a partition that is not there, or another topic than was meant, is an error", async ({
      rig,
    }) => {
      const { newTopic, newReader, newId } = rig;
      const topic = await newTopic();
      const reader = await newReader("uncommitted");
      await expect(fetch(reader, newId(), 0)).rejects.toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
      await expect(fetch(reader, topic, 0, { partition: 1 })).rejects.toMatchObject({
        code: "KAFKA_TOPIC_MISSING",
      });
      const topicId = randomBytes(16).toString("base64url");
      await expect(fetch(reader, topic, 0, { topicId })).rejects.toMatchObject({
        code: "KAFKA_TOPIC_REPLACED",
      });
    });
  });
}
