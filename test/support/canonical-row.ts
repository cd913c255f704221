import { lakeName } from "../../src/lake/lake-name.ts";
import { lakeTypeOf, type ZeroDatePolicy } from "../../src/types/lake-type.ts";
import type { Column, TableSchema } from "../../src/types/table-schema.ts";
import { quoteMysql, quoteMysqlTable } from "../../src/types/table-id.ts";

/**
 * Rows of a table in one exact text form, whether they were read by an engine or from MySQL, so that they can
 * be compared as text. By kind: integers and decimals in plain notation, floats as the hexadecimal bits of
 * the IEEE value, binary as hexadecimal, dates as yyyy-MM-dd, timestamps as microseconds since 1970.
 *
 * MySQL's side is made here without any code of the pipeline, which it is there to judge: by another
 * protocol (prepared statements give the very bits of a float), and by date arithmetic of its own.
 */
export type ValueKind = "int" | "decimal" | "float" | "double" | "binary" | "date" | "timestamp" | "string";

export interface EngineColumn {
  readonly name: string;
  readonly kind: ValueKind;
}

export type EngineRow = readonly (string | null)[];

const KIND_OF_DUCK: Readonly<Record<string, ValueKind>> = {
  INTEGER: "int",
  BIGINT: "int",
  FLOAT: "float",
  DOUBLE: "double",
  BLOB: "binary",
  DATE: "date",
  TIMESTAMPTZ: "timestamp",
  VARCHAR: "string",
};

export const kindOf = (column: Column, zeroDates: ZeroDatePolicy): ValueKind =>
  KIND_OF_DUCK[lakeTypeOf(column.type, zeroDates).duck] ?? "decimal";

export const engineColumns = (schema: TableSchema, zeroDates: ZeroDatePolicy): readonly EngineColumn[] =>
  schema.columns.map((column) => ({ name: lakeName(column.name), kind: kindOf(column, zeroDates) }));

/** Reads all columns in table order, each as a text or, for FLOAT and DOUBLE, as a number. */
export function canonicalSelect(schema: TableSchema): string {
  const list = schema.columns.map((column) => sourceExpression(column)).join(", ");
  return `SELECT ${list} FROM ${quoteMysqlTable(schema.id)}`;
}

function sourceExpression(column: Column): string {
  const name = quoteMysql(column.name);
  switch (column.type.kind) {
    case "float":
    case "double":
      return name;
    case "int":
    case "year":
    case "bit":
    case "decimal":
      // The sum drops the zeros of ZEROFILL, the four digits of YEAR, and the bytes of BIT.
      return `CAST(${name} + 0 AS CHAR)`;
    case "bytes":
      return `LOWER(HEX(${name}))`;
    case "date":
    case "time":
    case "datetime":
    case "timestamp":
    case "json":
      return `CAST(${name} AS CHAR)`;
    case "text":
    case "enum":
    case "set":
      return name;
  }
}

/** A row of `canonicalSelect`, as the prepared-statement protocol gives it. */
export function canonicalRow(
  schema: TableSchema,
  zeroDates: ZeroDatePolicy,
  values: readonly unknown[],
): EngineRow {
  return schema.columns.map((column, i) => {
    const value = values[i];
    if (value === null) return null;
    if (typeof value === "number") return floatBits(value, column.type.kind === "float");
    if (typeof value !== "string") throw new TypeError(`${column.name} is neither text nor number`);
    const kind = kindOf(column, zeroDates);
    if (kind === "date") return isCalendarDate(value) ? value : null;
    if (kind === "timestamp") return isCalendarDate(value.slice(0, 10)) ? epochMicros(value) : null;
    return value;
  });
}

export function floatBits(value: number, single: boolean): string {
  const view = new DataView(new ArrayBuffer(8));
  if (single) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  const bytes = new Uint8Array(view.buffer, 0, single ? 4 : 8);
  return Buffer.from(bytes).toString("hex");
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a date of MySQL's is one of the calendar: there is no year 0, nor the parts that a zero date lacks. */
export function isCalendarDate(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = (MONTH_DAYS[month - 1] ?? 0) + (month === 2 && leap ? 1 : 0);
  return year >= 1 && day >= 1 && day <= days;
}

/** `2024-02-29 12:00:00[.ffffff]` in UTC as microseconds since 1970, in decimal digits. */
export function epochMicros(text: string): string {
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) throw new RangeError(`not a datetime: ${JSON.stringify(text)}`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const seconds =
    BigInt(daysSince1970(year, month, day)) * 86_400n + BigInt((hour * 60 + minute) * 60 + second);
  return (seconds * 1_000_000n + BigInt((match[7] ?? "").padEnd(6, "0"))).toString();
}

/** Proleptic Gregorian, counting whole 400-year cycles from the 1st of March, so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const cycle = Math.floor(y / 400);
  const yearOfCycle = y - cycle * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfCycle =
    yearOfCycle * 365 + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100) + dayOfYear;
  return cycle * 146_097 + dayOfCycle - 719_468;
}
