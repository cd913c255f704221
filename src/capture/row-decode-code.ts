import type { ColumnType } from "../types/table-schema.ts";
import { must, unreachable } from "../util/assert.ts";
import { corrupt } from "./corrupt.ts";
import { writeAscii, writeBase64, writeJsonString, writeLatin1String, ByteWriter } from "./byte-writer.ts";
import { textWriter, type TextWriter } from "./charset/charset-table.ts";
import { writeInteger, writeSigned64, writeUnsigned, writeUnsigned64 } from "./digits.ts";
import { floatText, writeDouble } from "./double-text.ts";
import { decimalBytes, decimalWriter } from "./decimal-text.ts";
import { writeJsonDocument } from "./json-text.ts";
import type { StoredValue } from "./mariadb/stored-value.ts";
import { memberBytes, ROOM_BEHIND, setWriter, type MemberBytes } from "./member-text.ts";
import type { MappedColumn } from "./table-map.ts";
import { fractionBytes, writeDate, writeDatetime2, writeTime2, writeTimestamp2 } from "./temporal-text.ts";

/** Values that the generated code refers to by name. */
export interface CodeScope {
  readonly constants: Map<string, unknown>;
}

interface ValueOptions {
  readonly mode: "write" | "skip";
  readonly scope: CodeScope;
  /** Room for all that follows in this row and is bounded by its type. */
  readonly fixedMax: number;
}

/**
 * Statements that read one value of a row image. In scope: `s` the source, `p` the position in it, `to` the
 * end of the event, `w` the writer, `b` its bytes, `v` their view, `o` the position in them.
 */
export function valueCode(column: MappedColumn, options: ValueOptions): string {
  const size = fixedBytes(column.type);
  if (options.mode === "skip") {
    return size === null ? `${lengthCode(column.lengthBytes)} p += l;` : `p += ${size};`;
  }
  return size === null
    ? variableCode(column, options)
    : `${fixedCode(column.type, options.scope)} p += ${size};`;
}

/** Bytes of a value in a row image; null when the value says so itself. */
export function fixedBytes(type: ColumnType): number | null {
  switch (type.kind) {
    case "int":
      return type.bytes;
    case "decimal":
      return decimalBytes(type.precision, type.scale);
    case "float":
      return 4;
    case "double":
      return 8;
    case "bit":
      return (type.bits + 7) >> 3;
    case "date":
      return 3;
    case "time":
      return 3 + fractionBytes(type.fsp);
    case "datetime":
      return 5 + fractionBytes(type.fsp);
    case "timestamp":
      return 4 + fractionBytes(type.fsp);
    case "year":
      return 1;
    case "enum":
      return type.members.length < 256 ? 1 : 2;
    case "set":
      return setBytes(type.members.length);
    case "text":
    case "bytes":
    case "json":
      return null;
  }
}

/** A SET is stored in 1, 2, 3, 4 or 8 bytes. */
export const setBytes = (members: number): number => (members <= 32 ? (members + 7) >> 3 : 8);

/**
 * Reads the length into `l` and checks that the value ends inside the event. A length that reaches beyond the end of
 * the memory is no number, of which only a comparison that has to be true says something.
 */
export function lengthCode(lengthBytes: number): string {
  if (lengthBytes < 1 || lengthBytes > 4) throw corrupt(`a column has lengths of ${lengthBytes} bytes`);
  const bytes = Array.from({ length: lengthBytes }, (_, i) =>
    i === 0 ? "s[p]" : `s[p+${i}] * ${2 ** (8 * i)}`,
  );
  return `const l = ${bytes.join(" + ")}; p += ${lengthBytes}; if (!(p + l <= to)) overrun();`;
}

/** The condition that a column is NULL. */
export const nullCode = (index: number): string => `(n${index >> 3} & ${1 << (index & 7)}) !== 0`;

/**
 * In front of the first column of a run of fixed size: checks that the values of all of them are there before one is
 * read, since what lies behind an event is not its value. Only where NULLs make the difference are they added up.
 */
export function insideCode(columns: readonly MappedColumn[], index: number): string {
  const before = columns[index - 1];
  const isFirst = before === undefined || fixedBytes(before.type) === null;
  const run: number[] = [];
  for (let i = index; isFirst && i < columns.length; i++) {
    const size = fixedBytes(must(columns[i], "a column").type);
    if (size === null) break;
    run.push(size);
  }
  if (run.length === 0) return "";
  const sum = run.reduce((total, size) => total + size, 0);
  const sizes = run.map((size, i) => `(${nullCode(index + i)} ? 0 : ${size})`);
  return `if (p + ${sum} > to && p + ${sizes.join(" + ")} > to) overrun();`;
}

