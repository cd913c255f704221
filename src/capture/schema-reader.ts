import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import { matchesTable, type TablePattern } from "../types/table-pattern.ts";
import { must } from "../util/assert.ts";
import { readColumnType } from "./column-type.ts";
import type { MysqlConnection } from "./connection.ts";
import type { Cascade, ColumnFacts, KeyPart, TableFacts, UniqueIndex } from "./table-facts.ts";
import type { TextRow } from "./text-row.ts";

/** Tables in one statement: bounds its length. */
const BATCH_MAX = 500;

const SYSTEM_DATABASES = ["information_schema", "mysql", "performance_schema", "sys"];

export interface Discovery {
  /** Base tables that are meant, by name. */
  readonly tables: readonly TableId[];
  /** Views and sequences that a pattern names in full. Those that merely fall under a glob are left out. */
  readonly views: readonly TableId[];
  /** Patterns under which there is nothing that this user may see. */
  readonly unmatched: readonly TablePattern[];
}

/**
 * Finds the tables that the patterns mean. The catalogue shows only what the user has some grant on, so a
 * table without grants looks like one that does not exist.
 */
export async function discoverTables(
  connection: MysqlConnection,
  patterns: { readonly include: readonly TablePattern[]; readonly exclude: readonly TablePattern[] },
): Promise<Discovery> {
  const [setting] = await connection.query("SELECT @@lower_case_table_names");
  const ignoreCase = setting?.[0] !== "0";
  const rows = await connection.query(
    `SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES
      WHERE TABLE_SCHEMA NOT IN (?, ?, ?, ?) ORDER BY TABLE_SCHEMA, TABLE_NAME`,
    SYSTEM_DATABASES,
  );
  const tables: TableId[] = [];
  const views: TableId[] = [];
  const matched = new Set<TablePattern>();
  for (const row of rows) {
    const id = { database: text(row, 0), table: text(row, 1) };
    const kind = kindOf(row[2]);
    const isTable = kind === "table" || kind === "versioned";
    const by = patterns.include.filter(
      (p) => matchesTable(p, id, { ignoreCase }) && (isTable || isNamed(p, id, ignoreCase)),
    );
    for (const pattern of by) matched.add(pattern);
    if (by.length === 0 || patterns.exclude.some((p) => matchesTable(p, id, { ignoreCase }))) continue;
    (isTable ? tables : views).push(id);
  }
  return { tables, views, unmatched: patterns.include.filter((p) => !matched.has(p)) };
}

function isNamed(pattern: TablePattern, id: TableId, ignoreCase: boolean): boolean {
  const name = formatTableId(id);
  return ignoreCase ? pattern.text.toLowerCase() === name.toLowerCase() : pattern.text === name;
}

/**
 * Facts of the named tables, by `tableKey`. A table that is not there, or that the user has no grant on, is
 * missing from the result.
 */
export async function readTables(
  connection: MysqlConnection,
  ids: readonly TableId[],
): Promise<ReadonlyMap<string, TableFacts>> {
  const facts = new Map<string, TableFacts>();
  const byDatabase = Map.groupBy(ids, (id) => id.database);
  for (const [database, members] of byDatabase) {
    for (let i = 0; i < members.length; i += BATCH_MAX) {
      const names = members.slice(i, i + BATCH_MAX).map((id) => id.table);
      for (const table of await readBatch(connection, database, names)) facts.set(tableKey(table.id), table);
    }
  }
  return facts;
}

