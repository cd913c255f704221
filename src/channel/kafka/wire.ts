/**
 * The primitive types of Kafka's protocol (kafka.apache.org/protocol, "Protocol Primitive Types"). Messages of
 * flexible versions use the compact forms, and end each structure with tagged fields, of which we send none and skip
 * those that come.
 */
import { syncError } from "../../types/errors.ts";

const CAPACITY_MIN = 256;

/** Byte strings of this length are sent from where they are; a copy would cost more than a piece of its own. */
const PIECE_MIN = 4096;

/** Writes a request, as pieces that are sent one behind the other. */
export class WireWriter {
  readonly #pieces: Uint8Array[] = [];
  /** Of the pieces that are done. */
  #done = 0;
  #bytes = Buffer.allocUnsafe(CAPACITY_MIN);
  #at = 0;

  #room(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(at + count, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#at = at + count;
    return at;
  }

  int8(value: number): this {
    // First the room: it may bring other memory, and the place of a write is fixed before its arguments are.
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
    return this;
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** A safe integer, or more as a bigint. */
  int64(value: number | bigint): this {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  unsignedVarint(value: number): this {
    let rest = value;
    while (rest > 0x7f) {
      const at = this.#room(1);
      this.#bytes[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    const at = this.#room(1);
    this.#bytes[at] = rest;
    return this;
  }

  /** Long ones must not change until the request is sent. */
  raw(bytes: Uint8Array): this {
    if (bytes.length >= PIECE_MIN) {
      this.#endPiece();
      this.#pieces.push(bytes);
      this.#done += bytes.length;
      return this;
    }
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  string(text: string | null): this {
    if (text === null) return this.int16(-1);
    const bytes = Buffer.from(text);
    return this.int16(bytes.length).raw(bytes);
  }

  compactString(text: string | null): this {
    if (text === null) return this.unsignedVarint(0);
    const bytes = Buffer.from(text);
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  /** A topic id: 16 bytes as base64url text, as Kafka's own tools print it. */
  uuid(id: string): this {
    return this.raw(Buffer.from(id, "base64url"));
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.int32(items === null ? -1 : items.length);
    items?.forEach(write);
    return this;
  }

  compactArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.unsignedVarint(items === null ? 0 : items.length + 1);
    items?.forEach(write);
    return this;
  }

  /** The end of a flexible structure: no tagged fields. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  #endPiece(): void {
    if (this.#at === 0) return;
    this.#pieces.push(this.#bytes.subarray(0, this.#at));
    this.#done += this.#at;
    this.#bytes = Buffer.allocUnsafe(CAPACITY_MIN);
    this.#at = 0;
  }

  get byteLength(): number {
    return this.#done + this.#at;
  }

  /** All that was written; nothing more may be. */
  pieces(): readonly Uint8Array[] {
    this.#endPiece();
    return this.#pieces;
  }
}

/** The id of no topic. */
export const ZERO_UUID = Buffer.alloc(16).toString("base64url");

/** Reads an answer; whatever does not fit into it is refused, so that a broken broker cannot lead us astray. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #name: string;
  #at = 0;

  /** `name` is that of the message, for errors. */
  constructor(bytes: Buffer, name: string) {
    this.#bytes = bytes;
    this.#name = name;
  }

  #take(count: number): number {
    const at = this.#at;
    if (count < 0 || at + count > this.#bytes.length) {
      throw syncError("KAFKA_PROTOCOL", `the broker's answer to ${this.#name} ends in the middle`, {
        hint: "see whether it is a Kafka broker at all, and of a version from 3.1 on",
      });
    }
    this.#at = at + count;
    return at;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1));
  }

  bool(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  /** An offset, a time or a count: never beyond what a double holds. */
  int64(): number {
    return Number(this.bigint64());
  }

  bigint64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return this.#take(-1);
  }

  raw(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  string(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.raw(length).toString();
  }

  compactString(): string | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.raw(length - 1).toString();
  }

  uuid(): string {
    return this.raw(16).toString("base64url");
  }

  /** Null is an empty array to us. */
  array<T>(read: () => T): T[] {
    return this.#items(this.int32(), read);
  }

  compactArray<T>(read: () => T): T[] {
    return this.#items(this.unsignedVarint() - 1, read);
  }

  #items<T>(count: number, read: () => T): T[] {
    // Each item has a byte at least, so a count beyond the answer's end is refused before anything is made of it.
    if (count > this.#bytes.length - this.#at) this.#take(-1);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  compactBytes(): Buffer | null {
    const length = this.unsignedVarint();
    return length === 0 ? null : this.raw(length - 1);
  }

  /** Skips tagged fields: what a newer broker adds, and we do not ask for. */
  tags(): void {
    const count = this.unsignedVarint();
    for (let i = 0; i < count; i++) {
      this.unsignedVarint();
      this.raw(this.unsignedVarint());
    }
  }
}
