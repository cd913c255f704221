import { schemaVersion } from "../types/schema-version.ts";
import type { TableId } from "../types/table-id.ts";
import type { ColumnType, TableSchema } from "../types/table-schema.ts";
import type { TypeRefusal } from "./column-type.ts";

/** What the catalogue says about a table. */
export interface TableFacts {
  readonly id: TableId;
  /** A versioned table is one of MariaDB that keeps its history in itself. */
  readonly kind: "table" | "view" | "sequence" | "versioned";
  /** Null for a view and a sequence. */
  readonly engine: string | null;
  /** From the engine's statistics, and null when it has none: for progress bars and nothing else. */
  readonly rowsEstimate: number | null;
  readonly dataBytes: number | null;
  /** In table order, with invisible and generated columns: the binlog has them. */
  readonly columns: readonly ColumnFacts[];
  /** Parts of the primary key in index order; empty when there is none. */
  readonly key: readonly KeyPart[];
  readonly cascades: readonly Cascade[];
}

export interface ColumnFacts {
  readonly name: string;
  readonly mysqlType: string;
  /** Null when it is refused. */
  readonly type: ColumnType | null;
  readonly refusal: TypeRefusal | null;
  readonly collation: string | null;
}

export interface KeyPart {
  readonly column: string;
  /** Characters or bytes that the key is unique on; null for the whole column. */
  readonly prefix: number | null;
}

/** A foreign key of this table through which a change of another table changes rows of this one. */
export interface Cascade {
  readonly constraint: string;
  readonly parent: TableId;
  /** `DELETE CASCADE`, `UPDATE SET NULL`. */
  readonly actions: readonly string[];
}

/** The schema of rows, or null when the table cannot be kept: no key, or a column that is refused. */
export function tableSchema(facts: TableFacts): TableSchema | null {
  const columns = facts.columns.flatMap(({ name, type, mysqlType }) =>
    type === null ? [] : [{ name, type, mysqlType }],
  );
  if (columns.length !== facts.columns.length || facts.key.length === 0) return null;
  const primaryKey = facts.key.map((part) => part.column);
  return { id: facts.id, columns, primaryKey, version: schemaVersion(columns, primaryKey) };
}