async function readBatch(
  connection: MysqlConnection,
  database: string,
  names: readonly string[],
): Promise<readonly TableFacts[]> {
  const values = [database, ...names];
  const list = names.map(() => "?").join(", ");
  const read = async (what: string, schemaColumn: string, order: string): Promise<Map<string, TextRow[]>> => {
    const sql = `SELECT TABLE_NAME, ${what} WHERE ${schemaColumn} = ? AND TABLE_NAME IN (${list}) ORDER BY ${order}`;
    return Map.groupBy(await connection.query(sql, values), (row) => text(row, 0));
  };
  const columns = await read(
    `COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, NUMERIC_PRECISION, NUMERIC_SCALE,
     DATETIME_PRECISION, CHARACTER_MAXIMUM_LENGTH, COLLATION_NAME FROM information_schema.COLUMNS`,
    "TABLE_SCHEMA",
    "TABLE_NAME, ORDINAL_POSITION",
  );
  const keys = await read(
    `INDEX_NAME, COLUMN_NAME, SUB_PART, NON_UNIQUE, NULLABLE, ${connection.dialect.indexVisibility}
     FROM information_schema.STATISTICS`,
    "TABLE_SCHEMA",
    "TABLE_NAME, SEQ_IN_INDEX",
  );
  const references = await read(
    `CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, DELETE_RULE, UPDATE_RULE
     FROM information_schema.REFERENTIAL_CONSTRAINTS`,
    "CONSTRAINT_SCHEMA",
    "TABLE_NAME, CONSTRAINT_NAME",
  );
  const tables = await read(
    "TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES",
    "TABLE_SCHEMA",
    "TABLE_NAME",
  );
  return [...tables.values()].flat().map((row) => ({
    id: { database, table: text(row, 0) },
    kind: kindOf(row[1]),
    engine: row[2] ?? null,
    rowsEstimate: numberOrNull(row[3]),
    dataBytes: numberOrNull(row[4]),
    columns: (columns.get(text(row, 0)) ?? []).map(columnFacts),
    key: (keys.get(text(row, 0)) ?? []).filter((part) => part[1] === "PRIMARY").map(keyPart),
    uniques: uniqueIndexes(keys.get(text(row, 0)) ?? []),
    cascades: (references.get(text(row, 0)) ?? []).flatMap(cascadeFacts),
  }));
}

const KINDS: ReadonlyMap<string, TableFacts["kind"]> = new Map([
  ["BASE TABLE", "table"],
  ["SYSTEM VERSIONED", "versioned"],
  ["SEQUENCE", "sequence"],
]);

const kindOf = (type: string | null | undefined): TableFacts["kind"] => KINDS.get(type ?? "") ?? "view";

function columnFacts(row: TextRow): ColumnFacts {
  const columnType = text(row, 3);
  const reading = readColumnType({
    dataType: text(row, 2).toLowerCase(),
    columnType,
    charset: row[4] ?? null,
    precision: Number(row[5] ?? 0),
    scale: Number(row[6] ?? 0),
    fsp: Number(row[7] ?? 0),
    length: Number(row[8] ?? 0),
  });
  return { name: text(row, 1), mysqlType: columnType, ...reading, collation: row[9] ?? null };
}

const keyPart = (row: TextRow): KeyPart => ({ column: text(row, 2), prefix: numberOrNull(row[3]) });

/** Of the rows of all indexes of a table, those of its unique ones beside the primary key. */
function uniqueIndexes(rows: readonly TextRow[]): readonly UniqueIndex[] {
  const unique = rows.filter((row) => row[4] === "0" && row[1] !== "PRIMARY");
  const byName = [...Map.groupBy(unique, (row) => text(row, 1))].sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([index, parts]) => {
    // An expression has no name of a column.
    const columns = parts.filter((row) => row[2] !== null);
    const nullable = columns.filter((row) => row[5] === "YES").map((row) => text(row, 2));
    const unusable =
      columns.length < parts.length
        ? "it is over an expression"
        : nullable.length > 0
          ? `${nullable.join(", ")} may be NULL`
          : parts.some((row) => row[6] === "NO")
            ? "it is invisible"
            : null;
    return { index, parts: columns.map(keyPart), unusable };
  });
}

const ACTING_RULES = ["CASCADE", "SET NULL", "SET DEFAULT"];

function cascadeFacts(row: TextRow): readonly Cascade[] {
  const actions = [`DELETE ${text(row, 4)}`, `UPDATE ${text(row, 5)}`].filter((action) =>
    ACTING_RULES.some((rule) => action.endsWith(rule)),
  );
  if (actions.length === 0) return [];
  return [{ constraint: text(row, 1), parent: { database: text(row, 2), table: text(row, 3) }, actions }];
}

const text = (row: TextRow, at: number): string => must(row[at], "a value of the catalogue");

const numberOrNull = (value: string | null | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);
