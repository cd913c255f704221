/**
 * A condition on a column, compiled for the type that the column has. What can be compared exactly is:
 *
 * | type                              | equality                                      | range                     |
 * |-----------------------------------|-----------------------------------------------|---------------------------|
 * | integers, YEAR, BIT, DECIMAL      | the same number, of any length                | by number                 |
 * | FLOAT, DOUBLE                     | the same shortest text                        | by number                 |
 * | CHAR, VARCHAR, TEXT               | byte by byte in UTF-8, unlike most collations | by those bytes            |
 * | DATE, DATETIME, TIMESTAMP (UTC)   | the same time                                 | by time                   |
 * | TIME, ENUM, SET                   | the same value                                | none                      |
 * | BINARY, VARBINARY, BLOB           | the same bytes, written in base64             | none                      |
 * | JSON                              | with NULL only                                | none                      |
 *
 * NULL is equal to NULL and in no range. A row's own bytes are compared, with nothing made of them.
 */
import type { Column, ColumnType } from "../../../types/table-schema.ts";
import { unreachable } from "../../../util/assert.ts";
import { compareDecimal, parseDecimal } from "./exact-decimal.ts";
import type { ColumnTest, RuleBound, RuleValue } from "./rule.ts";
import { parseTemporal } from "./temporal.ts";

/** Whether it holds for the cell whose JSON stands there. */
export type Condition = (bytes: Uint8Array, from: number, to: number) => boolean;

/** How a cell, without its quotes, stands to a value of a rule: below zero, zero or above. */
type Comparison = (bytes: Uint8Array, from: number, to: number) => number;

/** What is wrong with a value for a column, in words that go on behind it. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NULL_START = 0x6e;

/** @throws ConditionError when the column cannot be compared in that way, or not with that value */
export function compileCondition(column: Column, test: ColumnTest): Condition {
  if (test.kind === "in") {
    const values = test.values.filter((value) => value !== null);
    return isIn(
      values.map((value) => comparisonWith(column, value)),
      values.length < test.values.length,
    );
  }
  if (!hasOrder(column.type)) {
    throw new ConditionError(
      `has the type ${column.mysqlType}, which has no order for min, max, above and below`,
    );
  }
  const { low, high } = test;
  requireRoom(column, low, high);
  return inRange(low === null ? null : boundOf(column, low), high === null ? null : boundOf(column, high));
}

function isIn(values: readonly Comparison[], hasNull: boolean): Condition {
  return (bytes, from, to) => {
    if (bytes[from] === NULL_START) return hasNull;
    const quotes = bytes[from] === QUOTE ? 1 : 0;
    for (const compare of values) if (compare(bytes, from + quotes, to - quotes) === 0) return true;
    return false;
  };
}

interface Bound {
  readonly compare: Comparison;
  readonly isInclusive: boolean;
}

const boundOf = (column: Column, { value, isInclusive }: RuleBound): Bound => ({
  compare: comparisonWith(column, value),
  isInclusive,
});

function inRange(low: Bound | null, high: Bound | null): Condition {
  return (bytes, from, to) => {
    if (bytes[from] === NULL_START) return false;
    const quotes = bytes[from] === QUOTE ? 1 : 0;
    if (low !== null) {
      const order = low.compare(bytes, from + quotes, to - quotes);
      if (order < 0 || (order === 0 && !low.isInclusive)) return false;
    }
    if (high === null) return true;
    const order = high.compare(bytes, from + quotes, to - quotes);
    return order < 0 || (order === 0 && high.isInclusive);
  };
}

/** A range in which nothing can be is a mistake. */
function requireRoom(column: Column, low: RuleBound | null, high: RuleBound | null): void {
  if (low === null || high === null) return;
  const cell = cellOf(column, low.value);
  const order = comparisonWith(column, high.value)(cell, 1, cell.length - 1);
  if (order < 0 || (order === 0 && low.isInclusive && high.isInclusive)) return;
  throw new ConditionError(
    `has a range from ${String(low.value)} to ${String(high.value)}, in which nothing is`,
  );
}

/** A value of a rule as a cell of the column would have it, in quotes. */
function cellOf({ type }: Column, value: RuleValue): Buffer {
  if (type.kind === "date" || type.kind === "datetime" || type.kind === "timestamp") {
    return Buffer.from(JSON.stringify(temporal(type, value)));
  }
  const decimal = type.kind === "text" ? null : parseDecimal(String(value));
  if (decimal === null) return Buffer.from(JSON.stringify(String(value)));
  // The value may be written with an exponent, as no cell is.
  const { isNegative, whole, fraction } = decimal;
  return Buffer.from(`"${isNegative ? "-" : ""}0${whole.toString()}.${fraction.toString()}"`);
}

