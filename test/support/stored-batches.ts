import { expect } from "vitest";
import { crc32c } from "../../src/channel/kafka/crc32c.ts";
import type { FetchedBlock } from "../../src/channel/kafka/record-block.ts";
import { decodeBatch, readBatches, type StoredBatch } from "../../src/channel/kafka/record-read.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { must } from "../../src/util/assert.ts";
import type { KafkaRecord } from "./kafka-records.ts";

/** Where they were fetched from. */
export const SOURCE = { topic: "t", partition: 3 };
/** All records of a batch. */
export const ALL = { from: 0, bytesMax: 1_000_000 };

/*
 * Batches as a broker stores them, written by kafka-clients 4.3.1 (MemoryRecordsBuilder): first offset 100, producer 7000000000 with
 * epoch 5, times around 1700000000000, the second record with a header of somebody else before ours, the last one a
 * hundred bytes of header.
 */
const HEAD = "0000018bcfe568000000018bcfe5680500000001a13b860000050000002900000004";
export const JAVA_RECORDS = [
  "38000000046b310e7b2261223a317d021274616c6c796c616b65046831340000020100040a6f74686572011274616c6c796c616b650468",
  "3214000a0408000000000100be01001306046b340a6772c3bc6e021274616c6c796c616b658c01",
  "78".repeat(70),
].join("");
export const JAVA = {
  none: `0000000000000064000000d5ffffffff026a0054b1001000000003${HEAD}${JAVA_RECORDS}`,
  gzip: [
    `000000000000006400000092ffffffff02cc47bf4c001100000003${HEAD}`,
    "1f8b08000000000000ffb360606060c936e4ab564a54b232ac65122a49ccc9a9cc49cc4e65c93034616060626460e1ca2fc9482d624496",
    "321261e062e100ea656064d8c7c820ccc6926dc2955e74784f1e92093d8c15540100c4da730aa4000000",
  ].join(""),
  lz4: [
    `00000000000000640000009affffffff02954bdb67001300000003${HEAD}04224d186040825a000000f81c38000000046b310e7b226122`,
    "3a317d021274616c6c796c616b65046831340000020100040a6f74686572011b00f70b3214000a0408000000000100be01001306046b34",
    "0a6772c3bc6e42003f8c017801002d50787878787800000000",
  ].join(""),
  zstd: [
    `000000000000006400000092ffffffff02ad660604001400000003${HEAD}28b52ffd0058ac0200840438000000046b310e7b2261223a31`,
    "7d021274616c6c796c616b65046831340000020100040a6f74686572013214000a0408000000000100be01001306046b340a6772c3bc6e",
    "8c0178030082a36111e231e7a61e010000",
  ].join(""),
  snappy: [
    `00000000000000640000009cffffffff02e236ca28001200000003${HEAD}82534e4150505900000000010000000100000057a401a83800`,
    "0000046b310e7b2261223a317d021274616c6c796c616b65046831340000020100040a6f74686572012e1b00643214000a040800000000",
    "0100be01001306046b340a6772c3bc6e1d42088c0178fe01000501",
  ].join(""),
  /** Offset 200. */
  abort:
    "00000000000000c800000042000000000222927dc90030000000000000018bcfe568000000018bcfe5680000000001a13b86000005ffffffff000000012000000008000000000c00000000000300",
  /** Offset 201. */
  commit:
    "00000000000000c9000000420000000002d6acab810030000000000000018bcfe568000000018bcfe5680000000001a13b86000005ffffffff000000012000000008000000010c00000000000300",
  /** What compaction has left of a batch of the offsets 300 to 304, and of a control batch at 305. */
  empty:
    "000000000000012c0000003100000009026b020b02001000000004ffffffffffffffff0000018bcfe5680000000001a13b860000050000002900000000",
  emptyControl:
    "000000000000013100000031000000090271603b95003000000000ffffffffffffffff0000018bcfe5680000000001a13b86000005ffffffff00000000",
  v0: "0000000000000000000000101fecd70a0000000000016b0000000176",
  v1: "00000000000000000000001839268c3301000000018bcfe56800000000016b0000000176",
};
export const JAVA_MEANING: readonly KafkaRecord[] = [
  { key: "k1", value: '{"a":1}', header: "h1" },
  { key: null, value: "", header: "h2" },
  { key: "\0\0\0\0", value: null, header: null },
  { key: "k4", value: Buffer.from("grün").toString("latin1"), header: "x".repeat(70) },
];

export const bytesOf = (...hex: readonly string[]): Buffer => Buffer.from(hex.join(""), "hex");
export const readOne = (bytes: Uint8Array): StoredBatch => {
  const batches = readBatches(bytes, SOURCE);
  expect(batches).toHaveLength(1);
  return must(batches[0], "the batch");
};

/** A batch whose fields were changed, with the checksum that fits. */
export function changed(hex: string, change: (bytes: Buffer) => unknown): Buffer {
  const bytes = bytesOf(hex);
  change(bytes);
  bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17);
  return bytes;
}

/** A batch of one producer with these bytes for records. */
export function withPayload(payload: Uint8Array, count: number): Buffer {
  const bytes = Buffer.concat([bytesOf(JAVA.none).subarray(0, 61), payload]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(Math.max(count - 1, 0), 23);
  bytes.writeInt32BE(count, 57);
  bytes.writeUInt32BE(crc32c(bytes, 21, bytes.length), 17);
  return bytes;
}

export const decoded = async (bytes: Uint8Array): Promise<FetchedBlock> => decodeBatch(readOne(bytes), ALL);

export async function failure(
  work: () => unknown,
): Promise<{ readonly code: string; readonly message: string; readonly hint: string }> {
  try {
    await work();
  } catch (error) {
    if (isSyncError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

export const corrupt = (what: string, offset = 100) => ({
  code: "KAFKA_RECORD_CORRUPT",
  message: `the record batch of topic "t", partition 3, offset ${offset} is damaged: ${what}`,
});
