import { expect, test } from "vitest";
import type { FetchAnswer, FetchRequest, RecordReader } from "../../../../src/channel/kafka/driver.ts";
import { PartitionStream } from "../../../../src/channel/kafka/partition-stream.ts";
import type { FetchedBlock } from "../../../../src/channel/kafka/record-block.ts";
import { syncError } from "../../../../src/types/errors.ts";

const NONE = { start: new Int32Array(1), end: new Int32Array(1) };
const blockAt = (offset: number): FetchedBlock => ({
  ...{
    count: 1,
    bytes: new Uint8Array(1),
    keys: NONE,
    values: NONE,
    headers: NONE,
    producer: null,
    isAlone: false,
  },
  offsets: Float64Array.of(offset),
});

/** A partition of records at some offsets, of which retention takes the older ones. */
class Partition implements RecordReader {
  start = 0;
  readonly offsets: readonly number[];

  constructor(offsets: readonly number[]) {
    this.offsets = offsets;
  }

  async fetch({ offset }: FetchRequest): Promise<FetchAnswer> {
    if (offset < this.start) throw syncError("KAFKA_OFFSET_GONE", "gone", { hint: "none" });
    const found = this.offsets.find((at) => at >= offset);
    return { blocks: found === undefined ? [] : [blockAt(found)], nextOffset: (found ?? offset - 1) + 1 };
  }

  async close(): Promise<void> {}
}

const signal = new AbortController().signal;
const streamOf = (partition: Partition): PartitionStream =>
  new PartitionStream(partition, { topic: "t", partition: 0, topicId: "id" });

async function through(stream: PartitionStream, from: number, to: number): Promise<readonly number[]> {
  const found: number[] = [];
  await stream.seek(from);
  for (;;) {
    const block = await stream.next(to, signal);
    if (block === null) return found;
    found.push(block.offsets[0] as number);
  }
}

test("a short gap is read through, so that what lies in it is seen", async () => {
  const stream = streamOf(new Partition([5, 7, 9]));
  expect(await through(stream, 5, 6)).toEqual([5]);
  expect(await through(stream, 9, 10)).toEqual([7, 9]);
});

test("F194: what retention took of a gap is missed by nobody", async () => {
  const partition = new Partition([5, 90]);
  const stream = streamOf(partition);
  expect(await through(stream, 5, 6)).toEqual([5]);
  partition.start = 80;
  expect(await through(stream, 90, 91)).toEqual([90]);
});

test("F194: what retention took of a range stops the reader", async () => {
  const partition = new Partition([5, 90, 91]);
  const stream = streamOf(partition);
  expect(await through(stream, 5, 6)).toEqual([5]);
  partition.start = 91;
  await expect(through(stream, 90, 92)).rejects.toMatchObject({ code: "KAFKA_OFFSET_GONE" });
});
