/** The records of one batch, after decompression, as places in its bytes. */
import { RECORD_HEADER, type FetchedBlock, type ProducerIdentity, type Spans } from "./record-block.ts";
import type { BatchPlace } from "./record-corrupt.ts";
import { VarintReader } from "./varint.ts";

const HEADER_NAME = Buffer.from(RECORD_HEADER);
/** Seven fields of a byte each. */
const RECORD_BYTES_MIN = 7;

/** What a batch says of its records in front of them. */
export interface BatchFrame {
  readonly place: BatchPlace;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly count: number;
  readonly producer: ProducerIdentity;
  /** 0 for records that were not compressed: those share the memory of the response. */
  readonly codec: number;
}

/** Columns for as many records as a batch has. */
interface Columns {
  readonly offsets: Float64Array;
  readonly keys: Spans;
  readonly values: Spans;
  readonly headers: Spans;
}

const makeSpans = (count: number): Spans => ({ start: new Int32Array(count), end: new Int32Array(count) });
const firstSpans = ({ start, end }: Spans, count: number): Spans => ({
  start: start.subarray(0, count),
  end: end.subarray(0, count),
});

/** The records whose offset is `from` or later. */
export function decodeRecords(bytes: Uint8Array, batch: BatchFrame, from: number): FetchedBlock {
  const { baseOffset, producer } = batch;
  const reader = new VarintReader(bytes, batch.place);
  if (batch.count * RECORD_BYTES_MIN > bytes.length) {
    throw reader.fail(`it has ${batch.count} records in ${bytes.length} bytes`);
  }
  const columns = makeColumns(batch.count);
  let kept = 0;
  let delta = -1;
  for (let i = 0; i < batch.count; i++) {
    const next = readRecord(reader, bytes, columns, kept);
    if (next <= delta || next > batch.lastOffset - baseOffset) {
      throw reader.fail(`record ${i} stands ${next} offsets behind the first`);
    }
    delta = next;
    columns.offsets[kept] = baseOffset + delta;
    if (baseOffset + delta >= from) kept++;
  }
  if (reader.position !== bytes.length) {
    throw reader.fail(`${bytes.length - reader.position} bytes follow its last record`);
  }
  return {
    count: kept,
    bytes,
    offsets: columns.offsets.subarray(0, kept),
    keys: firstSpans(columns.keys, kept),
    values: firstSpans(columns.values, kept),
    headers: firstSpans(columns.headers, kept),
    producer,
    isAlone: batch.codec !== 0,
  };
}

function makeColumns(count: number): Columns {
  return {
    offsets: new Float64Array(count),
    keys: makeSpans(count),
    values: makeSpans(count),
    headers: makeSpans(count),
  };
}

/** Reads one record into row `n`; gives how far its offset is behind the batch's first. */
function readRecord(reader: VarintReader, bytes: Uint8Array, columns: Columns, n: number): number {
  const length = reader.readLength();
  const end = reader.position + length;
  // Attributes have no meaning yet, and the batch's timestamp is enough.
  reader.position++;
  reader.skip();
  const delta = reader.read();
  readString(reader, columns.keys, n);
  readString(reader, columns.values, n);
  columns.headers.start[n] = -1;
  const headers = reader.read();
  if (headers < 0) throw reader.fail(`a record has ${headers} headers`);
  for (let i = 0; i < headers; i++) readHeader(reader, bytes, columns.headers, n);
  if (reader.position !== end) throw reader.fail("a record does not end where its length says");
  return delta;
}

function readString(reader: VarintReader, spans: Spans, n: number): void {
  const length = reader.readLength();
  const start = reader.position;
  spans.start[n] = length < 0 ? -1 : start;
  spans.end[n] = length < 0 ? -1 : start + length;
  if (length > 0) reader.position = start + length;
}

/** Keeps the value if the name is ours; of several the last, as Kafka's own clients do. */
function readHeader(reader: VarintReader, bytes: Uint8Array, spans: Spans, n: number): void {
  const length = reader.readLength();
  if (length < 0) throw reader.fail("a header has no name");
  const at = reader.position;
  reader.position = at + length;
  if (length === HEADER_NAME.length && isOurs(bytes, at)) {
    readString(reader, spans, n);
    return;
  }
  const valueLength = reader.readLength();
  if (valueLength > 0) reader.position += valueLength;
}

function isOurs(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < HEADER_NAME.length; i++) {
    if (bytes[at + i] !== HEADER_NAME[i]) return false;
  }
  return true;
}
