/**
 * The integers of record batches: zigzag (the sign is the lowest bit) in groups of seven bits, lowest first. Lengths
 * and differences of offsets are below 2^31, timestamps below 2^53; anything longer is refused.
 */
import { recordCorrupt, type BatchPlace } from "./record-corrupt.ts";

/** Longest form of 64 bits. */
const BYTES_MAX = 10;

/** Bytes of a whole number from -2^53 to 2^53 - 1. */
export function varintSize(value: number): number {
  // Without the sign, which shares the first byte with six bits.
  const magnitude = value < 0 ? -(value + 1) : value;
  if (magnitude < 0x40) return 1;
  if (magnitude < 0x2000) return 2;
  if (magnitude < 0x100000) return 3;
  let size = 3;
  for (let rest = Math.floor(magnitude / 0x100000); rest > 0; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Writes into room that was made; gives the position behind it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  const magnitude = value < 0 ? -(value + 1) : value;
  const sign = value < 0 ? 1 : 0;
  let p = at;
  if (magnitude < 0x40) {
    out[p++] = (magnitude << 1) | sign;
    return p;
  }
  out[p++] = ((magnitude % 64) << 1) | sign | 0x80;
  let rest = Math.floor(magnitude / 64);
  for (; rest > 127; rest = Math.floor(rest / 128)) out[p++] = (rest % 128) | 0x80;
  out[p++] = rest;
  return p;
}

/** Reads from left to right. What would reach beyond the end is an error. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #place: BatchPlace;
  position = 0;

  constructor(bytes: Uint8Array, place: BatchPlace) {
    this.#bytes = bytes;
    this.#end = bytes.length;
    this.#place = place;
  }

  read(): number {
    const p = this.position;
    if (p < this.#end) {
      const first = this.#bytes[p] as number;
      if (first < 0x80) {
        this.position = p + 1;
        return (first >>> 1) ^ -(first & 1);
      }
      if (p + 1 < this.#end) {
        const second = this.#bytes[p + 1] as number;
        if (second < 0x80) {
          this.position = p + 2;
          return (((first & 0x7f) >>> 1) | (second << 6)) ^ -(first & 1);
        }
      }
    }
    return this.#readLong();
  }

  /** A length, or -1, which stands for none at all. */
  readLength(): number {
    const length = this.read();
    if (length < -1 || length > this.#end - this.position) {
      throw this.fail(`a length of ${length} stands ${this.#end - this.position} bytes before its end`);
    }
    return length;
  }

  /** Passes over an integer of up to 64 bits. */
  skip(): void {
    const bytes = this.#bytes;
    for (let count = 1; this.position < this.#end && count <= BYTES_MAX; count++) {
      if ((bytes[this.position++] as number) < 0x80) return;
    }
    throw this.fail("an integer does not end");
  }

  fail(what: string): Error {
    return recordCorrupt(this.#place, what);
  }

  #readLong(): number {
    const bytes = this.#bytes;
    const from = this.position;
    this.skip();
    const first = bytes[from] as number;
    let magnitude = (first & 0x7f) >>> 1;
    let unit = 64;
    for (let p = from + 1; p < this.position; p++, unit *= 128)
      magnitude += ((bytes[p] as number) & 0x7f) * unit;
    if (magnitude > Number.MAX_SAFE_INTEGER) throw this.fail("an integer is above 2^53");
    return (first & 1) === 1 ? -magnitude - 1 : magnitude;
  }
}
