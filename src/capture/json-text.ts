import { corrupt } from "./corrupt.ts";
import { ByteWriter, copyBytes, writeAscii } from "./byte-writer.ts";
import { decimalBytes, decimalWriter } from "./decimal-text.ts";
import { writeInteger, writeSigned64, writeUnsigned, writeUnsigned64 } from "./digits.ts";
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
/** An empty value is what a failed conversion leaves: MySQL reads it as the null literal. */
const NULL_TEXT = "null";

const bits = new DataView(new ArrayBuffer(8));

/** The text of a document. */
export function writeJsonText(
  w: ByteWriter,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  if (from === to) return writeAscii(w, at, NULL_TEXT);
  document.begin(w, source, { from, end: to, isString: false });
  return document.value(source[from] as number, from + 1, 0, at);
}

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
  if (from === to) return writeAscii(w, at, `"${NULL_TEXT}"`);
  document.begin(w, source, { from, end: to, isString: true });
  w.reserve(at, 1);
  w.bytes[at] = 0x22;
  const o = document.value(source[from] as number, from + 1, 0, at + 1);
  w.reserve(o, 1);
  w.bytes[o] = 0x22;
  return o + 1;
}

/** The document that is being written: one at a time, and one object for all of them. */
class Document {
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  /**
   * Bytes of containers, keys and texts that may still come. Each byte of a document belongs to one of them, so that
   * one whose parts lie over each other, and which could be unfolded without end, soon has none left.
   */
  #unread = 0;
  /** Whether the text is to stand in a JSON string, escaped once more. */
  #isString = false;
  #w = new ByteWriter(0);
  /** Behind the length that `#length` has read. */
  #behind = 0;

  begin(
    w: ByteWriter,
    bytes: Uint8Array,
    { from, end, isString }: { readonly from: number; readonly end: number; readonly isString: boolean },
  ): void {
    this.#w = w;
    this.#bytes = bytes;
    this.#end = end;
    this.#unread = end - from;
    this.#isString = isString;
  }

