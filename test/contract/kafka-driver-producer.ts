import { describe, expect } from "vitest";
import { recordBlock } from "../support/record-block.ts";
import { rigTest, commitOne, readAll, values, type DriverUnderTest } from "./kafka-driver-rig.ts";

export function producerContract(underTest: DriverUnderTest): void {
  describe("its transactional producer", () => {
    const test = rigTest(underTest);

    test("tells where each partition's records are, without markers", async ({ rig }) => {
      const { newTopic, newProducer } = rig;
      const topic = await newTopic(2);
      const producer = await newProducer();
      for (const before of [0, 6]) {
        await producer.begin();
        await producer.send({ topic, partition: 1 }, values(3));
        await producer.send({ topic, partition: 0 }, values(1, "w"));
        await producer.send({ topic, partition: 1 }, values(2, "x"));
        const ranges = (await producer.flush()).map(({ producer: _producer, ...range }) => range);
        await producer.commit();
        expect(ranges.toSorted((a, b) => a.partition - b.partition)).toEqual([
          { topic, partition: 0, from: before / 3, to: before / 3 + 1, count: 1 },
          { topic, partition: 1, from: before, to: before + 5, count: 5 },
        ]);
      }
    });

    test("says who it is with each range, the same in all of them", async ({ rig }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic(2);
      const producer = await newProducer();
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(1));
      await producer.send({ topic, partition: 1 }, values(1));
      const [first, second] = await producer.flush();
      await producer.commit();
      const [known] = (await control.producers(topic))[0]?.producers ?? [];
      expect(first?.producer).toEqual({ id: String(known?.producerId), epoch: known?.epoch });
      expect(second?.producer).toEqual(first?.producer);
      const reader = await newReader("uncommitted");
      const { blocks } = await reader.fetch(
        { topic, topicId: null, partition: 0, offset: 0, bytesMax: 1000, waitMs: 1000 },
        new AbortController().signal,
      );
      expect([null, first?.producer]).toContainEqual(blocks[0]?.producer);
    });

    test("a transaction without records is committed, and another one follows", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      await producer.begin();
      await producer.commit();
      await producer.begin();
      await producer.abort();
      await commitOne(producer, topic, values(1));
      expect(await readAll(await newReader("committed"), topic, 1)).toEqual(["v0"]);
    });

    test("a second producer of the same id fences the first one off", async ({ rig }) => {
      const { newTopic, newProducer, newReader, newId, control } = rig;
      const topic = await newTopic();
      const id = newId();
      const first = await newProducer(id);
      await first.begin();
      await first.send({ topic, partition: 0 }, values(1, "first"));
      await first.flush();
      const second = await newProducer(id);
      await second.begin();
      await second.send({ topic, partition: 0 }, values(1, "second"));
      await expect(first.commit()).rejects.toMatchObject({ code: "KAFKA_FENCED", retryable: false });
      await second.commit();
      await expect(commitOne(first, topic, values(1, "late"))).rejects.toMatchObject({
        code: "KAFKA_FENCED",
      });
      const [end] = await control.offsets(topic);
      expect(await readAll(await newReader("committed"), topic, end?.stable ?? 0)).toEqual(["second0"]);
    });

    test("one that is fenced off learns it when it sends, and when it begins to", async ({ rig }) => {
      const { newTopic, newProducer, newId } = rig;
      const topic = await newTopic();
      const [sending, idle] = [newId(), newId()];
      const first = await newProducer(sending);
      await first.begin();
      await first.send({ topic, partition: 0 }, values(1));
      await first.flush();
      await newProducer(sending);
      await expect(
        (async () => {
          await first.send({ topic, partition: 0 }, values(1));
          await first.flush();
        })(),
      ).rejects.toMatchObject({ code: "KAFKA_FENCED", retryable: false });
      const third = await newProducer(idle);
      const taker = await newProducer(idle);
      // What the one who took over aborts is no transaction of the other's.
      await taker.begin();
      await taker.send({ topic, partition: 0 }, values(1));
      await taker.abort();
      await expect(commitOne(third, topic, values(1))).rejects.toMatchObject({
        code: "KAFKA_FENCED",
        retryable: false,
      });
    });

    test.for(["commit", "send"])(
      "a transaction that was open for too long is told from a fence at %s",
      async (at, { rig }) => {
        const { newTopic, newProducer, newReader, newId, control } = rig;
        const topic = await newTopic();
        const id = newId();
        const producer = await newProducer(id, { transactionTimeoutMs: 1000 });
        await producer.begin();
        await producer.send({ topic, partition: 0 }, values(1));
        await producer.flush();
        const openFrom = async (): Promise<number> =>
          (await control.producers(topic))[0]?.producers[0]?.openFrom ?? -1;
        await expect.poll(openFrom, { timeout: 20_000 }).toBe(-1);
        const goOn = async (): Promise<void> => {
          if (at === "send") await producer.send({ topic, partition: 0 }, values(1));
          await producer.commit();
        };
        await expect(goOn()).rejects.toMatchObject({ code: "KAFKA_TRANSACTION_EXPIRED", retryable: true });
        await producer.close();
        await commitOne(await newProducer(id), topic, values(1, "again"));
        const [end] = await control.offsets(topic);
        expect(await readAll(await newReader("committed"), topic, end?.end ?? 0)).toEqual(["again0"]);
      },
    );

    test("F187: many transactions one behind the other, over several partitions and batches", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic(3);
      const producer = await newProducer(undefined, { batchBytesMax: 4096 });
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
      const reader = await newReader("committed");
      for (const { partition, end } of await control.offsets(topic))
        expect(await readAll(reader, topic, end, { partition })).toEqual(expected[partition]);
    });

    test("F181 K7: sends side by side are stored, each whole and in its order, no record twice", async ({
      rig,
    }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic(3);
      const producer = await newProducer(undefined, { batchBytesMax: 2000 });
      const names: string[][] = [[], [], []];
      for (let number = 0; number < 5; number++) {
        await producer.begin();
        const sends = Array.from({ length: 90 }, (_, i) => {
          const partition = i % 3;
          const name = `t${number} s${i} `;
          names[partition]?.push(name);
          return producer.send({ topic, partition }, values(80, name));
        });
        await Promise.all(sends);
        expect((await producer.flush()).map(({ count }) => count)).toEqual([2400, 2400, 2400]);
        await producer.commit();
      }
      const reader = await newReader("committed");
      for (const { partition, end } of await control.offsets(topic)) {
        const seen = await readAll(reader, topic, end, { partition });
        expect(seen.length).toBe(12_000);
        // Which of the sends comes first is not said where they are made at once.
        const bySend = new Map<string, string[]>();
        for (const value of seen) {
          const name = value.slice(0, value.lastIndexOf(" ") + 1);
          bySend.set(name, [...(bySend.get(name) ?? []), value]);
        }
        const whole = (name: string): string[] => Array.from({ length: 80 }, (_, i) => `${name}${i}`);
        expect([...bySend.keys()].toSorted()).toEqual(names[partition]?.toSorted());
        for (const [name, ofSend] of bySend) expect(ofSend).toEqual(whole(name));
      }
    });

    test("more than a client keeps at once passes, in order", async ({ rig }) => {
      const { newTopic, newProducer, newReader, control } = rig;
      const topic = await newTopic();
      const producer = await newProducer();
      const count = 40_000;
      const name = `${"a long value ".repeat(80)} `;
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(count, name));
      expect((await producer.flush()).map((range) => range.count)).toEqual([count]);
      await producer.commit();
      const [end] = await control.offsets(topic);
      const seen = await readAll(await newReader("committed"), topic, end?.end ?? 0);
      expect(seen.length).toBe(count);
      expect(seen.findIndex((value, i) => value !== `${name}${i}`)).toBe(-1);
    });

    test("a record above the limit is refused, and nothing of its transaction is seen", async ({ rig }) => {
      const { newTopic, newProducer, newReader } = rig;
      const topic = await newTopic();
      const producer = await newProducer(undefined, { batchBytesMax: 10_000, compression: "none" });
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(1, "before"));
      const large = recordBlock([{ key: "k", value: "x".repeat(20_000), header: "h" }]);
      const goOn = async (): Promise<void> => {
        await producer.send({ topic, partition: 0 }, large);
        await producer.commit();
      };
      await expect(goOn()).rejects.toMatchObject({ code: "KAFKA_MESSAGE_TOO_LARGE" });
      await expect(producer.commit()).rejects.toMatchObject({ code: "KAFKA_MESSAGE_TOO_LARGE" });
      await producer.close();
      expect(await readAll(await newReader("committed"), topic, 1)).toEqual([]);
    });

    test("a topic or a partition that is not there is an error", async ({ rig }) => {
      const { newTopic, newProducer, newId } = rig;
      const topic = await newTopic();
      for (const target of [
        { topic: newId(), partition: 0 },
        { topic, partition: 1 },
      ]) {
        const producer = await newProducer();
        await producer.begin();
        const goOn = async (): Promise<void> => {
          await producer.send(target, values(1));
          await producer.commit();
        };
        await expect(goOn()).rejects.toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
      }
    });

    test("a transaction timeout that the broker does not allow is told as one", async ({ rig }) => {
      const { newProducer } = rig;
      await expect(newProducer(undefined, { transactionTimeoutMs: 10_000_000 })).rejects.toMatchObject({
        code: "KAFKA_TRANSACTION_TIMEOUT",
      });
    });
  });
}
