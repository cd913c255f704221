/**
 * Writes record batches, version 2 of Kafka's format: a header of 61 bytes and then the records, each a list of
 * integers of variable length and byte strings. The checksum covers all from the attributes on.
 *
 * A record is written in two passes over its places: one adds up sizes, because the length of a record stands in front
 * of it, and one copies. No record is an object, and no copy a call into the engine unless it is long.
 */
import { assert } from "../../util/assert.ts";
import type { SpareMemory } from "../../util/spare-memory.ts";
import { codecOf, compress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import type { Compression } from "./driver.ts";
import { RECORD_HEADER, type RecordBlock } from "./record-block.ts";
import { varintSize, writeVarint } from "./varint.ts";
import { releaseMemory } from "../../util/release-memory.ts";

/** Where the fields of a batch's header are. */
export const FIELD = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const;

/** The length of a batch counts from behind itself. */
export const LENGTH_FROM = 12;
export const MAGIC = 2;
export const ATTRIBUTE = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

const NO_EPOCH = -1;
const NONE_SIZE = 1;
/** Attributes and the difference of the timestamp, both 0. */
const RECORD_START_BYTES = 2;
/** One header: how many there are, the length of its name, its name. */
const HEADER_START = Buffer.from([2, RECORD_HEADER.length * 2, ...Buffer.from(RECORD_HEADER)]);
const LOOP_BYTES_MAX = 64;

export interface BatchRange {
  readonly records: RecordBlock;
  readonly from: number;
  readonly to: number;
}

/** Records as the leader of one partition takes them. */
export interface BatchToEncode extends BatchRange {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The number of the first record among all that the producer sends to this partition, modulo 2^31. */
  readonly baseSequence: number;
  readonly timestampMs: number;
  readonly compression: Compression;
  readonly isTransactional: boolean;
}

/** Producers count the records of a partition in 31 bits, and then from 0 again. */
const SEQUENCES = 2 ** 31;

/** The number of the first record behind a batch of so many. */
export const nextSequence = (baseSequence: number, count: number): number =>
  (baseSequence + count) % SEQUENCES;

export interface BatchFit {
  /** Behind the last record that fits. */
  readonly to: number;
  /** Of the whole batch, not compressed. It is above the limit when one record alone is. */
  readonly bytes: number;
}

/** How many records from `from` on, at least one, fit into a batch of so many bytes. */
export function fitBatch(records: RecordBlock, from: number, bytesMax: number): BatchFit {
  assert(from < records.count, "a batch has at least one record");
  let bytes: number = FIELD.records;
  let to = from;
  while (to < records.count) {
    const body = bodySize(records, to, to - from);
    const next = bytes + varintSize(body) + body;
    if (next > bytesMax && to > from) break;
    bytes = next;
    to++;
  }
  return { to, bytes };
}

/**
 * The batch as it goes to the broker. It is never longer than not compressed: what does not shrink is sent as it is.
 * The records are read before it first waits.
 */
export async function encodeBatch(
  batch: BatchToEncode,
  scratch: SpareMemory<ArrayBuffer>,
): Promise<Uint8Array> {
  const size = batchSize(batch);
  const memory = scratch.take(size);
  const plain = Buffer.from(memory, 0, size);
  writeRecords(batch, plain);
  const records = plain.subarray(FIELD.records);
  const packed = batch.compression === "none" ? records : await compress(batch.compression, records);
  if (packed.length >= records.length) return finish(plain, batch, "none");
  const bytes = Buffer.allocUnsafeSlow(FIELD.records + packed.length);
  bytes.set(packed, FIELD.records);
  scratch.give(memory);
  releaseMemory(packed);
  return finish(bytes, batch, batch.compression);
}

/** Fills in the header. */
function finish(bytes: Buffer, batch: BatchToEncode, compression: Compression): Uint8Array {
  const count = batch.to - batch.from;
  bytes.writeBigInt64BE(0n, FIELD.baseOffset);
  bytes.writeInt32BE(bytes.length - LENGTH_FROM, FIELD.length);
  bytes.writeInt32BE(NO_EPOCH, FIELD.leaderEpoch);
  bytes.writeInt8(MAGIC, FIELD.magic);
  const transactional = batch.isTransactional ? ATTRIBUTE.transactional : 0;
  bytes.writeInt16BE(codecOf(compression) | transactional, FIELD.attributes);
  bytes.writeInt32BE(count - 1, FIELD.lastOffsetDelta);
  bytes.writeBigInt64BE(BigInt(batch.timestampMs), FIELD.baseTimestamp);
  bytes.writeBigInt64BE(BigInt(batch.timestampMs), FIELD.maxTimestamp);
  bytes.writeBigInt64BE(batch.producerId, FIELD.producerId);
  bytes.writeInt16BE(batch.producerEpoch, FIELD.producerEpoch);
  bytes.writeInt32BE(batch.baseSequence, FIELD.baseSequence);
  bytes.writeInt32BE(count, FIELD.count);
  bytes.writeUInt32BE(crc32c(bytes, FIELD.attributes, bytes.length), FIELD.crc);
  return bytes;
}

/** Bytes of a record behind its length. */
function bodySize({ keys, values, headers }: RecordBlock, i: number, delta: number): number {
  const header = headers.start[i] as number;
  return (
    RECORD_START_BYTES +
    varintSize(delta) +
    stringSize(keys.start[i] as number, keys.end[i] as number) +
    stringSize(values.start[i] as number, values.end[i] as number) +
    (header < 0 ? 1 : HEADER_START.length + stringSize(header, headers.end[i] as number))
  );
}

function stringSize(start: number, end: number): number {
  if (start < 0) return NONE_SIZE;
  return varintSize(end - start) + end - start;
}

/** The same memory twice: a view stores several bytes at once. */
interface Memory {
  readonly bytes: Buffer;
  readonly view: DataView;
}

function memoryOf(bytes: Uint8Array): Memory {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    bytes: Buffer.from(buffer, byteOffset, byteLength),
    view: new DataView(buffer, byteOffset, byteLength),
  };
}

