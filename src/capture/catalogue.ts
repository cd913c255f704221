import { syncError } from "../types/errors.ts";
import { TEXT_CHARSETS, type TableSchema, type TextCharset } from "../types/table-schema.ts";
import type { CharsetTable } from "./charset/charset-table.ts";
import { readCharsets } from "./charset/charset-reader.ts";
import type { MysqlConnection } from "./connection.ts";

/** What the stream needs of the server's own tables, in a form that goes to another thread. */
export interface Catalogue {
  /** Character set of each collation by its number. */
  readonly collations: readonly (readonly [number, string])[];
  /** `lower_case_table_names` is not 0. */
  readonly foldsCase: boolean;
  /** See `MapContext`. */
  readonly countsSpatial: boolean;
  /** Tables of the character sets that the columns of the tables are in. */
  readonly charsets: readonly (readonly [string, CharsetTable])[];
}

export async function readCatalogue(
  connection: MysqlConnection,
  schemas: readonly TableSchema[],
): Promise<Catalogue> {
  const rows = await connection.query(connection.dialect.collationQuery);
  const [names] = await connection.query("SELECT @@lower_case_table_names");
  const collations = rows.map(([id, charset]) => [Number(id), charset ?? ""] as const);
  if (collations.length === 0) {
    throw syncError("SOURCE_QUERY_FAILED", "information_schema.COLLATIONS is empty", {
      hint: "look at the server: it knows its collations",
    });
  }
  const used = [...schemas.flatMap(textCharsets), ...(await memberCharsets(connection, schemas))];
  return {
    collations,
    foldsCase: names?.[0] !== "0",
    countsSpatial: connection.dialect.name === "MariaDB",
    charsets: await readCharsets(connection, used),
  };
}

/** Of the text columns of a table. */
export const textCharsets = ({ columns }: TableSchema): readonly TextCharset[] =>
  columns.flatMap(({ type }) => (type.kind === "text" ? [type.charset] : []));

/** Schemas do not have those of ENUM and SET, whose members only the binlog gives in bytes. */
async function memberCharsets(
  connection: MysqlConnection,
  schemas: readonly TableSchema[],
): Promise<readonly TextCharset[]> {
  const withMembers = schemas.filter(({ columns }) =>
    columns.some(({ type }) => type.kind === "enum" || type.kind === "set"),
  );
  if (withMembers.length === 0) return [];
  const places = withMembers.map(() => "(?, ?)").join(", ");
  const rows = await connection.query(
    `SELECT DISTINCT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE DATA_TYPE IN ('enum', 'set') AND (TABLE_SCHEMA, TABLE_NAME) IN (${places})`,
    withMembers.flatMap(({ id }) => [id.database, id.table]),
  );
  const found = new Set(rows.map(([name]) => name));
  return TEXT_CHARSETS.filter((name) => found.has(name));
}
