import { columnForm } from "../types/column-values.ts";
import type { ColumnType } from "../types/table-schema.ts";
import { unreachable } from "../util/assert.ts";
import { writeBytes, writeLatin1, type ByteWriter } from "./byte-writer.ts";
import { textWriter, type TextWriter } from "./charset/charset-table.ts";
import { decimalReader, decimalWriter } from "./decimal-text.ts";
import { writeJsonText } from "./json-text.ts";
import type { StoredValue } from "./mariadb/stored-value.ts";
import { memberTexts, setTextWriter, type MemberBytes } from "./member-text.ts";
import {
  bitWords,
  finiteDouble,
  finiteFloat,
  fitCode,
  fixedBytes,
  lengthCode,
  setBytes,
  smallIntCode,
  use,
  wordCode,
  type CodeScope,
} from "./row-decode-code.ts";
import type { MappedColumn } from "./table-map.ts";
import { dayOf, writeDatetimeNumber, writeTime2, writeTimestampNumber } from "./temporal-text.ts";

/** Room for a text whose length its type bounds: a DECIMAL(65), and what stands around it while it is written. */
const BOUNDED_TEXT_MAX = 80;

/**
 * Statements that read one value of a row image into its column. In scope: `s` the source, `p` the position in
 * it, `to` the end of the event; `name` is the column's buffer.
 */
export function cellCode(column: MappedColumn, name: string, scope: CodeScope): string {
  const { type } = column;
  const size = fixedBytes(type);
  switch (columnForm(type)) {
    case "int32":
    case "float":
      return `${wordsCode(name, [int32Code(type, scope)])} p += ${size ?? 0};`;
    case "int64":
    case "uint64":
    case "double":
      return `${int64Code(type, name, scope)} p += ${size ?? 0};`;
    case "text":
    case "bytes":
      return size === null
        ? `${lengthCode(column.lengthBytes)} ${fitCode(type)} ${variableCode(column, name, scope)} p += l;`
        : `${boundedCode(type, name, scope)} p += ${size};`;
  }
}

/** The name of a column's buffer in generated code. */
export const bufferName = (index: number): string => `c${index}`;

/** A cell of one or two words, the low one first. */
export function wordsCode(name: string, words: readonly string[]): string {
  const size = words.length * 4;
  const stores = words.map(
    (word, i) => `${name}.view.setInt32(q${i === 0 ? "" : ` + ${4 * i}`}, ${word}, true);`,
  );
  return `q = ${name}.position; ${name}.reserve(q, ${size}); ${stores.join(" ")} ${name}.position = q + ${size};`;
}

function int32Code(type: ColumnType, scope: CodeScope): string {
  if (type.kind === "int" && type.bytes !== 8) return smallIntCode(type.bytes, type.unsigned);
  if (type.kind === "date") return `${use(scope, dayOf)}(s[p] | s[p+1] << 8 | s[p+2] << 16)`;
  if (type.kind === "float") return `${use(scope, finiteFloat)}(${wordCode(0)})`;
  return type.kind === "year" ? "s[p] === 0 ? 0 : 1900 + s[p]" : wordCode(0);
}

function int64Code(type: ColumnType, name: string, scope: CodeScope): string {
  switch (type.kind) {
    case "datetime":
      return momentCell(name, `${use(scope, writeDatetimeNumber)}(${name}.view, q, s, p, ${type.fsp});`);
    case "timestamp":
      return momentCell(name, `${use(scope, writeTimestampNumber)}(${name}.view, q, s, p, ${type.fsp});`);
    case "decimal":
      return numberCell(name, `${use(scope, decimalReader(type.precision, type.scale))}(s, p)`);
    case "bit": {
      const { high, low } = bitWords((type.bits + 7) >> 3);
      return wordsCode(name, [low, high]);
    }
    case "double":
      return wordsCode(name, [wordCode(0), `${use(scope, finiteDouble)}(${wordCode(4)})`]);
    default:
      return wordsCode(name, [wordCode(0), type.kind === "int" && type.bytes !== 8 ? "0" : wordCode(4)]);
  }
}

