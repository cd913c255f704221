/** From the names in a statement to the tables of the lake. DuckDB compares names without case; MySQL may not. */
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";

/** A name as it stands in the statement; empty strings where a part is not given. */
export interface QueryName {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** What a statement says of the tables that it reads. */
export interface StatementNames {
  readonly names: readonly QueryName[];
  /** Names that it gives to subqueries by WITH, in lower case: where they hold, no table is meant. */
  readonly defined: ReadonlySet<string>;
  /** It may read tables whose names are not in the parse tree, by `query_table` and `query`. */
  readonly isDynamic: boolean;
}

export interface UsedTables {
  readonly ids: readonly TableId[];
  /** Of those, the ones that stand without their database. */
  readonly bare: readonly TableId[];
  /** It names something that is no table of the lake, such as a table of `information_schema`. */
  readonly hasUnknown: boolean;
}

/** Behind the name of a table: the same rows with the columns that the lake adds. */
export const META_SUFFIX = "$meta";

const treeNode = z.looseObject({
  type: z.unknown().optional(),
  catalog_name: z.string().optional(),
  schema_name: z.string().optional(),
  table_name: z.string().optional(),
  function_name: z.string().optional(),
  cte_map: z.object({ map: z.array(z.object({ key: z.string() })) }).optional(),
});

/** Reads the names in a statement from DuckDB's parse tree. */
export function namesIn(tree: unknown): StatementNames {
  const found = { names: [] as QueryName[], defined: new Set<string>(), isDynamic: false };
  visit(tree, found);
  return found;
}

function visit(
  value: unknown,
  found: { readonly names: QueryName[]; readonly defined: Set<string>; isDynamic: boolean },
): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) {
    const node = treeNode.safeParse(value).data;
    for (const { key } of node?.cte_map?.map ?? []) found.defined.add(key.toLowerCase());
    if (/^query(_table)?$/i.test(node?.function_name ?? "")) found.isDynamic = true;
    if (node?.type === "BASE_TABLE" && node.table_name !== undefined) {
      const { catalog_name: catalog = "", schema_name: schema = "", table_name: table } = node;
      found.names.push({ catalog, schema, table });
    }
  }
  for (const child of Object.values(value)) visit(child, found);
}

/** @throws SyncError QUERY_FAILED for a name that means several tables */
export function resolveNames(
  { names, defined }: Pick<StatementNames, "names" | "defined">,
  tables: readonly TableId[],
): UsedTables {
  const used = new Map<string, TableId>();
  const bare = new Map<string, TableId>();
  let hasUnknown = false;
  for (const name of names) {
    // It may mean the subquery in one place and a table in another. A view too many harms nobody.
    const isDefined = name.schema === "" && defined.has(name.table.toLowerCase());
    const found = name.catalog === "" ? meantTables(name, tables) : [];
    const [id] = found;
    if (found.length > 1 && !isDefined) throw ambiguous(name, found);
    if (id === undefined && !isDefined) hasUnknown = true;
    if (id === undefined || found.length > 1) continue;
    used.set(tableKey(id), id);
    if (name.schema === "") bare.set(tableKey(id), id);
  }
  return { ids: distinctForDuck([...used.values()]), bare: [...bare.values()], hasUnknown };
}

function meantTables(name: QueryName, tables: readonly TableId[]): readonly TableId[] {
  const plain = namedTables(name, tables);
  if (plain.length > 0 || !name.table.toLowerCase().endsWith(META_SUFFIX)) return plain;
  return namedTables({ ...name, table: name.table.slice(0, -META_SUFFIX.length) }, tables);
}

/** Those that are called so exactly, or without regard to case when there are none. */
function namedTables(name: QueryName, tables: readonly TableId[]): readonly TableId[] {
  const lower = (text: string): string => text.toLowerCase();
  const means = (id: TableId, fold: (text: string) => string): boolean =>
    fold(id.table) === fold(name.table) && (name.schema === "" || fold(id.database) === fold(name.schema));
  const exact = tables.filter((id) => means(id, (text) => text));
  return exact.length > 0 ? exact : tables.filter((id) => means(id, lower));
}

function ambiguous({ schema, table }: QueryName, found: readonly TableId[]): Error {
  const name = schema === "" ? table : `${schema}.${table}`;
  return syncError("QUERY_FAILED", `${name} may be ${found.map(formatTableId).join(" or ")}`, {
    hint: schema === "" ? "write the database in front of the table" : "write the name as MySQL has it",
  });
}

/** Names that differ in case alone are one name to DuckDB. */
function distinctForDuck(ids: readonly TableId[]): readonly TableId[] {
  const byName = new Map<string, TableId>();
  for (const id of ids) {
    const name = JSON.stringify([id.database.toLowerCase(), id.table.toLowerCase()]);
    const other = byName.get(name);
    if (other !== undefined) {
      throw syncError(
        "QUERY_FAILED",
        `${formatTableId(other)} and ${formatTableId(id)} differ in case alone, which DuckDB cannot tell apart`,
        { hint: "ask for one of them in a query of its own" },
      );
    }
    byName.set(name, id);
  }
  return ids;
}

/** Of tables whose names differ in case alone the first one: for showing what there is. */
export function showableTables(tables: readonly TableId[]): readonly TableId[] {
  const byName = new Map<string, TableId>();
  for (const id of tables) {
    const name = JSON.stringify([id.database.toLowerCase(), id.table.toLowerCase()]);
    if (!byName.has(name)) byName.set(name, id);
  }
  return [...byName.values()];
}
