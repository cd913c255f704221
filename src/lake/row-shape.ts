import { syncError } from "../types/errors.ts";
import type { ZeroDatePolicy } from "../types/lake-type.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { lakeColumns, META_COLUMNS, userColumns, type LakeColumn } from "./lake-column.ts";

/** A source schema as the lake sees it; what all SQL of a table is made from. */
export interface RowShape {
  readonly schema: TableSchema;
  readonly zeroDates: ZeroDatePolicy;
  readonly buckets: number;
  /** The user's columns in table order. */
  readonly columns: readonly LakeColumn[];
  /** The key's columns in the order of the index. */
  readonly keys: readonly LakeColumn[];
}

export interface ShapeOptions {
  readonly zeroDates: ZeroDatePolicy;
  readonly buckets: number;
}

/** @throws SyncError when the lake cannot hold the table: names that collide, a key of an inexact type. */
export function rowShape(schema: TableSchema, options: ShapeOptions): RowShape {
  checkNames(schema, options.zeroDates);
  const columns = userColumns(schema, options.zeroDates);
  const keys = schema.primaryKey.map((name) => {
    const key = must(
      columns.find((column) => column.name === name),
      `key column ${name} of ${formatTableId(schema.id)}`,
    );
    if (key.type.duck === "FLOAT" || key.type.duck === "DOUBLE") {
      throw syncError(
        "TABLE_KEY_UNSUPPORTED",
        `${formatTableId(schema.id)}: the key column ${name} is a floating-point number`,
        { hint: "Give the table a primary key of exact values, or leave it out of `tables`." },
      );
    }
    return key;
  });
  return { schema, ...options, columns, keys };
}

function checkNames(schema: TableSchema, zeroDates: ZeroDatePolicy): void {
  const taken = new Map<string, string>(META_COLUMNS.map((name) => [name, name]));
  for (const { name } of lakeColumns(schema, zeroDates)) {
    // DuckDB and Spark compare column names without case.
    const clash = taken.get(name.toLowerCase());
    if (clash === undefined && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      taken.set(name.toLowerCase(), name);
      continue;
    }
    const why = clash === undefined ? "is not a legal Avro name" : `collides with ${clash}`;
    throw syncError(
      "TABLE_COLUMN_NAME",
      `${formatTableId(schema.id)}: the column name ${JSON.stringify(name)} ${why}`,
      { hint: "Rename the column, or leave the table out of `tables`." },
    );
  }
}

export const sourceColumn = (shape: RowShape, name: string): Column =>
  must(
    shape.schema.columns.find((column) => column.name === name),
    `column ${name} of ${formatTableId(shape.schema.id)}`,
  );
