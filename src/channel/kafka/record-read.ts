/**
 * Reads the records of a Fetch response: batches one behind the other, the last of which may be cut off. Batches are
 * told apart, checked and filtered (`abort-filter.ts`) by their headers; only what is wanted is decompressed.
 *
 * Nothing that stands in the bytes is believed: each length is held against what is there, and nothing is allocated
 * that is not in proportion to it. The checksum covers neither the first offset of a batch nor its length and
 * version; of those only what does not fit together is noticed.
 */
import { syncError } from "../../types/errors.ts";
import { assert } from "../../util/assert.ts";
import { decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { ATTRIBUTE, FIELD, LENGTH_FROM, MAGIC } from "./record-batch.ts";
import type { FetchedBlock, ProducerIdentity, TopicPartition } from "./record-block.ts";
import { placeText, recordCorrupt, type BatchPlace } from "./record-corrupt.ts";
import { decodeRecords } from "./record-decode.ts";

/** What a control batch says of its producer's transaction; brokers write others too, which say nothing of it. */
export type ControlType = "abort" | "commit" | "other";

/** A batch as the broker has it, its records not yet decoded. */
export interface StoredBatch {
  readonly place: BatchPlace;
  readonly baseOffset: number;
  /** Of its last record when it was written, which compaction may have taken away. */
  readonly lastOffset: number;
  /** The id is "-1" in batches of a producer that has none. */
  readonly producer: ProducerIdentity;
  readonly isTransactional: boolean;
  /** Null for a batch of records. */
  readonly control: ControlType | null;
  readonly baseTimestampMs: number;
  /** The time at which the broker stored it if `isLogAppendTime`. */
  readonly maxTimestampMs: number;
  readonly isLogAppendTime: boolean;
  /** Compaction may leave none. */
  readonly count: number;
  readonly codec: number;
  /** Its records, shared with the response. */
  readonly payload: Uint8Array;
}

export interface DecodeOptions {
  /** Records before this offset are left out: a batch is sent whole, wherever in it the wanted one is. */
  readonly from: number;
  /** Most bytes that the batch may decompress to. */
  readonly bytesMax: number;
}

/**
 * The whole batches of a response, in order. They keep its memory.
 * @throws SyncError KAFKA_RECORD_CORRUPT, or KAFKA_CODEC for the formats of before Kafka 0.11
 */
export function readBatches(records: Uint8Array, source: TopicPartition): readonly StoredBatch[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const batches: StoredBatch[] = [];
  let p = 0;
  let offsetMin = 0;
  while (records.length - p > FIELD.magic) {
    const place = { ...source, offset: offsetAt(view, p) };
    const length = wholeLength(view, p, place);
    if (length > records.length - p) break;
    const batch = readBatch(records.subarray(p, p + length), place);
    if (batch.baseOffset < offsetMin) {
      throw recordCorrupt(place, `the one before it ends at offset ${offsetMin - 1}`);
    }
    batches.push(batch);
    offsetMin = batch.lastOffset + 1;
    p += length;
  }
  if (batches.length === 0 && records.length > 0) {
    // Brokers send at least one whole batch, however long it is: to ask again would end here again.
    throw recordCorrupt({ ...source, offset: offsetMin }, `none is whole in ${records.length} bytes`);
  }
  return batches;
}

/** The records of a batch. Those that are not compressed share the memory of the response. */
export async function decodeBatch(batch: StoredBatch, options: DecodeOptions): Promise<FetchedBlock> {
  assert(batch.control === null, "a control batch has no records of anybody");
  const { place, codec, payload } = batch;
  const bytes = await decompress(codec, payload, { bytesMax: options.bytesMax, place });
  return decodeRecords(bytes, batch, options.from);
}

/** Null for what no offset can be. */
function offsetAt(view: DataView, at: number): number | null {
  const offset = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  return offset < 0 || !Number.isSafeInteger(offset) ? null : offset;
}

/** Bytes of the batch at this place, all of them, wherever the response ends. */
function wholeLength(view: DataView, at: number, place: BatchPlace): number {
  const magic = view.getInt8(at + FIELD.magic);
  if (magic === 0 || magic === 1) throw refusedMagic(magic, place);
  if (magic !== MAGIC) throw recordCorrupt(place, `its version is ${magic}`);
  const length = view.getInt32(at + FIELD.length) + LENGTH_FROM;
  if (length < FIELD.records) throw recordCorrupt(place, `its length is ${length}`);
  return length;
}

function refusedMagic(magic: number, place: BatchPlace): Error {
  const what = `the records of ${placeText(place)} are in message format v${magic}, which is not read`;
  return syncError("KAFKA_CODEC", what, {
    hint: "use a topic that only producers of Kafka 0.11 or later have written to, and leave its `message.format.version` at the broker's",
  });
}

function readBatch(bytes: Uint8Array, place: BatchPlace): StoredBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = view.getUint32(FIELD.crc);
  const actual = crc32c(bytes, FIELD.attributes, bytes.length);
  if (actual !== stored)
    throw recordCorrupt(place, `its checksum is ${hex(actual)} instead of ${hex(stored)}`);
  const { offset: baseOffset } = place;
  const span = view.getInt32(FIELD.lastOffsetDelta);
  if (baseOffset === null || span < 0 || !Number.isSafeInteger(baseOffset + span)) {
    const first = view.getBigInt64(FIELD.baseOffset);
    throw recordCorrupt(place, `it goes from offset ${first} to ${first + BigInt(span)}`);
  }
  const count = view.getInt32(FIELD.count);
  if (count < 0 || count > span + 1)
    throw recordCorrupt(place, `it has ${count} records for ${span + 1} offsets`);
  const attributes = view.getInt16(FIELD.attributes);
  const batch: StoredBatch = {
    place,
    baseOffset,
    lastOffset: baseOffset + span,
    producer: {
      id: view.getBigInt64(FIELD.producerId).toString(),
      epoch: view.getInt16(FIELD.producerEpoch),
    },
    isTransactional: (attributes & ATTRIBUTE.transactional) !== 0,
    control: null,
    baseTimestampMs: Number(view.getBigInt64(FIELD.baseTimestamp)),
    maxTimestampMs: Number(view.getBigInt64(FIELD.maxTimestamp)),
    isLogAppendTime: (attributes & ATTRIBUTE.logAppendTime) !== 0,
    count,
    codec: attributes & ATTRIBUTE.codec,
    payload: bytes.subarray(FIELD.records),
  };
  return (attributes & ATTRIBUTE.control) === 0 ? batch : { ...batch, control: controlType(batch) };
}

const hex = (crc: number): string => crc.toString(16).padStart(8, "0");

/** The key of a control record is its version and its type, 16 bits each. */
const CONTROL_KEY_BYTES = 4;
const CONTROL_TYPES: readonly ControlType[] = ["abort", "commit"];

function controlType(batch: StoredBatch): ControlType {
  // Compaction takes the record away and leaves the batch, when nothing of the transaction is left.
  if (batch.count === 0) return "other";
  if (batch.codec !== 0) throw recordCorrupt(batch.place, "it is a control batch and compressed");
  const { bytes, keys } = decodeRecords(batch.payload, batch, 0);
  const start = keys.start[0] as number;
  const end = keys.end[0] as number;
  if (end - start < CONTROL_KEY_BYTES)
    throw recordCorrupt(batch.place, "the key of its control record is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt16(start) < 0) throw recordCorrupt(batch.place, "its control record has no version");
  return CONTROL_TYPES[view.getInt16(start + 2)] ?? "other";
}
