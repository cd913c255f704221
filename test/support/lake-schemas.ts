import { schemaVersion } from "../../src/types/schema-version.ts";
import type { Column, ColumnType, TableSchema } from "../../src/types/table-schema.ts";

/** A schema from pairs of name and type; `mysqlType` is the kind, which only people read. */
export function lakeSchema(
  columns: readonly (readonly [string, ColumnType])[],
  primaryKey: readonly string[],
  table = "t",
): TableSchema {
  const list = columns.map(([name, type]): Column => ({ name, type, mysqlType: type.kind }));
  return {
    id: { database: "shop", table },
    columns: list,
    primaryKey,
    version: schemaVersion(list, primaryKey),
  };
}

export const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };
export const BIGINT: ColumnType = { kind: "int", bytes: 8, unsigned: false };
export const UNSIGNED_BIGINT: ColumnType = { kind: "int", bytes: 8, unsigned: true };
export const VARCHAR: ColumnType = { kind: "text", form: "varchar", charset: "utf8mb4" };
export const BINARY: ColumnType = { kind: "bytes", form: "varbinary", length: 255 };
export const DATE: ColumnType = { kind: "date" };
export const DATETIME: ColumnType = { kind: "datetime", fsp: 6 };
export const decimal = (precision: number, scale: number): ColumnType => ({
  kind: "decimal",
  precision,
  scale,
});

/** Every kind of column that the lake takes. */
export const ALL_TYPES: readonly (readonly [string, ColumnType])[] = [
  ["c_tiny", { kind: "int", bytes: 1, unsigned: false }],
  ["c_small_u", { kind: "int", bytes: 2, unsigned: true }],
  ["c_medium", { kind: "int", bytes: 3, unsigned: false }],
  ["c_int", INT],
  ["c_int_u", { kind: "int", bytes: 4, unsigned: true }],
  ["c_big", BIGINT],
  ["c_big_u", UNSIGNED_BIGINT],
  ["c_dec", decimal(10, 2)],
  ["c_dec_0", decimal(38, 0)],
  ["c_dec_10", decimal(38, 10)],
  ["c_dec_30", decimal(38, 30)],
  ["c_float", { kind: "float" }],
  ["c_double", { kind: "double" }],
  ["c_bit_1", { kind: "bit", bits: 1 }],
  ["c_bit_63", { kind: "bit", bits: 63 }],
  ["c_bit_64", { kind: "bit", bits: 64 }],
  ["c_text", VARCHAR],
  ["c_bytes", BINARY],
  ["c_date", DATE],
  ["c_time", { kind: "time", fsp: 6 }],
  ["c_datetime", DATETIME],
  ["c_timestamp", { kind: "timestamp", fsp: 3 }],
  ["c_year", { kind: "year" }],
  ["c_enum", { kind: "enum", members: ["x", "y,"] }],
  ["c_set", { kind: "set", members: ["p", "q"] }],
  ["c_json", { kind: "json" }],
];

/** A table with a column that can hold what has no value in the lake. */
export const PRICED = lakeSchema(
  [
    ["id", INT],
    ["price", decimal(20, 2)],
  ],
  ["id"],
  "priced",
);
