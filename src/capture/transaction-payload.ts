/**
 * TRANSACTION_PAYLOAD events: all events of a transaction behind its GTID, compressed together, as a server writes
 * them with `binlog_transaction_compression`. Layout: `Transaction_payload_event` in MySQL's
 * `libs/mysql/binlog/event/control_events.h`: fields of a type, a length and a value, an end mark, then the payload.
 *
 * A small payload is unpacked at once. A large one, which can be many times larger than what the server lets into
 * one packet, is unpacked piece by piece; the caller stops reading the connection meanwhile, and takes the events of
 * a piece before it asks for the next, so that no more than one event and one piece are in memory.
 */
import { createZstdDecompress, zstdDecompressSync } from "node:zlib";
import { syncError } from "../types/errors.ts";
import { messageOf, SyncError } from "../util/errors.ts";
import { eventSize, HEADER_BYTES } from "./binlog-event.ts";
import { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./corrupt.ts";

export interface TransactionPayload {
  /** The compressed events. */
  readonly packed: Uint8Array;
  readonly isCompressed: boolean;
  /** Bytes of the events when they are unpacked. */
  readonly size: number;
}

const FIELD = { end: 0, packedSize: 1, compression: 2, size: 3 } as const;
const COMPRESSION = { zstd: 0, none: 255 } as const;

export function parseTransactionPayload(bytes: Uint8Array, from: number, to: number): TransactionPayload {
  const r = new ByteReader(bytes, from, to);
  const fields = new Map<number, number>();
  for (let field = r.packedLength(); field !== FIELD.end; field = r.packedLength()) {
    const length = r.packedLength();
    const at = r.position;
    r.skip(length);
    const value = new ByteReader(bytes, at, at + length);
    fields.set(field, value.packedLength());
    if (value.left > 0) throw corrupt(`a field of a compressed transaction is longer than its value`);
  }
  const compression = fields.get(FIELD.compression) ?? COMPRESSION.none;
  if (compression !== COMPRESSION.zstd && compression !== COMPRESSION.none) {
    throw syncError("BINLOG_COMPRESSED", `a transaction is compressed by algorithm ${compression}`, {
      hint: "SET PERSIST binlog_transaction_compression = OFF on the source, then take the snapshot again",
    });
  }
  const packedSize = fields.get(FIELD.packedSize);
  if (packedSize !== r.left)
    throw corrupt(`a compressed transaction has ${r.left} bytes and says ${packedSize ?? "nothing"}`);
  const isCompressed = compression === COMPRESSION.zstd;
  const size = fields.get(FIELD.size) ?? (isCompressed ? undefined : packedSize);
  if (size === undefined) throw corrupt("a compressed transaction does not say how large it is");
  return { packed: r.take(packedSize), isCompressed, size };
}

/** Up to this size a payload is unpacked at once. */
const SMALL_BYTES = 16 << 20;
const PIECE_BYTES = 1 << 20;
/** The server holds an event in one packet, and that is the largest one there can be. */
const EVENT_BYTES_MAX = 1 << 30;

export const isSmall = ({ size }: TransactionPayload): boolean => size <= SMALL_BYTES;

/** The events of a payload that is small. */
export function unpackAtOnce({ packed, isCompressed, size }: TransactionPayload): Uint8Array {
  const unpacked = isCompressed ? unpackZstd(packed, size) : packed;
  if (unpacked.length !== size) throw wrongSize(unpacked.length, size);
  return unpacked;
}

function unpackZstd(packed: Uint8Array, size: number): Uint8Array {
  try {
    const { buffer, engine } = zstdDecompressSync(packed, {
      maxOutputLength: Math.max(1, size),
      info: true,
    }) as unknown as { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
    requireUsed(engine.bytesWritten, packed);
    return buffer;
  } catch (error) {
    throw notUnpacked(error);
  }
}

/** The events of a payload in pieces that are cut anywhere. */
export async function* unpackInPieces({
  packed,
  isCompressed,
  size,
}: TransactionPayload): AsyncGenerator<Uint8Array, void, void> {
  let done = 0;
  const pieces = isCompressed ? zstdPieces(packed) : [packed];
  for await (const piece of pieces) {
    done += piece.length;
    if (done > size) break;
    yield piece;
  }
  if (done !== size) throw wrongSize(done, size);
}

async function* zstdPieces(packed: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  const unpacking = createZstdDecompress({ chunkSize: PIECE_BYTES });
  unpacking.end(packed);
  try {
    for await (const piece of unpacking as AsyncIterable<Uint8Array>) yield piece;
    requireUsed(unpacking.bytesWritten, packed);
  } catch (error) {
    throw notUnpacked(error);
  }
}

/** zstd leaves alone what lies behind the end of what it unpacks. */
function requireUsed(used: number, packed: Uint8Array): void {
  if (used !== packed.length)
    throw corrupt(`${packed.length - used} bytes lie behind a compressed transaction`);
}

const notUnpacked = (error: unknown): Error =>
  error instanceof SyncError
    ? error
    : corrupt(`a compressed transaction cannot be unpacked: ${messageOf(error)}`, error);

const wrongSize = (found: number, size: number): Error =>
  corrupt(`a compressed transaction has ${found} bytes or more, and says ${size}`);

/** Cuts pieces into events. `take` is given each in turn: its bytes, where its header begins and where it ends. */
export class EventCutter {
  readonly #take: (bytes: Uint8Array, from: number, to: number) => void;
  /** The beginning of an event whose end has not come. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;

  constructor(take: (bytes: Uint8Array, from: number, to: number) => void) {
    this.#take = take;
  }

  push(piece: Uint8Array): void {
    this.#begun.push(piece);
    this.#begunBytes += piece.length;
    // The pieces of a large event are put together once.
    if (this.#begunBytes < this.#sizeOfFirst()) return;
    const bytes = this.#begun.length === 1 ? piece : Buffer.concat(this.#begun, this.#begunBytes);
    let from = 0;
    for (let size = sizeAt(bytes, from); size <= bytes.length - from; size = sizeAt(bytes, from)) {
      this.#take(bytes, from, from + size);
      from += size;
      if (from === bytes.length) break;
    }
    this.#begun = from === bytes.length ? [] : [bytes.subarray(from)];
    this.#begunBytes = bytes.length - from;
  }

  /** Nothing comes any more. */
  end(): void {
    if (this.#begunBytes > 0)
      throw corrupt(`a compressed transaction ends ${this.#begunBytes} bytes behind the begin of an event`);
  }

  #sizeOfFirst(): number {
    const [first] = this.#begun;
    if (first === undefined) return HEADER_BYTES;
    if (first.length >= HEADER_BYTES) return sizeAt(first, 0);
    return sizeAt(Buffer.concat(this.#begun, this.#begunBytes), 0);
  }
}

/** Bytes of the event that begins here; those of a header while the rest of it is missing. */
function sizeAt(bytes: Uint8Array, from: number): number {
  if (bytes.length - from < HEADER_BYTES) return HEADER_BYTES;
  const size = eventSize(bytes, from);
  if (size < HEADER_BYTES || size > EVENT_BYTES_MAX) {
    throw corrupt(`an event of a compressed transaction says that it has ${size} bytes`);
  }
  return size;
}
