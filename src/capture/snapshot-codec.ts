/**
 * Rows of a SELECT to columns, by one function that is generated for each table. The cells are those that
 * `column-decode.ts` makes of the binlog's images. Here the source is the binary protocol: integers and floats are
 * already what they have to be, dates and times come as numbers, and all else as a text with its length in front.
 * What would come in another form is asked for by an expression (`snapshotSelect`):
 *
 *     BIT             col | 0                 an integer of 8 bytes on every server, instead of bytes
 *     ENUM, SET       CONVERT(col USING ...)  utf8mb4, since their character set is not in the schema
 *     other texts     CAST(col AS BINARY)     as they are: the driver does not know all character sets, in which it
 *                                             reads the names of the columns
 *
 * The zeros of a ZEROFILL decimal are dropped here. Text columns come in their own character set.
 */
import { columnForm } from "../types/column-values.ts";
import { formatTableId, quoteMysql } from "../types/table-id.ts";
import { isPlainCharset, type Column, type ColumnType, type TableSchema } from "../types/table-schema.ts";
import { assert, must } from "../util/assert.ts";
import { writeBytes, writeLatin1, type ByteWriter } from "./byte-writer.ts";
import { textWriter, type Charsets, type TextWriter } from "./charset/charset-table.ts";
import { dayNumber, writeMoment } from "./calendar.ts";
import type { ColumnBuffer } from "./column-buffer.ts";
import { compile } from "./compile.ts";
import { smallIntCode, use, wordCode, type CodeScope } from "./row-decode-code.ts";
import { bufferName, momentCell, numberCell, textCell, wordsCode } from "./row-column-code.ts";
import { lengthBytes, packedLength } from "./text-row.ts";
import { writeTimeOf, type Clock } from "./temporal-text.ts";

/**
 * Adds the row packet, whose payload lies between `from` and `to`, as row `row` to the columns.
 * @throws RangeError when the packet does not hold the columns of the table.
 */
export type RowWriter = (packet: Uint8Array, from: number, to: number, row: number) => void;

/** The list of a SELECT whose rows the table's writer takes. */
export const snapshotSelect = (schema: TableSchema): string => schema.columns.map(expression).join(", ");

function expression(column: Column): string {
  const name = quoteMysql(column.name);
  switch (column.type.kind) {
    case "bit":
      return `${name} | 0`;
    case "enum":
    case "set":
      return `CONVERT(${name} USING utf8mb4)`;
    case "text":
      return isPlainCharset(column.type.charset) ? name : `CAST(${name} AS BINARY)`;
    default:
      return name;
  }
}

/** A writer into these columns, one for each column of the table. */
export function compileRowWriter(
  schema: TableSchema,
  columns: readonly ColumnBuffer[],
  charsets: Charsets = new Map(),
): RowWriter {
  assert(schema.columns.length === columns.length, "a column for each column of the table");
  // Two bits in front of the columns' are not used.
  const nullBytes = (schema.columns.length + 9) >> 3;
  const buffers = columns.map((column, i) => [bufferName(i), column] as const);
  const scope: CodeScope = { constants: new Map<string, unknown>([...Object.entries(HELPERS), ...buffers]) };
  const body = [
    "return function row(s, p, to, r) {",
    "if (s[p++] !== 0) mismatch();",
    ...Array.from({ length: nullBytes }, (_, i) => `const n${i} = s[p + ${i}];`),
    `p += ${nullBytes};`,
    "let q = 0, e = 0, l = 0;",
    ...schema.columns.map((column, i) => {
      const write = cellWriter(schema, column, charsets);
      const bit = i + 2;
      const name = bufferName(i);
      return `if ((n${bit >> 3} & ${1 << (bit & 7)}) !== 0) ${name}.setNull(r); else { ${cellCode(column.type, name, use(scope, write))} }`;
    }),
    "if (p !== to) mismatch();",
    "}",
  ].join("\n");
  return compile(scope.constants, body) as RowWriter;
}

/** What writes a text or bytes of the column. */
function cellWriter({ id }: TableSchema, { name, type }: Column, charsets: Charsets): TextWriter {
  if (type.kind === "decimal") return writeDecimal;
  if (type.kind !== "text" || type.charset === "latin1")
    return type.kind === "text" ? writeLatin1 : writeBytes;
  if (isPlainCharset(type.charset)) return writeBytes;
  return textWriter(
    must(charsets.get(type.charset), `a table of ${type.charset}`),
    `${formatTableId(id)}.${name}`,
  );
}

/**
 * In scope: `s` the packet, `p` the position in it, `to` its end; `name` is the column's buffer, `write` the name of
 * what writes its texts.
 */
function cellCode(type: ColumnType, name: string, write: string): string {
  switch (columnForm(type)) {
    case "int32":
      return int32Code(type, name);
    case "float":
      return `${wordsCode(name, [wordCode(0)])} p += 4;`;
    case "int64":
      if (type.kind === "datetime" || type.kind === "timestamp") {
        return timed(momentCell(name, `writeMomentAt(${name}.view, q, s, p, l);`));
      }
      if (type.kind === "decimal") return counted(numberCell(name, "readDecimal(s, p, p + l)"));
      if (type.kind === "int" && type.bytes === 4) return `${wordsCode(name, [wordCode(0), "0"])} p += 4;`;
      return `${wordsCode(name, [wordCode(0), wordCode(4)])} p += 8;`;
    case "uint64":
    case "double":
      return `${wordsCode(name, [wordCode(0), wordCode(4)])} p += 8;`;
    case "text":
    case "bytes":
      return textCode(type, name, write);
  }
}

