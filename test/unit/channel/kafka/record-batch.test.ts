import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMPRESSIONS, type Compression } from "../../../../src/channel/kafka/driver.ts";
import {
  FIELD,
  fitBatch,
  nextSequence,
  type BatchToEncode,
} from "../../../../src/channel/kafka/record-batch.ts";
import { encode } from "../../../support/record-batch.ts";
import { decodeBatch, readBatches } from "../../../../src/channel/kafka/record-read.ts";
import { must } from "../../../../src/util/assert.ts";
import { blockOf, recordsOf, type KafkaRecord } from "../../../support/kafka-records.ts";

const SOURCE = { topic: "t", partition: 3 };
const BYTES_MAX = 10_000_000;

/**
 * The same records by RecordBatch of kafkajs 2.2.4, transactional, producer 7000000000, epoch 5, sequence 41. It
 * writes 0 where a leader epoch goes; the Java client and we write -1, and the broker its own.
 */
const GOLDEN_RECORDS: readonly KafkaRecord[] = [
  { key: "k1", value: '{"a":1}', header: "h1" },
  { key: null, value: "", header: "h2" },
  { key: "four", value: null, header: null },
  { key: "k4", value: Buffer.from("grün").toString("latin1"), header: "x".repeat(70) },
];
const GOLDEN_HEX = [
  "0000000000000000000000ceffffffff0248922b140010000000030000018bcfe5687b0000018bcfe5687b00000001a13b8600000500",
  "0000290000000438000000046b310e7b2261223a317d021274616c6c796c616b65046831260000020100021274616c6c796c616b6504",
  "68321400000408666f75720100be01000006046b340a6772c3bc6e021274616c6c796c616b658c01",
  "78".repeat(70),
].join("");

function batchOf(records: readonly KafkaRecord[], options: Partial<BatchToEncode> = {}): BatchToEncode {
  return {
    records: blockOf(records),
    from: 0,
    to: records.length,
    producerId: 7_000_000_000n,
    producerEpoch: 5,
    baseSequence: 41,
    timestampMs: 1_700_000_000_123,
    compression: "none",
    isTransactional: true,
    ...options,
  };
}

const text = (maxLength: number): fc.Arbitrary<string | null> =>
  fc.option(
    fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    { nil: null, freq: 8 },
  );
const record: fc.Arbitrary<KafkaRecord> = fc.record({
  key: text(40),
  value: fc.oneof(text(70), text(70), text(2000)),
  header: text(90),
});

/** What a reader finds in a batch that was just written. */
async function readBack(bytes: Uint8Array): Promise<readonly KafkaRecord[]> {
  const batches = readBatches(bytes, SOURCE);
  expect(batches).toHaveLength(1);
  return recordsOf(await decodeBatch(must(batches[0], "the batch"), { from: 0, bytesMax: BYTES_MAX }));
}

