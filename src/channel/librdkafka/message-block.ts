import { RECORD_HEADER, type FetchedBlock, type Spans } from "../kafka/record-block.ts";
import type { Message } from "./client.ts";

/** Messages of one partition, in order, as places in one buffer: each of theirs is an object and a few buffers. */
export function messageBlock(messages: readonly Message[]): FetchedBlock {
  const count = messages.length;
  const headers = messages.map(headerOf);
  let size = 0;
  for (let i = 0; i < count; i++) {
    const { key, value } = messages[i] as Message;
    size += (key?.length ?? 0) + (value?.length ?? 0) + (headers[i]?.length ?? 0);
  }
  const bytes = Buffer.allocUnsafeSlow(size);
  const block = { keys: makeSpans(count), values: makeSpans(count), headers: makeSpans(count) };
  const offsets = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const { key, value, offset } = messages[i] as Message;
    offsets[i] = offset;
    at = put(bytes, at, block.keys, i, key);
    at = put(bytes, at, block.values, i, value);
    at = put(bytes, at, block.headers, i, headers[i] ?? null);
  }
  return { count, bytes, ...block, offsets, producer: null, isAlone: true };
}

/** What of a block begins at this offset or later. */
export function blockFrom(block: FetchedBlock, offset: number): FetchedBlock {
  const { count, offsets } = block;
  let first = 0;
  while (first < count && (offsets[first] as number) < offset) first++;
  if (first === 0) return block;
  const rest = ({ start, end }: Spans): Spans => ({ start: start.subarray(first), end: end.subarray(first) });
  return {
    ...block,
    count: count - first,
    offsets: offsets.subarray(first),
    keys: rest(block.keys),
    values: rest(block.values),
    headers: rest(block.headers),
  };
}

const makeSpans = (count: number): Spans => ({ start: new Int32Array(count), end: new Int32Array(count) });

/** Of several the last, as Kafka's own clients do. */
function headerOf({ headers = [] }: Message): Uint8Array | null {
  for (let i = headers.length - 1; i >= 0; i--) {
    const value = headers[i]?.[RECORD_HEADER];
    if (value !== undefined) return value;
  }
  return null;
}

/** With no object for its arguments: it is called for each part of a record. */
function put(bytes: Uint8Array, at: number, spans: Spans, i: number, part: Uint8Array | null): number {
  spans.start[i] = part === null ? -1 : at;
  if (part === null) {
    spans.end[i] = -1;
    return at;
  }
  bytes.set(part, at);
  const end = at + part.length;
  spans.end[i] = end;
  return end;
}
