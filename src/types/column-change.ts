import type { Column, TableSchema } from "./table-schema.ts";

/** What a statement did to the columns of a table, by the names that it uses, and to nothing else. */
export interface ColumnChange {
  /** NULL in every row that was there. */
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
}

/** By the name of each column of the new schema: its name in the old one, and null for one that was added. */
export type ColumnMapping = ReadonlyMap<string, string | null>;

/**
 * How rows of one schema become rows of the other by this change; null when the change does not lead from one to the
 * other, as when the table has been changed again since, or when the key is not the same columns by the same names.
 */
export function columnMapping(
  before: TableSchema,
  after: TableSchema,
  { added, dropped, renamed }: ColumnChange,
): ColumnMapping | null {
  const fold = (name: string): string => name.toLowerCase();
  const gone = new Set(dropped.map(fold));
  const names = new Map(renamed.map(({ from, to }) => [fold(from), fold(to)]));
  const left = new Map<string, Column>();
  for (const column of before.columns) {
    const name = fold(column.name);
    if (!gone.delete(name)) left.set(names.get(name) ?? name, column);
    else if (names.has(name)) return null;
  }
  const fresh = new Set(added.map(fold));
  const isWhole = gone.size === 0 && left.size + dropped.length === before.columns.length;
  const keyOf = ({ primaryKey, keyIndex }: TableSchema): string => JSON.stringify([primaryKey, keyIndex]);
  if (!isWhole || fresh.size !== added.length || keyOf(before) !== keyOf(after)) return null;
  const mapping = new Map<string, string | null>();
  for (const { name, type } of after.columns) {
    const from = left.get(fold(name));
    if (from === undefined) {
      if (!fresh.delete(fold(name))) return null;
      mapping.set(name, null);
    } else {
      if (JSON.stringify(from.type) !== JSON.stringify(type)) return null;
      left.delete(fold(name));
      mapping.set(name, from.name);
    }
  }
  const isKeyKept = after.primaryKey.every((name) => mapping.get(name) === name);
  return left.size === 0 && fresh.size === 0 && isKeyKept ? mapping : null;
}
