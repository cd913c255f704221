import fc from "fast-check";
import { expect, test } from "vitest";
import { COMPRESSIONS } from "../../../../src/channel/kafka/driver.ts";
import { encode } from "../../../support/record-batch.ts";
import { decodeBatch, readBatches } from "../../../../src/channel/kafka/record-read.ts";
import { isSyncError } from "../../../../src/types/errors.ts";
import { blockOf, type KafkaRecord } from "../../../support/kafka-records.ts";
import {
  ALL,
  bytesOf,
  changed,
  corrupt,
  decoded,
  failure,
  JAVA,
  JAVA_MEANING,
  JAVA_RECORDS,
  readOne,
  SOURCE,
  withPayload,
} from "../../../support/stored-batches.ts";

async function written(
  records: readonly KafkaRecord[],
  compression: (typeof COMPRESSIONS)[number],
): Promise<Buffer> {
  const bytes = await encode({
    records: blockOf(records),
    from: 0,
    to: records.length,
    producerId: 9n,
    producerEpoch: 1,
    baseSequence: 0,
    timestampMs: 1_700_000_000_000,
    compression,
    isTransactional: true,
  });
  return Buffer.from(bytes);
}

test("damage of any bit is noticed, where a checksum is", async () => {
  for (const compression of COMPRESSIONS) {
    const whole = await written(JAVA_MEANING, compression);
    // First offset (0 to 7) and leader epoch (12 to 15) are the broker's own and not in the checksum.
    for (let bit = 8 * 8; bit < whole.length * 8; bit++) {
      if (bit >= 12 * 8 && bit < 16 * 8) continue;
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(["KAFKA_RECORD_CORRUPT", "KAFKA_CODEC"]).toContain((await failure(() => decoded(bytes))).code);
    }
  }
});

test("damage of a checksum names what it is and what it should be", async () => {
  const bytes = bytesOf(JAVA.none);
  bytes[70] = 0xff;
  expect(await failure(() => readBatches(bytes, SOURCE))).toMatchObject({
    code: "KAFKA_RECORD_CORRUPT",
    message: expect.stringMatching(/its checksum is [0-9a-f]{8} instead of 6a0054b1$/) as string,
    hint: expect.stringContaining("kafka-dump-log.sh") as string,
  });
});

test("damage by somebody who knows the checksum ends in an error, or in records of the bytes that are there", async () => {
  const payload = bytesOf(JAVA_RECORDS);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(payload.length - 1), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.nat(payload.length),
      fc.integer({ min: 0, max: 40 }),
      async (changes, length, count) => {
        const bytes = Buffer.from(payload);
        for (const [at, byte] of changes) bytes[at] = byte;
        const batch = readOne(withPayload(bytes.subarray(0, length), count));
        const block = await decodeBatch(batch, ALL).catch((error: unknown) => {
          expect(isSyncError(error, "KAFKA_RECORD_CORRUPT")).toBe(true);
          return null;
        });
        if (block === null) return;
        for (const { start, end } of [block.keys, block.values, block.headers]) {
          for (let i = 0; i < block.count; i++) {
            expect(end[i] as number).toBeLessThanOrEqual(length);
            expect(end[i] as number).toBeGreaterThanOrEqual(start[i] as number);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("damage of counts and lengths is named, and costs nothing", async () => {
  const field = (at: number, value: number): Buffer => changed(JAVA.none, (b) => b.writeInt32BE(value, at));
  const cases: readonly (readonly [Buffer, string])[] = [
    [field(8, 48), "its length is 60"],
    [field(8, 0), "its length is 12"],
    [field(8, -1), "its length is 11"],
    [field(8, -(2 ** 31)), "its length is -2147483636"],
    [field(23, -1), "it goes from offset 100 to 99"],
    [field(57, -1), "it has -1 records for 4 offsets"],
    [field(57, 5), "it has 5 records for 4 offsets"],
    [field(57, 3), "97 bytes follow its last record"],
    [field(57, 0), "164 bytes follow its last record"],
    [changed(JAVA.none, (b) => (b[16] = 3)), "its version is 3"],
    [changed(JAVA.none, (b) => (b[16] = 0xff)), "its version is -1"],
    [
      changed(JAVA.none, (b) => {
        b.writeInt32BE(2 ** 31 - 1, 23);
        b.writeInt32BE(2 ** 31 - 1, 57);
      }),
      "it has 2147483647 records in 164 bytes",
    ],
  ];
  for (const [bytes, what] of cases) {
    expect(await failure(() => decoded(bytes)), what).toMatchObject({
      code: "KAFKA_RECORD_CORRUPT",
      message: expect.stringContaining(what) as string,
    });
  }
});

test("damage of a record's own lengths is named", async () => {
  const cases: readonly (readonly [string, string])[] = [
    // Length of the record, which then ends elsewhere or nowhere.
    ["10000000010100", "a length of 8 stands 6 bytes before its end"],
    ["0a000000010100", "a record does not end where its length says"],
    ["01000000010100", "a record does not end where its length says"],
    ["feffffff0f0000", "a length of 2147483647 stands 2 bytes"],
    // Key, value.
    ["0c00000006aabbcc0100", "a record does not end where its length says"],
    ["0c0000007e0100", "a length of 63 stands 2 bytes before its end"],
    ["0c000000050100", "a length of -3 stands 2 bytes before its end"],
    ["0c000000017e00", "a length of 63 stands 1 bytes before its end"],
    // Headers.
    ["0c000000010101", "a record has -1 headers"],
    ["100000000101020101", "a header has no name"],
    ["100000000101040000", "an integer does not end"],
    ["140000000101feffffff0f", "an integer does not end"],
    // A timestamp, and a distance, of more than 64 bits.
    ["2000ffffffffffffffffffff0100010100", "an integer does not end"],
    ["1e0000ffffffffffffffffff01010100", "an integer is above 2^53"],
  ];
  for (const [hex, what] of cases) {
    expect(await failure(() => decoded(withPayload(bytesOf(hex), 1))), hex).toMatchObject({
      code: "KAFKA_RECORD_CORRUPT",
      message: expect.stringContaining(what) as string,
    });
  }
});

test("damage of a control batch is an error", async () => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [changed(JAVA.abort, (b) => b.writeInt16BE(0x33, 21)), "it is a control batch and compressed"],
    [changed(JAVA.abort, (b) => b.writeInt16BE(-1, 66)), "its control record has no version"],
    [
      changed(withPayload(bytesOf("0c000000010100"), 1).toString("hex"), (b) => b.writeInt16BE(0x30, 21)),
      "the key of its control record is cut off",
    ],
  ];
  for (const [bytes, what] of cases) {
    expect(await failure(() => readBatches(bytes, SOURCE))).toMatchObject({
      code: "KAFKA_RECORD_CORRUPT",
      message: expect.stringContaining(what) as string,
    });
  }
});

test("a small batch that becomes a large one is refused", async () => {
  const value = "x".repeat(100_000);
  for (const compression of ["gzip", "lz4", "zstd"] as const) {
    const batch = readOne(await written([{ key: null, value, header: null }], compression));
    expect(await failure(() => decodeBatch(batch, { from: 0, bytesMax: 100_000 }))).toMatchObject(
      corrupt("it decompresses to more than 100000 bytes", 0),
    );
    expect((await decodeBatch(batch, { from: 0, bytesMax: 101_000 })).count).toBe(1);
  }
});
