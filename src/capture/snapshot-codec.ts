/**
 * Rows of a SELECT to the lines of a chunk file, by one function that is generated for each table. The texts
 * are those that `row-decode.ts` defines. Here the source is the text protocol: most values are already what
 * they have to be and are copied, in quotes or without. What MySQL prints in another way is asked for by an
 * expression (`snapshotSelect`):
 *
 *     FLOAT, DOUBLE   col * 1e0               all digits, where FLOAT(7,4) and FLOAT alone would round;
 *                                             and, unlike a sum with zero, it keeps minus zero
 *     BIT             col + 0                 digits instead of bytes
 *     ENUM, SET       CONVERT(col USING ...)  utf8mb4, since their character set is not in the schema
 *
 * The zeros of ZEROFILL and of YEAR 0000 are dropped here. Text columns come in their own character set.
 */
import { quoteMysql } from "../types/table-id.ts";
import type { Column, ColumnType, TableSchema } from "../types/table-schema.ts";
import {
  writeAscii,
  writeBase64,
  writeJsonString,
  writeLatin1String,
  type ByteWriter,
} from "./byte-writer.ts";
import { constantCode } from "./constant-code.ts";
import { writeUnsigned } from "./digits.ts";
import { floatText, writeDouble as writeNumber } from "./double-text.ts";
import { lengthBytes, packedLength } from "./text-row.ts";

/**
 * Writes `{"n":<n>,"r":{...}}` and a newline behind the writer's position, for the row packet whose values lie
 * between `from` and `to`.
 * @throws RangeError when the packet does not hold the columns of the table.
 */
export type RowLineWriter = (
  packet: Uint8Array,
  from: number,
  to: number,
  writer: ByteWriter,
  n: number,
) => void;

/** Longest text of a value whose length the type bounds: a DECIMAL(65) with its quotes. */
const FIXED_TEXT_MAX = 80;
/** `{"n":`, 16 digits, `,"r":{` and the end of the line. */
const FRAME_MAX = 40;

/** The list of a SELECT whose rows the table's line writer takes. */
export const snapshotSelect = (schema: TableSchema): string => schema.columns.map(expression).join(", ");

function expression(column: Column): string {
  const name = quoteMysql(column.name);
  switch (column.type.kind) {
    case "float":
    case "double":
      return `${name} * 1e0`;
    case "bit":
      return `${name} + 0`;
    case "enum":
    case "set":
      return `CONVERT(${name} USING utf8mb4)`;
    default:
      return name;
  }
}

export function compileRowLineWriter(schema: TableSchema): RowLineWriter {
  const names = schema.columns.map((column, i) =>
    Buffer.from(`${i === 0 ? "" : ","}${JSON.stringify(column.name)}:`, "utf8"),
  );
  const fixedMax = names.reduce((sum, name) => sum + name.length + FIXED_TEXT_MAX, FRAME_MAX);
  const body = [
    "return function line(s, p, to, w, n) {",
    "let o = w.position, l = 0;",
    `w.reserve(o, ${fixedMax});`,
    "let b = w.bytes, v = w.view;",
    constantCode(Buffer.from('{"n":')),
    "o = writeUnsigned(v, o, n);",
    constantCode(Buffer.from(',"r":{')),
    ...schema.columns.map((column, i) => columnCode(column.type, names[i] as Buffer, fixedMax)),
    "if (p !== to) mismatch();",
    constantCode(Buffer.from("}}\n")),
    "w.position = o;",
    "}",
  ].join("\n");
  // The names of the columns are in the code as the numbers of their bytes, and nothing else of the table is.
  const make = new Function(...Object.keys(HELPERS), `"use strict";\n${body}`) as (
    ...helpers: unknown[]
  ) => RowLineWriter;
  return make(...Object.values(HELPERS));
}

