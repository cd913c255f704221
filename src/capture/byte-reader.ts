import { corrupt } from "./corrupt.ts";

/**
 * Reads little-endian fields of one event, from left to right. A field that would reach beyond the end
 * is an error, never a short or shifted value.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  position: number;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.bytes = bytes;
    this.position = from;
    this.#end = to;
  }

  get left(): number {
    return this.#end - this.position;
  }

  skip(count: number): void {
    this.#advance(count);
  }

  u8(): number {
    return this.bytes[this.#advance(1)] as number;
  }

  u16(): number {
    return this.uint(2);
  }

  /** Up to six bytes. */
  uint(count: number): number {
    const at = this.#advance(count);
    let value = 0;
    for (let i = count - 1; i >= 0; i--) value = value * 256 + (this.bytes[at + i] as number);
    return value;
  }

  u56(): bigint {
    return BigInt(this.uint(4)) | (BigInt(this.uint(3)) << 32n);
  }

  u64(): bigint {
    return BigInt(this.uint(4)) | (BigInt(this.uint(4)) << 32n);
  }

  /** A length as the client/server protocol packs it. */
  packedLength(): number {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.uint(2);
    if (first === 0xfd) return this.uint(3);
    const value = first === 0xfe ? this.u64() : -1n;
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
      throw corrupt(`a packed length begins with ${first}`);
    return Number(value);
  }

  /** A view of the next bytes, valid as long as the event. */
  take(count: number): Uint8Array {
    const at = this.#advance(count);
    return this.bytes.subarray(at, at + count);
  }

  /** The next bytes as UTF-8. */
  text(count: number): string {
    const at = this.#advance(count);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, count).toString("utf8");
  }

  #advance(count: number): number {
    const at = this.position;
    if (count < 0 || at + count > this.#end) {
      throw corrupt(`a field of ${count} bytes begins ${this.#end - at} bytes before the end of its event`);
    }
    this.position = at + count;
    return at;
  }
}
