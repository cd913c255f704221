import { schemaVersion } from "../types/schema-version.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { ColumnType } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { corrupt } from "./corrupt.ts";

/** A column of the primary key, and how many of its characters are unique; 0 for all of them. */
type DeclaredPart = readonly [column: string, prefix: number];

/**
 * The primary key as a TABLE_MAP event gives it: the numbers of its columns or, of a key on prefixes, pairs of a number
 * and a length.
 */
export function declaredKey(
  id: TableId,
  names: readonly string[],
  { whole, prefixed }: { readonly whole: readonly number[]; readonly prefixed: readonly number[] },
): readonly DeclaredPart[] {
  if (prefixed.length % 2 !== 0)
    throw corrupt(`the primary key of ${formatTableId(id)} has a column without a length`);
  const pairs = prefixed.flatMap((index, i) =>
    i % 2 === 0 ? [[index, must(prefixed[i + 1], "a length")] as const] : [],
  );
  return [...whole.map((index) => [index, 0] as const), ...pairs].map(([index, prefix]) => {
    const name = names[index];
    if (name === undefined)
      throw corrupt(`the primary key of ${formatTableId(id)} names column ${index} of ${names.length}`);
    return [name, prefix];
  });
}

/** By what rows are told apart, and the version that it makes with the columns. `key`: that of a unique index. */
export function mapKey(
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
  declared: readonly DeclaredPart[],
  key: readonly string[] | undefined,
): { readonly primaryKey: readonly string[]; readonly version: string } {
  if (key !== undefined) return { primaryKey: key, version: schemaVersion(columns, key, "unique") };
  const primaryKey = declared.map(([name]) => name);
  const prefixes = declared.map(([, prefix]) => prefix);
  const isWhole = prefixes.every((prefix) => prefix === 0);
  return { primaryKey, version: schemaVersion(columns, primaryKey, isWhole ? undefined : prefixes) };
}