describe("a batch", () => {
  test("has the bytes of another client", async () => {
    const bytes = await encode(batchOf(GOLDEN_RECORDS));
    expect(Buffer.from(bytes).toString("hex")).toBe(GOLDEN_HEX);
  });

  test("comes back, whatever is in it and whatever packs it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 80 }),
        fc.constantFrom(...COMPRESSIONS),
        fc.nat(),
        fc.nat(),
        async (records, compression, a, b) => {
          const from = a % records.length;
          const to = from + 1 + (b % (records.length - from));
          const bytes = await encode(batchOf(records, { from, to, compression }));
          expect(await readBack(bytes)).toEqual(records.slice(from, to));
        },
      ),
      { numRuns: 400 },
    );
  });

  test("comes back with values of every length around the steps in which they are copied", async () => {
    const records = Array.from({ length: 1100 }, (_, length) => ({
      key: String.fromCharCode(length % 256).repeat(length % 20),
      value: Array.from({ length }, (_, i) => String.fromCharCode((i * 7 + length) % 256)).join(""),
      header: null,
    }));
    expect(await readBack(await encode(batchOf(records)))).toEqual(records);
  });

  test("comes back from a block in the middle of a larger buffer", async () => {
    const block = blockOf(GOLDEN_RECORDS);
    const moved = Buffer.concat([Buffer.alloc(1001, 1), block.bytes, Buffer.alloc(50, 2)]).subarray(
      1001,
      -50,
    );
    const bytes = await encode(batchOf(GOLDEN_RECORDS, { records: { ...block, bytes: moved } }));
    expect(Buffer.from(bytes).toString("hex")).toBe(GOLDEN_HEX);
  });

  test("says whose it is and where it belongs", async () => {
    const bytes = await encode(
      batchOf(GOLDEN_RECORDS, {
        producerId: 2n ** 63n - 1n,
        producerEpoch: 32767,
        baseSequence: 2 ** 31 - 1,
      }),
    );
    expect(Buffer.from(bytes).readInt32BE(53)).toBe(2 ** 31 - 1);
    expect(readBatches(bytes, SOURCE)[0]).toMatchObject({
      baseOffset: 0,
      lastOffset: 3,
      producer: { id: "9223372036854775807", epoch: 32767 },
      isTransactional: true,
      control: null,
      baseTimestampMs: 1_700_000_000_123,
      maxTimestampMs: 1_700_000_000_123,
      isLogAppendTime: false,
      count: 4,
      codec: 0,
    });
  });

  test("K18: takes sequence numbers up to 2^31 - 1, and the one behind that is 0", async () => {
    // Of DefaultRecordBatchTest.testIncrementSequence of the Java client.
    const last = 2 ** 31 - 1;
    expect([nextSequence(0, 5), nextSequence(5, 5)]).toEqual([5, 10]);
    expect([nextSequence(last, 1), nextSequence(last - 5, 10), nextSequence(last - 5, 5)]).toEqual([
      ...[0, 4],
      last,
    ]);
    for (const baseSequence of [0, last - 1, last]) {
      const bytes = Buffer.from(await encode(batchOf(GOLDEN_RECORDS, { baseSequence })));
      expect(bytes.readInt32BE(FIELD.baseSequence)).toBe(baseSequence);
      expect(await readBack(bytes)).toEqual(GOLDEN_RECORDS);
    }
  });

  test("is not compressed when that would make it longer", async () => {
    const noise = Array.from({ length: 500 }, (_, i) =>
      String.fromCharCode((i * i * 97 + (i >> 3) * 31) % 256),
    ).join("");
    const plain = await encode(batchOf([{ key: null, value: "", header: null }]));
    for (const compression of ["gzip", "lz4", "zstd"] satisfies Compression[]) {
      const tiny = await encode(batchOf([{ key: null, value: "", header: null }], { compression }));
      expect(Buffer.compare(tiny, plain)).toBe(0);
      const long = await encode(
        batchOf([{ key: null, value: noise.repeat(20), header: null }], { compression }),
      );
      expect(readBatches(long, SOURCE)[0]?.codec).not.toBe(0);
      expect(long.length).toBeLessThan(2000);
    }
  });

  test("has at least one record, all of the block", async () => {
    await expect(encode(batchOf(GOLDEN_RECORDS, { from: 2, to: 2 }))).rejects.toThrow("at least one record");
    await expect(encode(batchOf(GOLDEN_RECORDS, { to: 5 }))).rejects.toThrow("at least one record");
  });
});

describe("what fits", () => {
  test("is the most that is no longer than the limit, and has the length that was said", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 150 }),
        fc.nat(),
        fc.integer({ min: 0, max: 6000 }),
        async (records, a, bytesMax) => {
          const block = blockOf(records);
          const from = a % records.length;
          const { to, bytes } = fitBatch(block, from, bytesMax);
          expect(to).toBeGreaterThan(from);
          const length = async (end: number): Promise<number> =>
            (await encode(batchOf(records, { records: block, from, to: end }))).length;
          expect(bytes).toBe(await length(to));
          if (to > from + 1) expect(bytes).toBeLessThanOrEqual(bytesMax);
          if (to < records.length) expect(await length(to + 1)).toBeGreaterThan(bytesMax);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("is one record that is too long alone, which its length shows", () => {
    const block = blockOf([
      { key: null, value: "x".repeat(100), header: null },
      { key: null, value: "", header: null },
    ]);
    expect(fitBatch(block, 0, 50)).toEqual({ to: 1, bytes: 61 + 2 + 6 + 1 + 100 });
    expect(fitBatch(block, 0, 1000)).toEqual({ to: 2, bytes: 61 + 2 + 6 + 1 + 100 + 7 });
    expect(fitBatch(block, 1, 68)).toEqual({ to: 2, bytes: 68 });
  });

  test("counts the distance from the first record of the batch, not of the block", async () => {
    const records = Array.from({ length: 200 }, () => ({ key: null, value: "x", header: null }));
    const block = blockOf(records);
    const { to, bytes } = fitBatch(block, 100, 10_000);
    expect(to).toBe(200);
    expect(bytes).toBe((await encode(batchOf(records, { records: block, from: 100 }))).length);
  });

  test("is decided at the exact byte", () => {
    const block = blockOf([
      { key: "a", value: "b", header: "c" },
      { key: "a", value: "b", header: "c" },
    ]);
    const { bytes } = fitBatch(block, 0, 10_000);
    expect(fitBatch(block, 0, bytes).to).toBe(2);
    expect(fitBatch(block, 0, bytes - 1).to).toBe(1);
  });
});