/** A cell of eight bytes, written by a call. */
export const momentCell = (name: string, call: string): string =>
  `q = ${name}.position; ${name}.reserve(q, 8); ${call} ${name}.position = q + 8;`;

/** A cell of eight bytes from a whole number below 2^53. */
export const numberCell = (name: string, number: string): string =>
  `e = ${number}; ${wordsCode(name, ["e", "Math.floor(e / 4294967296)"])}`;

/** The cell of a text: a call that writes it behind its length, which is not known before. */
export const textCell = (name: string, call: string): string =>
  `q = ${name}.position; e = ${call}; ${name}.view.setUint32(q, e - q - 4, true); ${name}.last = q; ${name}.position = e;`;

/** A value of `l` bytes. */
function variableCode(mapped: MappedColumn, name: string, scope: CodeScope): string {
  const { type, table, name: column, stored } = mapped;
  const cell = (plain: TextWriter): string => {
    const write = stored === undefined ? plain : storedWriter(plain, stored);
    const call = `${use(scope, write)}(${name}, q + 4, s, p, p + l)`;
    return textCell(name, `(${name}.reserve(q, 4), ${call})`);
  };
  if (type.kind === "json") return cell(writeJsonText);
  if (table !== undefined) return cell(textWriter(table, column));
  if (type.kind === "text" && type.charset === "latin1") return cell(writeLatin1);
  // BINARY(n) is logged without its trailing zero bytes.
  if (type.kind === "bytes" && type.form === "binary" && type.length !== null) {
    return cell(paddedWriter(type.length));
  }
  return cell(writeBytes);
}

/** Writes what a value is, of what it is stored as. */
function storedWriter(write: TextWriter, stored: StoredValue): TextWriter {
  return (w, at, source, from, to) => {
    const value = stored(source, from, to);
    return write(w, at, value, 0, value.length);
  };
}

/** Writes bytes, and zeros behind them up to this length. */
function paddedWriter(length: number): typeof writeBytes {
  return (w, at, source, from, to) => {
    w.reserve(at, Math.max(length, to - from));
    const end = writeBytes(w, at, source, from, to);
    if (end - at >= length) return end;
    w.bytes.fill(0, end, at + length);
    return at + length;
  };
}

/** A value of fixed size that becomes a text. */
function boundedCode(type: ColumnType, name: string, scope: CodeScope): string {
  // These writers put quotes around their text. The first one falls on the last byte of the length, which is
  // written after it, and the second one behind the end.
  const quoted = (write: unknown, values: string): string =>
    textCell(
      name,
      `(${name}.reserve(q, ${BOUNDED_TEXT_MAX}), ${use(scope, write)}(${name}.view, q + 3, ${values})) - 1`,
    );
  switch (type.kind) {
    case "decimal":
      return quoted(decimalWriter(type.precision, type.scale), "s, p");
    case "time":
      return quoted(writeTime2, `s, p, ${type.fsp}`);
    case "enum": {
      const index = type.members.length < 256 ? "s[p]" : "s[p] | s[p+1] << 8";
      const members = use(scope, memberTexts(type.members));
      return textCell(
        name,
        `(${name}.reserve(q, 4), ${use(scope, writeMember)}(${name}, q + 4, ${members}, ${index}))`,
      );
    }
    case "set": {
      const write = use(scope, setTextWriter(type.members));
      return textCell(
        name,
        `(${name}.reserve(q, 4), ${write}(${name}, q + 4, s, p, ${setBytes(type.members.length)}))`,
      );
    }
    case "int":
    case "float":
    case "double":
    case "bit":
    case "year":
    case "date":
    case "datetime":
    case "timestamp":
    case "text":
    case "bytes":
    case "json":
      throw new RangeError(`${type.kind} has no text of bounded length`);
    default:
      return unreachable(type);
  }
}

const writeMember = (w: ByteWriter, at: number, members: MemberBytes, index: number): number =>
  members.write(w, at, index);
