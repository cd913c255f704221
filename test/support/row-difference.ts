import type { EngineColumn, EngineRow } from "./canonical-row.ts";

const DIFFERENCES_MAX = 10;

/**
 * How two sets of rows differ, in words; empty when they are the same rows, each once, in whatever order.
 * `key` names the columns that identify a row.
 */
export function rowDifferences(
  columns: readonly Pick<EngineColumn, "name">[],
  key: readonly string[],
  rows: { readonly expected: readonly EngineRow[]; readonly actual: readonly EngineRow[] },
): readonly string[] {
  const keyIndexes = key.map((name) => columns.findIndex((column) => column.name === name));
  if (keyIndexes.includes(-1)) throw new RangeError(`no such key columns: ${key.join(", ")}`);
  const keyOf = (row: EngineRow): string => JSON.stringify(keyIndexes.map((i) => row[i]));
  const found: string[] = [];
  const expected = byKey(rows.expected, keyOf, (k) => found.push(`expected twice: ${k}`));
  const actual = byKey(rows.actual, keyOf, (k) => found.push(`read twice: ${k}`));
  for (const k of actual.keys()) if (!expected.has(k)) found.push(`extra: ${k}`);
  for (const [k, want] of expected) {
    const got = actual.get(k);
    if (got === undefined) {
      found.push(`missing: ${k}`);
      continue;
    }
    for (const [i, column] of columns.entries())
      if (want[i] !== got[i])
        found.push(
          `${k} ${column.name}: expected ${JSON.stringify(want[i])}, read ${JSON.stringify(got[i])}`,
        );
  }
  const more = found.length - DIFFERENCES_MAX;
  return more > 0 ? [...found.slice(0, DIFFERENCES_MAX), `and ${more} more`] : found;
}

function byKey(
  rows: readonly EngineRow[],
  keyOf: (row: EngineRow) => string,
  onDuplicate: (key: string) => void,
): ReadonlyMap<string, EngineRow> {
  const map = new Map<string, EngineRow>();
  for (const row of rows) {
    const key = keyOf(row);
    if (map.has(key)) onDuplicate(key);
    map.set(key, row);
  }
  return map;
}