  /** Writes a value at `o`; returns the position behind it. */
  value(kind: number, at: number, depth: number, o: number): number {
    const w = this.#w;
    w.reserve(o, 40);
    switch (kind) {
      case KIND.smallObject:
      case KIND.smallArray:
        return this.#small(kind === KIND.smallObject, at, depth, o);
      case KIND.largeObject:
      case KIND.largeArray:
        return this.#large(kind === KIND.largeObject, at, depth, o);
      case KIND.literal:
        return this.#literal(this.#u8(at), o);
      case KIND.int16:
        return writeInteger(w.view, o, (this.#u16(at) << 16) >> 16);
      case KIND.uint16:
        return writeUnsigned(w.view, o, this.#u16(at));
      case KIND.int32:
        return writeInteger(w.view, o, this.#u32(at) | 0);
      case KIND.uint32:
        return writeUnsigned(w.view, o, this.#u32(at));
      case KIND.int64:
        return writeSigned64(w.view, o, this.#u32(at + 4), this.#u32(at));
      case KIND.uint64:
        return writeUnsigned64(w.view, o, this.#u32(at + 4), this.#u32(at));
      case KIND.double:
        bits.setUint32(0, this.#u32(at), true);
        bits.setUint32(4, this.#u32(at + 4), true);
        return writeAscii(w, o, jsonDoubleText(bits.getFloat64(0, true)));
      case KIND.string: {
        const length = this.#length(at);
        return this.#quoted(this.#behind, this.#behind + length, o);
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

  /** A container whose offsets have two bytes: count, size, entries of the keys, entries of the values. */
  #small(isObject: boolean, base: number, depth: number, start: number): number {
    const count = this.#u16(base);
    const keys = base + 4;
    const values = isObject ? keys + count * 4 : keys;
    this.#checkContainer(count, { base, end: values + count * 3 }, depth);
    let o = this.#open(isObject, start);
    for (let i = 0; i < count; i++) {
      if (i > 0) o = this.#comma(o);
      if (isObject) o = this.#key(base + this.#u16(keys + i * 4), this.#u16(keys + i * 4 + 2), o);
      const entry = values + i * 3;
      const kind = this.#u8(entry);
      const isInline = kind === KIND.literal || kind === KIND.int16 || kind === KIND.uint16;
      o = this.value(kind, isInline ? entry + 1 : base + this.#u16(entry + 1), depth + 1, o);
    }
    return this.#close(isObject, o);
  }

  /** The same with four bytes, so that small numbers of 32 bits stand in the entry as well. */
  #large(isObject: boolean, base: number, depth: number, start: number): number {
    const count = this.#u32(base);
    const keys = base + 8;
    const values = isObject ? keys + count * 6 : keys;
    this.#checkContainer(count, { base, end: values + count * 5 }, depth);
    let o = this.#open(isObject, start);
    for (let i = 0; i < count; i++) {
      if (i > 0) o = this.#comma(o);
      if (isObject) o = this.#key(base + this.#u32(keys + i * 6), this.#u16(keys + i * 6 + 4), o);
      const entry = values + i * 5;
      const kind = this.#u8(entry);
      const isInline = kind >= KIND.literal && kind <= KIND.uint32;
      o = this.value(kind, isInline ? entry + 1 : base + this.#u32(entry + 1), depth + 1, o);
    }
    return this.#close(isObject, o);
  }

  #checkContainer(
    count: number,
    { base, end }: { readonly base: number; readonly end: number },
    depth: number,
  ): void {
    if (depth >= DEPTH_MAX) throw corrupt("a JSON document is deeper than MySQL allows");
    if (end > this.#end) throw corrupt(`a JSON container of ${count} members is cut short`);
    this.#read(end - base);
  }

  #read(bytes: number): void {
    this.#unread -= bytes;
    if (this.#unread < 0) throw corrupt("the parts of a JSON document lie over each other");
  }

  /** In the room that `value` has made. */
  #open(isObject: boolean, o: number): number {
    this.#w.bytes[o] = isObject ? 0x7b : 0x5b;
    return o + 1;
  }

  #close(isObject: boolean, o: number): number {
    this.#w.reserve(o, 1);
    this.#w.bytes[o] = isObject ? 0x7d : 0x5d;
    return o + 1;
  }

  #comma(o: number): number {
    this.#w.reserve(o, 2);
    this.#w.bytes[o] = 0x2c;
    this.#w.bytes[o + 1] = 0x20;
    return o + 2;
  }

  #key(at: number, length: number, start: number): number {
    if (at + length > this.#end) throw corrupt("a JSON key is cut short");
    this.#read(length);
    const o = this.#quoted(at, at + length, start);
    const out = this.#w.bytes;
    out[o] = 0x3a;
    out[o + 1] = 0x20;
    return o + 2;
  }

  /** A length in groups of seven bits, the lowest first. */
  #length(from: number): number {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.#u8(from + i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        this.#behind = from + i + 1;
        if (this.#behind + value > this.#end) throw corrupt("a JSON value is cut short");
        this.#read(value);
        return value;
      }
    }
    throw corrupt("a JSON length has more than five bytes");
  }

  #check(end: number): void {
    if (end > this.#end) throw corrupt("a JSON document is cut short");
  }

  #u8(at: number): number {
    this.#check(at + 1);
    return this.#bytes[at] as number;
  }

  #u16(at: number): number {
    this.#check(at + 2);
    const b = this.#bytes;
    return (b[at] as number) | ((b[at + 1] as number) << 8);
  }

  #u32(at: number): number {
    this.#check(at + 4);
    const b = this.#bytes;
    return (
      ((b[at] as number) |
        ((b[at + 1] as number) << 8) |
        ((b[at + 2] as number) << 16) |
        ((b[at + 3] as number) << 24)) >>>
      0
    );
  }

  /** A string as MySQL prints it in a document. Leaves room for two bytes behind it. */
  #quoted(from: number, to: number, start: number): number {
    const w = this.#w;
    w.reserve(start, (to - from) * 7 + 6);
    const out = w.bytes;
    const source = this.#bytes;
    const escapes = this.#isString ? ESCAPED_TWICE : ESCAPED_ONCE;
    let o = this.#quote(start);
    for (let i = from; i < to; i++) {
      const c = source[i] as number;
      if (c >= 0x20 && c !== 0x22 && c !== 0x5c) out[o++] = c;
      else o = copyBytes(out, o, escapes[c] as Uint8Array);
    }
    return this.#quote(o);
  }

  /** In room that was made. */
  #quote(at: number): number {
    const out = this.#w.bytes;
    let o = at;
    if (this.#isString) out[o++] = 0x5c;
    out[o++] = 0x22;
    return o;
  }

  /** A value of a MySQL type that JSON does not have: the field type, then its bytes. */
  #opaque(from: number, o: number): number {
    const w = this.#w;
    const field = this.#u8(from);
    const length = this.#length(from + 1);
    const at = this.#behind;
    if (field === FIELD_DECIMAL) {
      w.reserve(o, 90);
      const [precision, scale] = [this.#u8(at), this.#u8(at + 1)];
      if (precision > 65 || scale > Math.min(30, precision) || length !== 2 + decimalBytes(precision, scale))
        throw corrupt(`a JSON value is a DECIMAL(${precision},${scale}) in ${length} bytes`);
      const write = decimalWriter(precision, scale);
      const end = write(w.view, o, this.#bytes, at + 2);
      // The writer quotes, and a document does not.
      w.bytes.copyWithin(o, o + 1, end - 1);
      return end - 2;
    }
    if (FIELD_TEMPORAL.has(field) && length === 8) {
      const packed = (BigInt(this.#u32(at + 4)) << 32n) | BigInt(this.#u32(at));
      return this.#ascii(o, opaqueTemporalText(field, BigInt.asIntN(64, packed)));
    }
    const base64 = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, length).toString("base64");
    // MySQL breaks base64 after 76 characters.
    const wrapped = base64.replaceAll(/(.{76})(?=.)/g, this.#isString ? "$1\\\\n" : "$1\\n");
    return this.#ascii(o, `base64:type${field}:${wrapped}`);
  }

  /** A string that needs no escapes. */
  #ascii(at: number, text: string): number {
    this.#w.reserve(at, text.length + 6);
    return this.#quote(writeAscii(this.#w, this.#quote(at), text));
  }
}

/** A double without point or exponent gets `.0`, which keeps it a double. */
function jsonDoubleText(number: number): string {
  const plain = mysqlDoubleText(number);
  return /[.e]/.test(plain) ? plain : `${plain}.0`;
}

const document = new Document();

/** Characters that MySQL escapes by one letter. */
const LETTERS: ReadonlyMap<number, string> = new Map([
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
  [0x22, '"'],
  [0x5c, "\\"],
]);

/** MySQL's escape of a character; it writes control characters without a letter as `u00xx`. */
const escapeOf = (c: number): string => `\\${LETTERS.get(c) ?? `u00${c.toString(16).padStart(2, "0")}`}`;

/** By character, up to the backslash; those in between that need none are never looked up. At most seven bytes. */
const ESCAPED_ONCE = Array.from({ length: 0x5d }, (_, c) => Buffer.from(escapeOf(c)));
/** The same with its own backslashes and quotes escaped again. */
const ESCAPED_TWICE = Array.from({ length: 0x5d }, (_, c) =>
  Buffer.from(JSON.stringify(escapeOf(c)).slice(1, -1)),
);

const FIELD_DECIMAL = 246;
const FIELD_TEMPORAL: ReadonlySet<number> = new Set([7, 10, 11, 12]);
