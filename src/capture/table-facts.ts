import type { KeyChoice } from "../types/key-choice.ts";
import { schemaVersion } from "../types/schema-version.ts";
import type { TableId } from "../types/table-id.ts";
import type { ColumnType, TableSchema } from "../types/table-schema.ts";
import type { TypeRefusal } from "./column-type.ts";
import { PRIMARY, rowKey } from "./table-key.ts";

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
  /** Unique indexes that are not the primary key, by name. */
  readonly uniques: readonly UniqueIndex[];
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

export interface UniqueIndex {
  readonly index: string;
  /** In index order; without those that are expressions. */
  readonly parts: readonly KeyPart[];
  /** Why rows cannot be told apart by it, as a clause; null when they can. */
  readonly unusable: string | null;
}

/** A foreign key of this table through which a change of another table changes rows of this one. */
export interface Cascade {
  readonly constraint: string;
  readonly parent: TableId;
  /** `DELETE CASCADE`, `UPDATE SET NULL`. */
  readonly actions: readonly string[];
}

/** The schema of rows, or null when the table cannot be kept: no key, or a column that is refused. */
export function tableSchema(facts: TableFacts, choice: KeyChoice): TableSchema | null {
  const columns = facts.columns.flatMap(({ name, type, mysqlType }) =>
    type === null ? [] : [{ name, type, mysqlType }],
  );
  const key = rowKey(facts, choice);
  if (columns.length !== facts.columns.length || key === null) return null;
  const { id } = facts;
  const primaryKey = key.parts.map((part) => part.column);
  if (key.index === PRIMARY && key.parts.every(({ prefix }) => prefix === null)) {
    return { id, columns, primaryKey, version: schemaVersion(columns, primaryKey) };
  }
  const prefixes = key.parts.map(({ prefix }) => prefix ?? 0);
  const version = schemaVersion(columns, primaryKey, key.index === PRIMARY ? prefixes : "unique");
  return { ...{ id, columns, primaryKey, version }, keyIndex: { name: key.index, prefixes } };
}
