import { expect, test } from "vitest";
import type { FetchAnswer } from "../../../../src/channel/kafka/driver.ts";
import type { Message } from "../../../../src/channel/librdkafka/client.ts";
import { FetchedPartition } from "../../../../src/channel/librdkafka/fetched-partition.ts";

const target = { topic: "t", partition: 0 };
const messages = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({
    ...target,
    offset: from + i,
    key: null,
    value: Buffer.from(`v${from + i}`),
  }));

const textOf = ({ blocks, nextOffset }: FetchAnswer): string =>
  `${blocks
    .map((block) =>
      Array.from({ length: block.count }, (_, i) => {
        const value = block.bytes.subarray(block.values.start[i], block.values.end[i]);
        return `${block.offsets[i] ?? ""}:${Buffer.from(value).toString()}`;
      }).join(" "),
    )
    .join(" | ")} > ${nextOffset}`;

test("gives what has come, block by block, as long as it fits, and goes on there", () => {
  const partition = new FetchedPartition(target, 5);
  partition.add(messages(5, 7));
  partition.add(messages(7, 10));
  partition.reach(12);
  expect([partition.bytes, partition.to]).toEqual([10, 12]);
  expect(textOf(partition.take(5, 1))).toBe("5:v5 6:v6 > 7");
  expect([partition.holds(5), partition.holds(7), partition.holds(12), partition.holds(13)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(textOf(partition.take(7, 1000))).toBe("7:v7 8:v8 9:v9 > 12");
  expect(partition.bytes).toBe(0);
});

test("leaves out what lies before the offset, and what comes twice", () => {
  const partition = new FetchedPartition(target, 3);
  partition.add(messages(0, 5));
  partition.add(messages(4, 8));
  expect(textOf(partition.take(6, 1000))).toBe("6:v6 7:v7 > 8");
});

test("moves on where there is nothing for us, and never back", () => {
  const partition = new FetchedPartition(target, 0);
  partition.reach(4);
  partition.reach(2);
  expect(textOf(partition.take(0, 1000))).toBe(" > 4");
  expect(partition.holds(0)).toBe(false);
});

test("gives large messages that came at once a few at a time", () => {
  const value = Buffer.alloc(400_000);
  const partition = new FetchedPartition(target, 0);
  partition.add(messages(0, 8).map((message) => ({ ...message, value })));
  const counts: number[] = [];
  for (let offset = 0; offset < 8;) {
    const { blocks, nextOffset } = partition.take(offset, 1000);
    counts.push(blocks.reduce((sum, { count }) => sum + count, 0));
    offset = nextOffset;
  }
  expect(counts).toEqual([3, 3, 2]);
  expect(partition.bytes).toBe(0);
});