/** In scope: `s` the packet, `p` the position in it, `w` the writer, `b` its bytes, `o` the position in them. */
function columnCode(type: ColumnType, name: Uint8Array, fixedMax: number): string {
  return [
    constantCode(name),
    "l = s[p++];",
    `if (l === 251) { ${constantCode(Buffer.from("null"))} } else {`,
    "if (l > 251) { const q = p - 1; l = packedLength(s, q, s[q]); p = q + lengthBytes(s[q]); }",
    // Behind the end of the buffer `l` is no number, and no comparison holds.
    "if (!(p + l <= to)) mismatch();",
    valueCode(type, fixedMax),
    "p += l; }",
  ].join("\n");
}

/** What is written behind a value whose length is free must find room, and `b` must be the writer's bytes again. */
function valueCode(type: ColumnType, fixedMax: number): string {
  const free = (call: string): string => `o = ${call}; w.reserve(o, ${fixedMax}); b = w.bytes; v = w.view;`;
  switch (type.kind) {
    case "int":
    case "year":
    case "bit":
      return "o = writeDigits(b, o, s, p, p + l);";
    case "decimal":
      return "o = writeDecimal(b, o, s, p, p + l);";
    case "date":
    case "time":
    case "datetime":
    case "timestamp":
      return "o = writeQuoted(b, o, s, p, p + l);";
    case "float":
      return "o = writeFloat(w, o, s, p, p + l);";
    case "double":
      return "o = writeDouble(w, o, s, p, p + l);";
    case "bytes":
      return free("writeBase64(w, o, s, p, p + l)");
    case "text":
      return free(
        `${type.charset === "latin1" ? "writeLatin1String" : "writeJsonString"}(w, o, s, p, p + l)`,
      );
    case "enum":
    case "set":
    case "json":
      return free("writeJsonString(w, o, s, p, p + l)");
  }
}

/** Stores of constant bytes: for the usual length of a name this beats a copy. */
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const QUOTE = 0x22;
const POINT = 0x2e;

function writeDigits(out: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to - 1 && source[i] === ZERO) i++;
  let p = at;
  while (i < to) out[p++] = source[i++] as number;
  return p;
}

function writeDecimal(out: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to - 1 && source[i] === ZERO && (source[i + 1] as number) >= ZERO) i++;
  return writeQuoted(out, at, source, i, to);
}

function writeQuoted(out: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  let p = at;
  out[p++] = QUOTE;
  for (let i = from; i < to; i++) out[p++] = source[i] as number;
  out[p++] = QUOTE;
  return p;
}

const numberAt = (source: Uint8Array, from: number, to: number): number =>
  Number(Buffer.from(source.buffer, source.byteOffset + from, to - from).toString("latin1"));

function writeFloat(w: ByteWriter, at: number, source: Uint8Array, from: number, to: number): number {
  return writeAscii(w, at, floatText(numberAt(source, from, to)));
}

/**
 * MySQL and JavaScript find the same digits, the shortest that read back the same, and differ in when they
 * write an exponent. Neither does for numbers of this form, so those are copied.
 */
function writeDouble(w: ByteWriter, at: number, source: Uint8Array, from: number, to: number): number {
  const first = source[from] === MINUS ? from + 1 : from;
  const isPlain =
    to - from <= 20 &&
    ((source[first] as number) > ZERO ||
      (to - first > 2 && source[first + 1] === POINT && (source[first + 2] as number) > ZERO));
  if (!isPlain) return writeNumber(w, at, numberAt(source, from, to));
  const out = w.bytes;
  let p = at;
  for (let i = from; i < to; i++) {
    const c = source[i] as number;
    if (c > NINE) return writeNumber(w, at, numberAt(source, from, to));
    out[p++] = c;
  }
  return p;
}

function mismatch(): never {
  throw new RangeError("a row packet does not hold the columns of its table");
}

/** What the generated code calls, by the names it uses. */
const HELPERS = {
  lengthBytes,
  mismatch,
  packedLength,
  writeBase64,
  writeDecimal,
  writeDigits,
  writeDouble,
  writeFloat,
  writeJsonString,
  writeLatin1String,
  writeQuoted,
  writeUnsigned,
};
