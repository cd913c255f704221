import { corrupt } from "./binlog-event.ts";
import {
  writeAscii,
  writeInteger,
  writeSigned64,
  writeUnsigned,
  writeUnsigned64,
  type ByteWriter,
} from "./byte-writer.ts";
import { decimalWriter } from "./decimal-text.ts";
import { opaqueTemporalText } from "./json-temporal.ts";
import { mysqlDoubleText } from "./mysql-double.ts";

/**
 * MySQL's binary JSON to the text that its SELECT prints, to the byte: key order as stored, `1.0` for a
 * double that is whole, decimals without quotes, dates and blobs as MySQL spells them. The format is that
 * of MySQL's `sql-common/json_binary.h`; the spelling that of `sql-common/json_dom.cc`.
 */
const KIND = {
  smallObject: 0,
  largeObject: 1,
  smallArray: 2,
  largeArray: 3,
  literal: 4,
  int16: 5,
  uint16: 6,
  int32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  double: 11,
  string: 12,
  opaque: 15,
} as const;

/** MySQL refuses deeper documents. */
const DEPTH_MAX = 100;
const LITERALS = ["null", "true", "false"].map((word) => Buffer.from(word));
const NULL_DOCUMENT = Buffer.from('"null"');

const bits = new DataView(new ArrayBuffer(8));

/**
 * A document as a JSON string: its text in quotes and escaped once more, in one pass. Every quote of the
 * document becomes `\\"`, and every backslash of an escape in it two.
 */
export function writeJsonDocument(
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  if (from === to) {
    // An empty value is what a failed conversion leaves: MySQL reads it as the null literal.
    w.reserve(at, NULL_DOCUMENT.length);
    w.bytes.set(NULL_DOCUMENT, at);
    return at + NULL_DOCUMENT.length;
  }
  const document = new Document(source, to, w);
  w.reserve(at, 1);
  w.bytes[at] = 0x22;
  const o = document.value(source[from] as number, { at: from + 1, depth: 0 }, at + 1);
  w.reserve(o, 1);
  w.bytes[o] = 0x22;
  return o + 1;
}

interface Place {
  readonly at: number;
  readonly depth: number;
}

class Document {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #w: ByteWriter;

  constructor(bytes: Uint8Array, end: number, w: ByteWriter) {
    this.#bytes = bytes;
    this.#end = end;
    this.#w = w;
  }

