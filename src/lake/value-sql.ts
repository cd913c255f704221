/**
 * How a canonical value gets from JSON to its lake type: the type that the field is read as, and the SQL from
 * there. Nothing becomes NULL on the way but what was NULL, and dates without a calendar day under the policy
 * `null`; everything else that does not fit fails the statement, and `value-check.ts` then finds the value.
 */
import { isWideDecimal, type ZeroDatePolicy } from "../types/lake-type.ts";
import type { Column } from "../types/table-schema.ts";

export interface ValueSql {
  /** DuckDB type of the field in the row's STRUCT. */
  readonly field: string;
  /** The value in its lake type, from the SQL of the field. */
  readonly value: (field: string) => string;
  /** Whether the value may come out NULL although the field is not. */
  readonly isDate: boolean;
}

const asIs = (field: string): string => field;
const sameType = (duck: string): ValueSql => ({ field: duck, value: asIs, isDate: false });

export function valueSql(column: Column, zeroDates: ZeroDatePolicy): ValueSql {
  const { type } = column;
  switch (type.kind) {
    case "int":
      if (type.bytes < 4 || (type.bytes === 4 && !type.unsigned)) return sameType("INTEGER");
      return type.bytes === 8 && type.unsigned ? unsigned64 : sameType("BIGINT");
    case "year":
      return sameType("INTEGER");
    case "bit":
      return type.bits === 64 ? unsigned64 : sameType("BIGINT");
    case "float":
      return sameType("FLOAT");
    case "double":
      return sameType("DOUBLE");
    case "decimal":
      if (isWideDecimal(type)) return sameType("VARCHAR");
      return { field: "VARCHAR", value: (text) => decimalSql(text, type.scale), isDate: false };
    case "bytes":
      return { field: "VARCHAR", value: (text) => `from_base64(${text})`, isDate: false };
    case "date":
      return zeroDates === "text" ? sameType("VARCHAR") : date;
    case "datetime":
    case "timestamp":
      return zeroDates === "text" ? sameType("VARCHAR") : timestamp;
    case "text":
    case "time":
    case "enum":
    case "set":
    case "json":
      return sameType("VARCHAR");
  }
}

const unsigned64: ValueSql = {
  field: "UBIGINT",
  value: (number) => `CAST(${number} AS DECIMAL(38,0))`,
  isDate: false,
};

/**
 * DuckDB takes some 10 µs to make a DECIMAL(38) from text, a hundred times what it takes for 18 digits. So a
 * short text goes by way of 18 digits, and a whole number of any length by HUGEINT.
 */
function decimalSql(text: string, scale: number): string {
  if (scale === 0) return `CAST(CAST(${text} AS HUGEINT) AS DECIMAL(38,0))`;
  const wide = `CAST(${text} AS DECIMAL(38,${scale}))`;
  if (scale > 16) return wide;
  return `CASE WHEN length(${text}) <= 18 THEN CAST(CAST(${text} AS DECIMAL(18,${scale})) AS DECIMAL(38,${scale})) ELSE ${wide} END`;
}

/** MySQL's calendar begins with the year 1, DuckDB's with 4713 BC. */
const yearZeroIsNull = (text: string, value: string): string =>
  `CASE WHEN starts_with(${text}, '0000') THEN NULL ELSE ${value} END`;

const date: ValueSql = {
  field: "VARCHAR",
  value: (text) => yearZeroIsNull(text, `TRY_CAST(${text} AS DATE)`),
  isDate: true,
};

/** The cast to TIMESTAMPTZ goes through ICU and is slow; in UTC the microseconds are the same. */
const timestamp: ValueSql = {
  field: "VARCHAR",
  value: (text) => `make_timestamptz(epoch_us(${yearZeroIsNull(text, `TRY_CAST(${text} AS TIMESTAMP)`)}))`,
  isDate: true,
};

/** A date as MySQL writes it, whether or not the calendar has it. */
export const DATE_TEXT =
  "\\d{4}-(0\\d|1[0-2])-([0-2]\\d|3[01])( ([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?)?";