/** A BINARY of `l` bytes is no longer than its type, which pads it. */
export const fitCode = (type: ColumnType): string =>
  type.kind === "bytes" && type.form === "binary" ? `if (l > ${type.length}) overrun();` : "";

function variableCode(column: MappedColumn, { scope, fixedMax }: ValueOptions): string {
  const length = lengthCode(column.lengthBytes);
  const { type } = column;
  // Room for the longest form of this value and for everything fixed behind it, so that `b` stays valid.
  const room = (perByte: string): string =>
    `w.reserve(o, l * ${perByte} + ${fixedMax}); b = w.bytes; v = w.view;`;
  if (column.stored !== undefined) {
    const write = use(scope, storedWriter(column, column.stored));
    return `${length} o = ${write}(w, o, s, p, p + l); w.reserve(o, ${fixedMax}); b = w.bytes; v = w.view; p += l;`;
  }
  if (type.kind === "text") {
    if (column.table !== undefined) {
      const write = use(scope, jsonTextWriter(textWriter(column.table, column.name)));
      return `${length} o = ${write}(w, o, s, p, p + l); w.reserve(o, ${fixedMax}); b = w.bytes; v = w.view; p += l;`;
    }
    const write = type.charset === "latin1" ? writeLatin1String : writeJsonString;
    return `${length} ${room("6")} o = ${use(scope, write)}(w, o, s, p, p + l); p += l;`;
  }
  if (type.kind === "bytes") {
    // BINARY(n) is logged without its trailing zero bytes.
    const zeros = type.form === "binary" && type.length !== null ? `${type.length} - l` : "0";
    return `${length} ${fitCode(type)} ${room("2")} o = ${use(scope, writeBase64)}(w, o, s, p, p + l, ${zeros}); w.reserve(o, ${fixedMax}); b = w.bytes; v = w.view; p += l;`;
  }
  return `${length} o = ${use(scope, writeJsonDocument)}(w, o, s, p, p + l); w.reserve(o, ${fixedMax}); b = w.bytes; v = w.view; p += l;`;
}

function fixedCode(type: ColumnType, scope: CodeScope): string {
  switch (type.kind) {
    case "int":
      return intCode(type.bytes, type.unsigned, scope);
    case "decimal":
      return `o = ${use(scope, decimalWriter(type.precision, type.scale))}(v, o, s, p);`;
    case "float":
      return `o = ${use(scope, writeFloatBits)}(w, o, ${wordCode(0)});`;
    case "double":
      return `o = ${use(scope, writeDoubleBits)}(w, o, ${wordCode(0)}, ${wordCode(4)});`;
    case "bit":
      return bitCode(type.bits, scope);
    case "date":
      return `o = ${use(scope, writeDate)}(v, o, s[p] | s[p+1] << 8 | s[p+2] << 16);`;
    case "time":
      return `o = ${use(scope, writeTime2)}(v, o, s, p, ${type.fsp});`;
    case "datetime":
      return `o = ${use(scope, writeDatetime2)}(v, o, s, p, ${type.fsp});`;
    case "timestamp":
      return `o = ${use(scope, writeTimestamp2)}(v, o, s, p, ${type.fsp});`;
    case "year":
      return `o = ${use(scope, writeUnsigned)}(v, o, s[p] === 0 ? 0 : 1900 + s[p]);`;
    case "enum": {
      const members = use(scope, memberBytes(type.members));
      const index = type.members.length < 256 ? "s[p]" : "s[p] | s[p+1] << 8";
      return `o = ${use(scope, writeMember)}(w, o, ${members}, ${index});${reload}`;
    }
    case "set":
      return `o = ${use(scope, setWriter(type.members))}(w, o, s, p, ${setBytes(type.members.length)});${reload}`;
    case "text":
    case "bytes":
    case "json":
      throw new RangeError(`${type.kind} has no fixed size`);
    default:
      return unreachable(type);
  }
}

/** Members can be long: their writers make room, and leave as much behind as any fixed value needs. */
const reload = " b = w.bytes; v = w.view;";

