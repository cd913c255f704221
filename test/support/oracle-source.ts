import { epochMicros, floatBits, isCalendarDate, type EngineRow } from "./canonical-row.ts";
import type { TestConnection } from "./mysql-connection.ts";

export interface SourceRows {
  readonly columns: readonly string[];
  /** Columns of the primary key, in its order; all columns of a table without one. */
  readonly key: readonly string[];
  readonly rows: readonly EngineRow[];
}

type Kind = "number" | "float" | "bytes" | "date" | "moment" | "text" | "other";

const KIND: Readonly<Record<string, Kind>> = {
  tinyint: "number",
  smallint: "number",
  mediumint: "number",
  int: "number",
  bigint: "number",
  decimal: "number",
  year: "number",
  bit: "number",
  float: "float",
  double: "float",
  binary: "bytes",
  varbinary: "bytes",
  tinyblob: "bytes",
  blob: "bytes",
  mediumblob: "bytes",
  longblob: "bytes",
  geometry: "bytes",
  point: "bytes",
  linestring: "bytes",
  vector: "bytes",
  date: "date",
  datetime: "moment",
  timestamp: "moment",
  char: "text",
  varchar: "text",
  tinytext: "text",
  text: "text",
  mediumtext: "text",
  longtext: "text",
  uuid: "text",
  inet4: "text",
  inet6: "text",
  enum: "text",
  set: "text",
  time: "other",
  json: "other",
};

interface SourceColumn {
  readonly name: string;
  readonly type: string;
  readonly kind: Kind;
}

const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

/**
 * All rows of a table of MySQL in the canonical text that the lake's side has, under the policy that dates
 * of no calendar are NULL. What the columns are is asked of MySQL; no code of the pipeline takes part.
 */
export async function sourceRows(
  connection: TestConnection,
  id: { readonly database: string; readonly table: string },
): Promise<SourceRows> {
  const columns = await columnsOf(connection, id);
  await connection.run("SET time_zone = '+00:00'");
  const list = columns.map(expression).join(", ");
  // Prepared statements give the bits of a float, where texts are rounded.
  const [found] = await connection.raw.execute(
    `SELECT ${list} FROM ${quoted(id.database)}.${quoted(id.table)}`,
  );
  const rows = (found as readonly (readonly unknown[])[]).map((row) =>
    columns.map((column, i) => canonical(column, row[i])),
  );
  const key = await keyOf(connection, id);
  return {
    columns: columns.map(({ name }) => name),
    key: key.length > 0 ? key : columns.map(({ name }) => name),
    rows,
  };
}

async function columnsOf(
  connection: TestConnection,
  { database, table }: { readonly database: string; readonly table: string },
): Promise<readonly SourceColumn[]> {
  const rows = await connection.rows(
    "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
    [database, table],
  );
  return rows.map(([name, type]) => {
    const kind = KIND[String(type)];
    if (kind === undefined)
      throw new RangeError(`the oracle cannot compare a column of type ${String(type)}`);
    return { name: String(name), type: String(type), kind };
  });
}

async function keyOf(
  connection: TestConnection,
  { database, table }: { readonly database: string; readonly table: string },
): Promise<readonly string[]> {
  const rows = await connection.rows(
    "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX",
    [database, table],
  );
  return rows.map(([name]) => String(name));
}

function expression({ name, kind }: SourceColumn): string {
  const column = quoted(name);
  switch (kind) {
    case "number":
      // The sum drops the zeros of ZEROFILL, the four digits of YEAR, and the bytes of BIT.
      return `CAST(${column} + 0 AS CHAR)`;
    case "bytes":
      return `LOWER(HEX(${column}))`;
    case "float":
    case "text":
      return column;
    case "date":
    case "moment":
    case "other":
      return `CAST(${column} AS CHAR)`;
  }
}

function canonical({ name, type, kind }: SourceColumn, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value === "number" && kind === "float") return floatBits(value, type === "float");
  if (typeof value !== "string") throw new TypeError(`${name} came as ${typeof value}, not as text`);
  if (kind === "date") return isCalendarDate(value) ? value : null;
  if (kind === "moment") return isCalendarDate(value.slice(0, 10)) ? epochMicros(value) : null;
  return value;
}
