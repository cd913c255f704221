import type { ColumnType } from "./table-schema.ts";

/**
 * How a column's values lie in memory between capture and the lake. The values of all rows that are not NULL
 * stand one behind another, little-endian, with no gaps for NULLs:
 *
 *     int32, float       4 bytes
 *     int64, double      8 bytes
 *     uint64             8 bytes
 *     text, bytes        length in 4 bytes, then as many bytes; text is UTF-8
 *
 * This is Parquet's PLAIN encoding, so a column becomes a page of a file by putting a header in front of it.
 */
export type ColumnForm = "int32" | "int64" | "uint64" | "float" | "double" | "text" | "bytes";

/**
 * The form of a column, in which
 *
 *     YEAR, BIT              are integers
 *     DATE                   is the number of days since 1970-01-01
 *     DATETIME, TIMESTAMP    is the number of microseconds since then, as if it were in UTC
 *     DECIMAL up to 15 digits is the integer that its digits are without the point
 *
 * and what has no number of its own is the canonical text (`capture/row-decode.ts`) without the quotes and escapes of
 * JSON: longer decimals, TIME, ENUM, SET and JSON documents.
 *
 * Dates that no calendar has, `0000-00-00` or `2020-02-30`, and those of the year 0, are numbers far below any
 * other, which hold their parts: NO_DAY plus year * 512 + month * 32 + day; NO_MOMENT plus
 * (that * 2^17 + hour * 4096 + minute * 64 + second) * 2^20 + microseconds.
 */
export function columnForm(type: ColumnType): ColumnForm {
  switch (type.kind) {
    case "int":
      if (type.bytes < 4 || (type.bytes === 4 && !type.unsigned)) return "int32";
      return type.bytes === 8 && type.unsigned ? "uint64" : "int64";
    case "year":
    case "date":
      return "int32";
    case "datetime":
    case "timestamp":
      return "int64";
    case "decimal":
      return type.precision <= DECIMAL_DIGITS_MAX ? "int64" : "text";
    case "bit":
      return type.bits === 64 ? "uint64" : "int64";
    case "float":
      return "float";
    case "double":
      return "double";
    case "bytes":
      return "bytes";
    case "time":
    case "text":
    case "enum":
    case "set":
    case "json":
      return "text";
  }
}

/** Bytes of a value; null where it begins with its length. */
export const FORM_BYTES: Readonly<Record<ColumnForm, 4 | 8 | null>> = {
  int32: 4,
  float: 4,
  int64: 8,
  uint64: 8,
  double: 8,
  text: null,
  bytes: null,
};

/** Integers of so many digits are exact in a double. */
const DECIMAL_DIGITS_MAX = 15;

export const NO_DAY = -(2 ** 31);
export const NO_MOMENT = -(2n ** 63n);

/** One column of some rows. */
export interface ColumnValues {
  readonly form: ColumnForm;
  readonly values: Uint8Array;
  /** Bit i (of byte i >> 3, the lowest first) is set when row i is NULL; null when no row is. */
  readonly nulls: Uint8Array | null;
}

/** Rows as columns, all of the same number of rows. */
export interface ColumnRows {
  readonly count: number;
  readonly columns: readonly ColumnValues[];
}

/** Whether a bitmap of NULLs has the bit of a row; a row behind its end is not NULL. */
export const isNullAt = (nulls: Uint8Array | null, row: number): boolean =>
  nulls !== null && (((nulls[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