function intCode(bytes: 1 | 2 | 3 | 4 | 8, unsigned: boolean, scope: CodeScope): string {
  if (bytes === 8) {
    const write64 = use(scope, unsigned ? writeUnsigned64 : writeSigned64);
    return `o = ${write64}(v, o, ${wordCode(4)} >>> 0, ${wordCode(0)} >>> 0);`;
  }
  return `o = ${use(scope, unsigned ? writeUnsigned : writeInteger)}(v, o, ${smallIntCode(bytes, unsigned)});`;
}

function bitCode(bits: number, scope: CodeScope): string {
  const { high, low } = bitWords((bits + 7) >> 3);
  return `o = ${use(scope, writeUnsigned64)}(v, o, ${high}, ${low});`;
}

/** The 32 bits at `p + at`, lowest byte first, as a signed integer. */
export const wordCode = (at: number): string =>
  `(s[p+${at}] | s[p+${at + 1}] << 8 | s[p+${at + 2}] << 16 | s[p+${at + 3}] << 24)`;

/** An integer of up to four bytes. */
export function smallIntCode(bytes: 1 | 2 | 3 | 4, unsigned: boolean): string {
  const raw = ["s[p]", "s[p+1] << 8", "s[p+2] << 16", "s[p+3] << 24"].slice(0, bytes).join(" | ");
  const shift = 32 - bytes * 8;
  return unsigned ? `(${raw}) >>> 0` : `(${raw}) << ${shift} >> ${shift}`;
}

/** High and low 32 bits of a BIT, which is stored big-endian, unsigned. */
export function bitWords(bytes: number): { readonly high: string; readonly low: string } {
  const part = (from: number, to: number): string => {
    const terms = [];
    for (let i = from; i < to; i++) terms.push(`s[p+${i}] << ${8 * (to - 1 - i)}`);
    return terms.length === 0 ? "0" : `(${terms.join(" | ")}) >>> 0`;
  };
  const split = Math.max(0, bytes - 4);
  return { high: part(0, split), low: part(split, bytes) };
}

/** Longest JSON text of a byte, as one of a text or of binary data. */
const JSON_PER_BYTE = 6;

/** Writes what a value is, of what it is stored as. */
function storedWriter({ type, table, name }: MappedColumn, stored: StoredValue): TextWriter {
  const write: TextWriter =
    type.kind === "bytes"
      ? (w, at, source, from, to) => writeBase64(w, at, source, from, to, 0)
      : table !== undefined
        ? jsonTextWriter(textWriter(table, name))
        : type.kind === "text" && type.charset === "latin1"
          ? writeLatin1String
          : writeJsonString;
  return (w, at, source, from, to) => {
    const value = stored(source, from, to);
    w.reserve(at, (value.length + 1) * JSON_PER_BYTE);
    return write(w, at, value, 0, value.length);
  };
}

/** A text that becomes UTF-8 first. */
function jsonTextWriter(write: TextWriter): TextWriter {
  const scratch = new ByteWriter(1 << 10);
  return (w, at, source, from, to) => {
    const end = write(scratch, 0, source, from, to);
    return writeJsonString(w, at, scratch.bytes, 0, end);
  };
}

const bits = new DataView(new ArrayBuffer(8));

/** Neither server stores an infinity, or what is no number. */
export function finiteFloat(word: number): number {
  if ((word & 0x7f800000) === 0x7f800000) throw corrupt("a FLOAT is not finite");
  return word;
}

/** By the upper half of its bits. */
export function finiteDouble(word: number): number {
  if ((word & 0x7ff00000) === 0x7ff00000) throw corrupt("a DOUBLE is not finite");
  return word;
}

function writeFloatBits(w: ByteWriter, at: number, word: number): number {
  bits.setInt32(0, finiteFloat(word), true);
  return writeAscii(w, at, floatText(bits.getFloat32(0, true)));
}

function writeDoubleBits(w: ByteWriter, at: number, low: number, high: number): number {
  bits.setInt32(0, low, true);
  bits.setInt32(4, finiteDouble(high), true);
  return writeDouble(w, at, bits.getFloat64(0, true));
}

function writeMember(w: ByteWriter, at: number, members: MemberBytes, index: number): number {
  return members.write(w, at, index, ROOM_BEHIND);
}

/** The name under which the generated code sees a value; the same value has one name. */
export function use(scope: CodeScope, value: unknown): string {
  for (const [name, known] of scope.constants) if (known === value) return name;
  const name = `k${scope.constants.size}`;
  scope.constants.set(name, value);
  return name;
}