function hasOrder({ kind }: ColumnType): boolean {
  return [
    "int",
    "year",
    "bit",
    "decimal",
    "float",
    "double",
    "text",
    "date",
    "datetime",
    "timestamp",
  ].includes(kind);
}

function comparisonWith(column: Column, value: RuleValue): Comparison {
  const { type } = column;
  switch (type.kind) {
    case "int":
    case "year":
    case "bit":
    case "decimal":
      return decimalComparison(column, value);
    case "float":
    case "double":
      return floatComparison(column, value);
    case "text":
      return textComparison(Buffer.from(textOf(column, value)));
    case "enum":
    case "set":
      return textComparison(Buffer.from(memberText(column, type, textOf(column, value))));
    case "date":
    case "time":
    case "datetime":
    case "timestamp":
      return textComparison(Buffer.from(temporal(type, textOf(column, value))));
    case "bytes":
      return textComparison(Buffer.from(base64(column, textOf(column, value))));
    case "json":
      throw new ConditionError("has the type json, which can only be compared with null");
    default:
      return unreachable(type);
  }
}

function decimalComparison({ mysqlType }: Column, value: RuleValue): Comparison {
  const other = parseDecimal(String(value));
  if (other === null) throw new ConditionError(`has the type ${mysqlType}, and ${show(value)} is no number`);
  return (bytes, from, to) => compareDecimal(bytes, from, to, other);
}

function floatComparison({ mysqlType }: Column, value: RuleValue): Comparison {
  if (parseDecimal(String(value)) === null) {
    throw new ConditionError(`has the type ${mysqlType}, and ${show(value)} is no number`);
  }
  const other = Number(value);
  return (bytes, from, to) => {
    const cell = Number(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1"));
    return cell < other ? -1 : cell > other ? 1 : 0;
  };
}

/** By bytes, which in UTF-8 is the order of the characters' numbers. */
function textComparison(other: Uint8Array): Comparison {
  return (bytes, from, to) => {
    const length = to - from;
    for (let i = 0; i < length; i++) {
      const c = bytes[from + i] as number;
      if (c === BACKSLASH) return Buffer.compare(unescaped(bytes, from, to), other);
      if (i >= other.length) return 1;
      const difference = c - (other[i] as number);
      if (difference !== 0) return difference;
    }
    return length < other.length ? -1 : 0;
  };
}

/** The text between the quotes, of a cell that holds an escape. */
function unescaped(bytes: Uint8Array, from: number, to: number): Buffer {
  const json = Buffer.from(bytes.buffer, bytes.byteOffset + from - 1, to - from + 2).toString();
  return Buffer.from(JSON.parse(json) as string);
}

/** YAML has made a number of what was not in quotes: 007 would be 7. */
function textOf({ mysqlType }: Column, value: RuleValue): string {
  if (typeof value === "string") return value;
  throw new ConditionError(`has the type ${mysqlType}, and ${value} is a number; write it in quotes`);
}

function memberText(
  { mysqlType }: Column,
  type: Extract<ColumnType, { kind: "enum" | "set" }>,
  text: string,
): string {
  const { members } = type;
  if (type.kind === "enum") {
    // An invalid value was stored as the empty text.
    if (text === "" || members.includes(text)) return text;
    throw new ConditionError(`has the type ${mysqlType}, of which ${show(text)} is no member`);
  }
  const parts = text === "" ? [] : text.split(",");
  const unknown = parts.find((part) => !members.includes(part));
  if (unknown !== undefined) {
    throw new ConditionError(`has the type ${mysqlType}, of which ${show(unknown)} is no member`);
  }
  return members.filter((member) => parts.includes(member)).join(",");
}

function temporal(type: ColumnType, value: RuleValue): string {
  const text = parseTemporal(type, String(value));
  if (text !== null) return text;
  const form =
    type.kind === "date" ? "2026-12-31" : type.kind === "time" ? "23:59:59" : "2026-12-31 23:59:59";
  throw new ConditionError(`takes a text such as "${form}", and not ${show(value)}`);
}

function base64({ mysqlType }: Column, text: string): string {
  const canonical = Buffer.from(text, "base64").toString("base64");
  if (canonical === text) return text;
  throw new ConditionError(`has the type ${mysqlType}, and ${show(text)} is not base64`);
}

const show = (value: RuleValue): string => JSON.stringify(value);
