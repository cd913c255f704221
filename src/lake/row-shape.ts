import type { ZeroDatePolicy } from "../types/lake-type.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { userColumns, type LakeColumn } from "./lake-column.ts";

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

export function rowShape(schema: TableSchema, options: ShapeOptions): RowShape {
  const columns = userColumns(schema, options.zeroDates);
  const keys = schema.primaryKey.map((name) =>
    must(
      columns[schema.columns.findIndex((column) => column.name === name)],
      `key column ${name} of ${formatTableId(schema.id)}`,
    ),
  );
  return { schema, ...options, columns, keys };
}

export const sourceColumn = (shape: RowShape, name: string): Column =>
  must(
    shape.schema.columns.find((column) => column.name === name),
    `column ${name} of ${formatTableId(shape.schema.id)}`,
  );
