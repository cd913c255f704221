import { expect, test } from "vitest";
import { findCutOff, startPlaces } from "../../../../src/channel/kafka/cut-off.ts";
import type { FetchAnswer, FetchRequest, RecordReader } from "../../../../src/channel/kafka/driver.ts";
import { PositionLog } from "../../../../src/channel/kafka/position-log.ts";
import {
  encodePositionRecord,
  type PositionRecord,
  type UnitRecord,
} from "../../../../src/channel/kafka/position-record.ts";
import { syncError } from "../../../../src/types/errors.ts";
import { channelTable, endAt, planOf, positionAt } from "../../../support/channel-chain.ts";

const plan = planOf(["t"]);
const signal = new AbortController().signal;

/** A unit that ends there and names one record of the topic of changes. */
const unit = (after: number, end: number, more: Partial<UnitRecord> = {}): UnitRecord => ({
  kind: "unit",
  id: `${after}-${end}`,
  parent: { id: "before", offset: 0 },
  plan: { id: plan.id, offset: 0 },
  after: positionAt(after),
  end: endAt(end),
  produced: [],
  ranges: [],
  ...more,
});

const rangeAt = (from: number): UnitRecord["ranges"] => [
  {
    ...{ topic: "t", topicId: "id", partition: 0, producer: null, from, to: from + 1, changes: 1 },
    ...{ firstSeq: 1, lastSeq: 1, digest: { sum: 0n, xor: 0n } },
  },
];

/** The position topic, one record at each offset. */
class Topic implements RecordReader {
  readonly records: readonly PositionRecord[];
  /** So many answers hold nothing yet. */
  empty = 0;
  /** First record that retention has left. */
  start = 0;

  constructor(...units: readonly UnitRecord[]) {
    this.records = [plan, ...units];
  }

  get log(): PositionLog {
    const bounds = async () => ({ start: this.start, stable: this.records.length });
    return new PositionLog({ topic: "p", topicId: "id", reader: this, bounds });
  }

  async fetch({ offset }: FetchRequest): Promise<FetchAnswer> {
    if (offset < this.start) throw syncError("KAFKA_OFFSET_GONE", "it is gone", { hint: "" });
    const record = this.records[offset];
    if (record === undefined || this.empty-- > 0) return { blocks: [], nextOffset: offset };
    const bytes = Buffer.from(encodePositionRecord(record));
    const none = { start: Int32Array.of(-1), end: Int32Array.of(-1) };
    const values = { start: Int32Array.of(0), end: Int32Array.of(bytes.length) };
    const block = { count: 1, bytes, keys: none, values, headers: none, producer: null, isAlone: true };
    return { blocks: [{ ...block, offsets: Float64Array.of(offset) }], nextOffset: offset + 1 };
  }

  async close(): Promise<void> {}
}

test("F179: a leader that does not show yet what is committed is asked again", async () => {
  const topic = new Topic(unit(0, 5), unit(5, 7));
  topic.empty = 3;
  expect((await topic.log.newest(signal))?.unit.id).toBe("5-7");
});

test("F179: one that never shows it is a failure that passes, and no end of what there is", async () => {
  const topic = new Topic(unit(0, 5));
  topic.empty = Infinity;
  await expect(topic.log.newest(signal)).rejects.toMatchObject({
    code: "KAFKA_UNREACHABLE",
    retryable: true,
  });
});

const cutOff = (topic: Topic, number: number, start: number) =>
  findCutOff([channelTable("t", number)], {
    ...{ log: topic.log, positionTopic: "p", start: 0, signal },
    retained: async () => ({ topicId: "id", starts: new Map([[0, start]]) }),
  });

test("F194: a table goes on at the newest generation that holds what it lacks", async () => {
  const topic = new Topic(
    unit(0, 5, { parent: null }),
    unit(5, 7),
    unit(5, 9, { parent: null }),
    unit(9, 11),
  );
  const places = (number: number) =>
    startPlaces([channelTable("t", number)], { log: topic.log, start: 0, signal });
  expect([await places(5), await places(7), await places(3), await places(0)]).toEqual([[3], [3], [1], [1]]);
});

test("F194: what is gone of an older generation cuts nobody off that a newer one brings on", async () => {
  const chain = [unit(0, 5, { parent: null }), unit(5, 7, { ranges: rangeAt(10) })];
  expect((await cutOff(new Topic(...chain), 5, 20)).size).toBe(1);
  const anew = new Topic(...chain, unit(5, 7, { parent: null, ranges: rangeAt(25) }));
  expect((await cutOff(anew, 5, 20)).size).toBe(0);
});

test("F194: the parts of a unit that is not applied count as it does", async () => {
  const part = unit(5, 7, { end: null, ranges: rangeAt(10) });
  const chain = [unit(0, 5, { parent: null }), part, unit(5, 7, { ranges: rangeAt(30) })];
  expect((await cutOff(new Topic(...chain), 5, 20)).size).toBe(1);
  expect((await cutOff(new Topic(...chain), 7, 20)).size).toBe(0);
});

test("F194: a unit whose plan retention has removed is there, and says so; it cannot be applied", async () => {
  const topic = new Topic(unit(0, 5, { parent: null }), unit(5, 7));
  topic.start = 1;
  const { log } = topic;
  expect(await log.newest(signal)).toMatchObject({ unit: { id: "5-7" }, plan: null });
  expect(await log.at({ id: "0-5", offset: 1 }, signal)).toMatchObject({ plan: null });
  const places = startPlaces([channelTable("t", 0)], { log, start: 1, signal });
  // It holds what the table needs, and the beginning of a generation that nobody knows is none.
  expect(await places).toEqual([1]);
  await expect(log.follow(1, signal).next()).rejects.toMatchObject({ code: "KAFKA_OFFSET_GONE" });
});