  /** Writes a value at `o`; returns the position behind it. */
  value(kind: number, { at, depth }: Place, o: number): number {
    const w = this.#w;
    w.reserve(o, 32);
    switch (kind) {
      case KIND.smallObject:
      case KIND.smallArray:
        return this.#container(kind === KIND.smallObject, 2, { at, depth }, o);
      case KIND.largeObject:
      case KIND.largeArray:
        return this.#container(kind === KIND.largeObject, 4, { at, depth }, o);
      case KIND.literal:
        return this.#literal(this.#uint(at, 1), o);
      case KIND.int16:
        return writeInteger(w.bytes, o, (this.#uint(at, 2) << 16) >> 16);
      case KIND.uint16:
        return writeUnsigned(w.bytes, o, this.#uint(at, 2));
      case KIND.int32:
        return writeInteger(w.bytes, o, this.#uint(at, 4) | 0);
      case KIND.uint32:
        return writeUnsigned(w.bytes, o, this.#uint(at, 4));
      case KIND.int64:
        return writeSigned64(w.bytes, o, this.#uint(at + 4, 4), this.#uint(at, 4));
      case KIND.uint64:
        return writeUnsigned64(w.bytes, o, this.#uint(at + 4, 4), this.#uint(at, 4));
      case KIND.double:
        bits.setUint32(0, this.#uint(at, 4), true);
        bits.setUint32(4, this.#uint(at + 4, 4), true);
        return writeAscii(w, o, jsonDoubleText(bits.getFloat64(0, true)));
      case KIND.string: {
        const length = this.#length(at);
        return this.#quoted(length.at, length.at + length.value, o);
      }
      case KIND.opaque:
        return this.#opaque(at, o);
      default:
        throw corrupt(`a JSON value has the type ${kind}`);
    }
  }

  #literal(code: number, o: number): number {
    const word = LITERALS[code];
    if (word === undefined) throw corrupt(`a JSON literal has the code ${code}`);
    this.#w.bytes.set(word, o);
    return o + word.length;
  }

  #container(isObject: boolean, width: 2 | 4, place: Place, start: number): number {
    if (place.depth >= DEPTH_MAX) throw corrupt("a JSON document is deeper than MySQL allows");
    const w = this.#w;
    const base = place.at;
    const count = this.#uint(base, width);
    const keys = base + 2 * width;
    const values = isObject ? keys + count * (width + 2) : keys;
    if (values + count * (1 + width) > this.#end)
      throw corrupt(`a JSON container of ${count} members is cut short`);
    let o = start;
    w.bytes[o++] = isObject ? 0x7b : 0x5b;
    for (let i = 0; i < count; i++) {
      w.reserve(o, 4);
      if (i > 0) {
        w.bytes[o++] = 0x2c;
        w.bytes[o++] = 0x20;
      }
      if (isObject) {
        const entry = keys + i * (width + 2);
        const at = base + this.#uint(entry, width);
        const length = this.#uint(entry + width, 2);
        if (at + length > this.#end) throw corrupt("a JSON key is cut short");
        o = this.#quoted(at, at + length, o);
        w.bytes[o++] = 0x3a;
        w.bytes[o++] = 0x20;
      }
      const entry = values + i * (1 + width);
      const kind = this.#uint(entry, 1);
      const at = isInline(kind, width) ? entry + 1 : base + this.#uint(entry + 1, width);
      o = this.value(kind, { at, depth: place.depth + 1 }, o);
    }
    w.reserve(o, 1);
    w.bytes[o++] = isObject ? 0x7d : 0x5d;
    return o;
  }

  /** A length in groups of seven bits, the lowest first. */
  #length(from: number): { readonly value: number; readonly at: number } {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.#uint(from + i, 1);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        const at = from + i + 1;
        if (at + value > this.#end) throw corrupt("a JSON value is cut short");
        return { value, at };
      }
    }
    throw corrupt("a JSON length has more than five bytes");
  }

  #uint(at: number, count: 1 | 2 | 4): number {
    if (at + count > this.#end) throw corrupt("a JSON document is cut short");
    const b = this.#bytes;
    if (count === 1) return b[at] as number;
    const low = (b[at] as number) | ((b[at + 1] as number) << 8);
    if (count === 2) return low;
    return (low | ((b[at + 2] as number) << 16) | ((b[at + 3] as number) << 24)) >>> 0;
  }

  /** A string as MySQL prints it in a document, escaped once more. Leaves room for two bytes behind it. */
  #quoted(from: number, to: number, start: number): number {
    const w = this.#w;
    w.reserve(start, (to - from) * 7 + 6);
    const out = w.bytes;
    const source = this.#bytes;
    let o = start;
    out[o++] = 0x5c;
    out[o++] = 0x22;
    for (let i = from; i < to; i++) {
      const c = source[i] as number;
      if (c >= 0x20 && c !== 0x22 && c !== 0x5c) out[o++] = c;
      else o = writeEscapeTwice(out, o, c);
    }
    out[o++] = 0x5c;
    out[o++] = 0x22;
    return o;
  }

  /** A value of a MySQL type that JSON does not have: the field type, then its bytes. */
  #opaque(from: number, o: number): number {
    const w = this.#w;
    const field = this.#uint(from, 1);
    const { value: length, at } = this.#length(from + 1);
    if (field === FIELD_DECIMAL) {
      w.reserve(o, 90);
      const write = decimalWriter(this.#uint(at, 1), this.#uint(at + 1, 1));
      const end = write(w.bytes, o, this.#bytes, at + 2);
      // The writer quotes, and a document does not.
      w.bytes.copyWithin(o, o + 1, end - 1);
      return end - 2;
    }
    if (FIELD_TEMPORAL.has(field) && length === 8) {
      const packed = (BigInt(this.#uint(at + 4, 4)) << 32n) | BigInt(this.#uint(at, 4));
      return writeAscii(w, o, `\\"${opaqueTemporalText(field, BigInt.asIntN(64, packed))}\\"`);
    }
    const base64 = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, length).toString("base64");
    // MySQL breaks base64 after 76 characters; the line feed is escaped twice.
    const wrapped = base64.replaceAll(/(.{76})(?=.)/g, "$1\\\\n");
    return writeAscii(w, o, `\\"base64:type${field}:${wrapped}\\"`);
  }
}

/** A double without point or exponent gets `.0`, which keeps it a double. */
function jsonDoubleText(number: number): string {
  const plain = mysqlDoubleText(number);
  return /[.e]/.test(plain) ? plain : `${plain}.0`;
}

/** Small scalars stand in the entry itself. */
const isInline = (kind: number, width: 2 | 4): boolean =>
  kind === KIND.literal ||
  kind === KIND.int16 ||
  kind === KIND.uint16 ||
  (width === 4 && (kind === KIND.int32 || kind === KIND.uint32));

/** Characters that MySQL escapes by one letter; it writes other control characters as `\\u00xx`. */
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);

/** The escape of MySQL's JSON, with its backslashes and quotes escaped again. At most seven bytes. */
function writeEscapeTwice(out: Uint8Array, at: number, c: number): number {
  const tail = SHORT_ESCAPES.get(c) ?? `u00${c.toString(16).padStart(2, "0")}`;
  let o = at;
  out[o++] = 0x5c;
  out[o++] = 0x5c;
  for (let i = 0; i < tail.length; i++) out[o++] = tail.charCodeAt(i);
  return o;
}

const FIELD_DECIMAL = 246;
const FIELD_TEMPORAL: ReadonlySet<number> = new Set([7, 10, 11, 12]);
