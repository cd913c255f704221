import { lakeTypeOf, type ZeroDatePolicy } from "../../src/types/lake-type.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";

/** Whose names for types: Spark's, or Arrow's as hudi-rs prints them. */
export type EngineFamily = "spark" | "arrow";

/** What a column of DuckDB's type is to them. They see the Parquet files and Hudi's schema, and know no DuckDB. */
const TYPES: Readonly<Record<EngineFamily, ReadonlyMap<string, string>>> = {
  spark: new Map([
    ["INTEGER", "int"],
    ["BIGINT", "bigint"],
    ["FLOAT", "float"],
    ["DOUBLE", "double"],
    ["VARCHAR", "string"],
    ["BLOB", "binary"],
    ["DATE", "date"],
    ["TIMESTAMPTZ", "timestamp"],
  ]),
  arrow: new Map([
    ["INTEGER", "int32"],
    ["BIGINT", "int64"],
    ["FLOAT", "float"],
    ["DOUBLE", "double"],
    ["VARCHAR", "string"],
    ["BLOB", "binary"],
    ["DATE", "date32[day]"],
    ["TIMESTAMPTZ", "timestamp[us, tz=UTC]"],
  ]),
};

/** The types that an engine must show for the source's columns. */
export function engineTypes(
  family: EngineFamily,
  schema: TableSchema,
  zeroDates: ZeroDatePolicy,
): readonly string[] {
  return schema.columns.map((column) => {
    const { duck } = lakeTypeOf(column.type, zeroDates);
    const scale = /^DECIMAL\(38,(\d+)\)$/.exec(duck)?.[1];
    if (scale === undefined) return must(TYPES[family].get(duck), `the type of ${duck}`);
    return family === "spark" ? `decimal(38,${scale})` : `decimal128(38, ${scale})`;
  });
}
