import type { ZeroDatePolicy } from "../types/lake-type.ts";
import type { GroupDigest, RowDigest } from "../types/row-digest.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import { dayText, momentText } from "./date-text-sql.ts";
import { doubleText } from "./double-text-sql.ts";
import { identifier, literal, type LakeDatabase } from "./duckdb.ts";
import { lakeName } from "./lake-name.ts";
import type { TableSnapshot } from "./table-reader.ts";

const MASK = (1n << 64n) - 1n;

/** `types/row-digest.ts` in DuckDB's SQL. */
export async function lakeGroupDigests(
  db: LakeDatabase,
  table: TableSnapshot,
  groups: readonly number[] | null,
): Promise<readonly GroupDigest[]> {
  // A table without rows has no files, and DuckDB reads no list of none.
  if (table.files.length === 0) return [];
  const { schema, zeroDates } = table.commit;
  const hash = `('0x' || left(sha256(${rowText(schema.columns, zeroDates)}), 16))::UBIGINT`;
  const rows = await db.use((sql) =>
    sql.rows(
      `SELECT g, count(*), sum(h), bit_xor(h) FROM (SELECT ${groupSql(schema, zeroDates)} AS g, ${hash} AS h FROM ${source(table)}) ` +
        `${groups === null ? "" : `WHERE g IN (${groups.join(", ")})`} GROUP BY g`,
    ),
  );
  return rows.map(([group, count, sum, xor]) => ({
    group: Number(group),
    rows: Number(count),
    digest: { sum: (sum as bigint) & MASK, xor: xor as bigint },
  }));
}

export async function lakeRowDigests(
  db: LakeDatabase,
  table: TableSnapshot,
  group: number,
): Promise<readonly RowDigest[]> {
  if (table.files.length === 0) return [];
  const { schema, zeroDates } = table.commit;
  const rows = await db.use((sql) =>
    sql.rows(
      `SELECT ${keyText(schema, zeroDates)}, left(sha256(${rowText(schema.columns, zeroDates)}), 16) FROM ${source(table)} ` +
        `WHERE ${groupSql(schema, zeroDates)} = ${group}`,
    ),
  );
  return rows.map(([key, hash]) => ({ key: String(key), hash: String(hash) }));
}

const source = (table: TableSnapshot): string =>
  `read_parquet([${table.files.map(literal).join(", ")}], union_by_name = true)`;

const groupSql = (schema: TableSchema, zeroDates: ZeroDatePolicy): string =>
  `('0x' || left(sha256(${keyText(schema, zeroDates)}), 2))::INTEGER`;

function keyText(schema: TableSchema, zeroDates: ZeroDatePolicy): string {
  const columns = schema.primaryKey.flatMap((name) =>
    schema.columns.filter((column) => column.name === name),
  );
  return rowText(columns, zeroDates);
}

const rowText = (columns: readonly Column[], zeroDates: ZeroDatePolicy): string =>
  `concat_ws(',', ${columns.map((column) => `coalesce(${columnText(column, zeroDates)}, 'N')`).join(", ")})`;

function columnText(column: Column, zeroDates: ZeroDatePolicy): string {
  const name = identifier(lakeName(column.name));
  const { type } = column;
  switch (type.kind) {
    case "int":
    case "year":
    case "bit":
    case "decimal":
      return `CAST(${name} AS VARCHAR)`;
    case "float":
    case "double":
      return doubleText(`CAST(${name} AS DOUBLE)`);
    case "bytes":
      return type.length === null ? `sha256(${name})` : `hex(${name})`;
    case "text":
      return type.form === "text" ? `sha256(${name})` : measured(name);
    case "json":
      return `sha256(${name})`;
    case "enum":
    case "set":
      return measured(name);
    case "time":
      return name;
    case "date":
      return zeroDates === "text" ? name : dayText(name);
    case "datetime":
    case "timestamp":
      return zeroDates === "text" ? name : momentText(name, type.fsp);
  }
}

const measured = (name: string): string => `strlen(${name}) || ':' || ${name}`;