/** Of the batch when it is not compressed. */
function batchSize({ records, from, to }: BatchRange): number {
  assert(from < to && to <= records.count, "a batch has at least one record");
  let size: number = FIELD.records;
  for (let i = from; i < to; i++) {
    const body = bodySize(records, i, i - from);
    size += varintSize(body) + body;
  }
  return size;
}

/** All of the batch but its header. */
function writeRecords({ records, from, to }: BatchRange, plain: Buffer): void {
  const source = memoryOf(records.bytes);
  const out = memoryOf(plain);
  let p: number = FIELD.records;
  for (let i = from; i < to; i++) p = writeRecord(out, p, source, records, i, i - from);
  assert(p === plain.length, "records have the size that was counted");
}

/** With no object for its arguments: it is called for each record. */
function writeRecord(
  out: Memory,
  at: number,
  source: Memory,
  records: RecordBlock,
  i: number,
  delta: number,
): number {
  const { keys, values, headers } = records;
  const { bytes } = out;
  let p = writeVarint(bytes, at, bodySize(records, i, delta));
  bytes[p++] = 0;
  bytes[p++] = 0;
  p = writeVarint(bytes, p, delta);
  p = writeString(out, p, source, keys.start[i] as number, keys.end[i] as number);
  p = writeString(out, p, source, values.start[i] as number, values.end[i] as number);
  const header = headers.start[i] as number;
  if (header < 0) {
    bytes[p] = 0;
    return p + 1;
  }
  for (let k = 0; k < HEADER_START.length; k++) bytes[p++] = HEADER_START[k] as number;
  return writeString(out, p, source, header, headers.end[i] as number);
}

function writeString(out: Memory, at: number, source: Memory, start: number, end: number): number {
  if (start < 0) {
    out.bytes[at] = 1;
    return at + 1;
  }
  const p = writeVarint(out.bytes, at, end - start);
  copy(out, p, source, start, end);
  return p + end - start;
}

/** In steps of 8 bytes, the last of which lies over the one before it; a call into the engine costs as much as ten. */
function copy(out: Memory, at: number, source: Memory, start: number, end: number): void {
  const length = end - start;
  if (length > LOOP_BYTES_MAX) {
    source.bytes.copy(out.bytes, at, start, end);
    return;
  }
  if (length < 8) {
    for (let i = 0; i < length; i++) out.bytes[at + i] = source.bytes[start + i] as number;
    return;
  }
  const from = source.view;
  const to = out.view;
  const last = length - 8;
  for (let i = 0; i < last; i += 8) {
    to.setInt32(at + i, from.getInt32(start + i, true), true);
    to.setInt32(at + i + 4, from.getInt32(start + i + 4, true), true);
  }
  to.setInt32(at + last, from.getInt32(start + last, true), true);
  to.setInt32(at + last + 4, from.getInt32(start + last + 4, true), true);
}
