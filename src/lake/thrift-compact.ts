/**
 * Writes Thrift's compact protocol, as far as a Parquet file needs it: structs of whole numbers, texts, lists and
 * structs. The fields of a struct must come in ascending order, and an optional field is left out by not
 * writing it. Numbers are computed without bit operations, which would wrap at 32 bits: an offset in a file is
 * exact up to 2^52.
 */
import { assert } from "../util/assert.ts";

const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

/** The field header of one byte holds the distance from the field before, and the header of a list its length. */
const NIBBLE_MAX = 15;
const VARINT_BYTES_MAX = 8;
const MAX = 2 ** 52;

export class CompactWriter {
  #buffer: Buffer;
  #length = 0;
  /** Number of the last field in the struct that is being written. */
  #field = 0;

  constructor(capacity = 64) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** What was written so far. Writing more does not change it. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  i32(id: number, value: number): void {
    this.#header(id, I32);
    this.#number(value);
  }

  i64(id: number, value: number): void {
    this.#header(id, I64);
    this.#number(value);
  }

  text(id: number, value: string): void {
    this.#header(id, BINARY);
    this.#text(value);
  }

  i32List(id: number, values: readonly number[]): void {
    this.#list(id, I32, values.length);
    for (const value of values) this.#number(value);
  }

  textList(id: number, values: readonly string[]): void {
    this.#list(id, BINARY, values.length);
    for (const value of values) this.#text(value);
  }

  struct(id: number, fields: () => void): void {
    this.#header(id, STRUCT);
    this.message(fields);
  }

  structList<T>(id: number, items: readonly T[], fields: (item: T, index: number) => void): void {
    this.#list(id, STRUCT, items.length);
    items.forEach((item, index) => this.message(() => fields(item, index)));
  }

  /** A struct that is no field of another. */
  message(fields: () => void): void {
    const outer = this.#field;
    this.#field = 0;
    fields();
    this.byte(0);
    this.#field = outer;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Seven bits a byte, the lowest first. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is no number for a varint`);
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = 0x80 + (rest % 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
  #number(value: number): void {
    assert(Number.isInteger(value) && Math.abs(value) < MAX, `${value} cannot be written exactly`);
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  #text(value: string): void {
    const bytes = Buffer.from(value);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  #header(id: number, type: number): void {
    const step = id - this.#field;
    assert(step >= 1 && step <= NIBBLE_MAX, `field ${id} cannot stand behind field ${this.#field}`);
    this.byte((step << 4) | type);
    this.#field = id;
  }

  #list(id: number, type: number, length: number): void {
    this.#header(id, LIST);
    if (length < NIBBLE_MAX) {
      this.byte((length << 4) | type);
    } else {
      this.byte((NIBBLE_MAX << 4) | type);
      this.varint(length);
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}
