import type { ColumnType } from "./table-schema.ts";

/** How a column lies in the lake: the DuckDB type that Parquet gets, and its Avro type for Hudi's schema. */
export interface LakeType {
  readonly duck: string;
  readonly avro: string | { readonly decimal: { readonly precision: 38; readonly scale: number } };
}

/**
 * What becomes of a date that no calendar has (`0000-00-00`, `2020-00-00`, `2020-02-30`, any in the year 0),
 * which MySQL stores when its SQL mode lets it: NULL and counted, the text as it is in a VARCHAR column, or
 * the table stops. A key column under `null` stops instead, since two such keys would become one.
 */
export const ZERO_DATE_POLICIES = ["null", "text", "stop"] as const;
export type ZeroDatePolicy = (typeof ZERO_DATE_POLICIES)[number];

const VARCHAR: LakeType = { duck: "VARCHAR", avro: "string" };
const TIMESTAMP_MICROS: LakeType = { duck: "TIMESTAMPTZ", avro: "timestamp-micros" };

/** No reader of Parquet or Avro has decimals of more digits. */
export const LAKE_DECIMAL_DIGITS = 38;

export const isWideDecimal = (type: ColumnType): boolean =>
  type.kind === "decimal" && type.precision > LAKE_DECIMAL_DIGITS;

/** DECIMAL(38, s) for every precision: narrower ones are corrupted or refused by some co-writer. */
const decimal = (scale: number): LakeType => ({
  duck: `DECIMAL(38,${scale})`,
  avro: { decimal: { precision: 38, scale } },
});

/**
 * The lake type of a MySQL column. A DECIMAL of more than 38 digits is text, which the config has to allow by name
 * (`decimalsAsText`), since sums and comparisons need a cast then. The choices and what was measured on Spark,
 * hudi-rs and ClickHouse: DATETIME and TIMESTAMP become TIMESTAMPTZ, since Spark reads no other; a DATETIME is stored
 * as if it were UTC. BIT(1) to BIT(63) fit a BIGINT; BIT(64) and BIGINT UNSIGNED need a decimal.
 */
export function lakeTypeOf(type: ColumnType, zeroDates: ZeroDatePolicy): LakeType {
  switch (type.kind) {
    case "int":
      if (type.bytes === 8 && type.unsigned) return decimal(0);
      return type.bytes === 8 || (type.bytes === 4 && type.unsigned)
        ? { duck: "BIGINT", avro: "long" }
        : { duck: "INTEGER", avro: "int" };
    case "year":
      return { duck: "INTEGER", avro: "int" };
    case "bit":
      return type.bits === 64 ? decimal(0) : { duck: "BIGINT", avro: "long" };
    case "decimal":
      return isWideDecimal(type) ? VARCHAR : decimal(type.scale);
    case "float":
      return { duck: "FLOAT", avro: "float" };
    case "double":
      return { duck: "DOUBLE", avro: "double" };
    case "bytes":
      return { duck: "BLOB", avro: "bytes" };
    case "date":
      return zeroDates === "text" ? VARCHAR : { duck: "DATE", avro: "date" };
    case "datetime":
    case "timestamp":
      return zeroDates === "text" ? VARCHAR : TIMESTAMP_MICROS;
    case "text":
    case "time":
    case "enum":
    case "set":
    case "json":
      return VARCHAR;
  }
}