/** A MEDIUMINT comes in four bytes, a YEAR in two. */
function int32Code(type: ColumnType, name: string): string {
  if (type.kind === "date") return timed(wordsCode(name, ["readDay(s, p, l)"]));
  if (type.kind === "year") return `${wordsCode(name, [smallIntCode(2, true)])} p += 2;`;
  if (type.kind !== "int" || type.bytes === 8) throw new RangeError(`${type.kind} is not a small integer`);
  const bytes = type.bytes === 3 ? 4 : type.bytes;
  // Of four bytes an unsigned value here has its top one empty.
  return `${wordsCode(name, [bytes === 4 ? wordCode(0) : smallIntCode(bytes, type.unsigned)])} p += ${bytes};`;
}

/** A value behind a length in one byte. */
const timed = (cell: string): string => `l = s[p++]; if (!(p + l <= to)) mismatch(); ${cell} p += l;`;

/** A value behind a length in up to nine bytes. */
const counted = (cell: string): string =>
  `l = s[p++]; if (l > 251) { e = p - 1; l = packedLength(s, e, s[e]); p = e + lengthBytes(s[e]); } ` +
  // Behind the end of the buffer `l` is no number, and no comparison holds.
  `if (!(p + l <= to)) mismatch(); ${cell} p += l;`;

function textCode(type: ColumnType, name: string, write: string): string {
  if (type.kind === "time") {
    return timed(
      textCell(name, `(${name}.reserve(q, 32), writeTime(${name}.view, q + 4, s, p, l, ${type.fsp}))`),
    );
  }
  return counted(textCell(name, `(${name}.reserve(q, 4), ${write}(${name}, q + 4, s, p, p + l))`));
}

const word = (s: Uint8Array, p: number): number =>
  (s[p] as number) |
  ((s[p + 1] as number) << 8) |
  ((s[p + 2] as number) << 16) |
  ((s[p + 3] as number) << 24);

const yearAt = (s: Uint8Array, p: number): number => (s[p] as number) | ((s[p + 1] as number) << 8);

/** Year, month and day in 4 bytes; none for zeros. */
function readDay(s: Uint8Array, p: number, length: number): number {
  if (length !== 0 && length !== 4) mismatch();
  return length === 0 ? dayNumber(0, 0, 0) : dayNumber(yearAt(s, p), s[p + 2] as number, s[p + 3] as number);
}

/** A date, then hour, minute and second in 3 bytes, then microseconds in 4; zeros at the end are left out. */
function writeMomentAt(v: DataView, at: number, s: Uint8Array, p: number, length: number): void {
  if (length !== 0 && length !== 4 && length !== 7 && length !== 11) mismatch();
  if (length === 0) {
    writeMoment(v, at, 0, 0, 0, 0, 0);
    return;
  }
  const clock =
    length < 7 ? 0 : ((s[p + 4] as number) << 12) | ((s[p + 5] as number) << 6) | (s[p + 6] as number);
  const micros = length < 11 ? 0 : word(s, p + 7);
  writeMoment(v, at, yearAt(s, p), s[p + 2] as number, s[p + 3] as number, clock, micros);
}

/** One object for all times. */
const time: Clock = { hour: 0, minute: 0, second: 0, micros: 0 };

/** Sign, days in 4 bytes, hour, minute, second; microseconds in 4. */
function writeTime(v: DataView, at: number, s: Uint8Array, p: number, length: number, fsp: number): number {
  if (length !== 0 && length !== 8 && length !== 12) mismatch();
  time.hour = length === 0 ? 0 : word(s, p + 1) * 24 + (s[p + 5] as number);
  time.minute = length === 0 ? 0 : (s[p + 6] as number);
  time.second = length === 0 ? 0 : (s[p + 7] as number);
  time.micros = length < 12 ? 0 : word(s, p + 8);
  return writeTimeOf(v, at, time, { isNegative: length > 0 && s[p] === 1, fsp });
}

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/** The integer that the digits are without the point. */
function readDecimal(source: Uint8Array, from: number, to: number): number {
  const isNegative = source[from] === MINUS;
  let value = 0;
  for (let i = isNegative ? from + 1 : from; i < to; i++) {
    const c = source[i] as number;
    if (c !== POINT) value = value * 10 + (c - ZERO);
  }
  return isNegative ? -value : value;
}

function writeDecimal(w: ByteWriter, at: number, source: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to - 1 && source[i] === ZERO && (source[i + 1] as number) >= ZERO) i++;
  return writeBytes(w, at, source, i, to);
}

function mismatch(): never {
  throw new RangeError("a row packet does not hold the columns of its table");
}

/** What the generated code calls, by the names it uses. */
const HELPERS = {
  lengthBytes,
  mismatch,
  packedLength,
  readDay,
  readDecimal,
  writeMomentAt,
  writeTime,
};
