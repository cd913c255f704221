import type { LakeType } from "../types/lake-type.ts";
import { META_COLUMNS, type LakeColumn } from "./lake-column.ts";

/**
 * The Avro schema of a table, which Hudi keeps in every commit (without the meta columns) and in every base
 * file (with them). All columns are nullable, and one that has another name in MySQL has that in `doc`. A decimal is a fixed of 16 bytes, whose name Spark's converter
 * derives from the column; it is spelled in full each time, since hudi-rs resolves no reference to a name.
 */
export function avroSchema(
  tableName: string,
  columns: readonly LakeColumn[],
  meta: "with" | "without",
): string {
  const record = `${tableName}_record`;
  const own = columns.map((column) => ({
    name: column.name,
    type: ["null", avroType(column.type, `hoodie.${tableName}.${record}.${column.name}`)],
    ...(column.sourceName === undefined ? {} : { doc: column.sourceName }),
    default: null,
  }));
  const first = META_COLUMNS.map((name) => ({ name, type: ["null", "string"], doc: "", default: null }));
  return JSON.stringify({
    type: "record",
    name: record,
    namespace: `hoodie.${tableName}`,
    fields: meta === "with" ? [...first, ...own] : own,
  });
}

function avroType(type: LakeType, fixedNamespace: string): unknown {
  if (typeof type.avro !== "string") {
    const { precision, scale } = type.avro.decimal;
    return {
      type: "fixed",
      name: "fixed",
      namespace: fixedNamespace,
      size: 16,
      logicalType: "decimal",
      precision,
      scale,
    };
  }
  if (type.avro === "date") return { type: "int", logicalType: "date" };
  if (type.avro === "timestamp-micros") return { type: "long", logicalType: "timestamp-micros" };
  return type.avro;
}
