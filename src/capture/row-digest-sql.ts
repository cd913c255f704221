import type { ZeroDatePolicy } from "../types/lake-type.ts";
import { quoteMysql, quoteMysqlTable } from "../types/table-id.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import type { Dialect } from "./dialect.ts";

/** How the texts of values are made. */
interface TextChoice {
  readonly zeroDates: ZeroDatePolicy;
  readonly dialect: Pick<Dialect, "doubleText">;
}

/** `types/row-digest.ts` in MySQL's SQL. */
export function selectGroupDigests(
  schema: TableSchema,
  options: TextChoice & { readonly groups: readonly number[] | null },
): string {
  const { groups } = options;
  const where = groups === null ? "" : ` WHERE ${groupSql(schema, options)} IN (${groups.join(", ")})`;
  return (
    `SELECT g, COUNT(*), CAST(MOD(SUM(h), 18446744073709551616) AS CHAR), CAST(BIT_XOR(h) AS CHAR) FROM (` +
    `SELECT ${groupSql(schema, options)} AS g, ${hashSql(schema, options)} AS h ` +
    `FROM ${quoteMysqlTable(schema.id)}${where}) rows_hashed GROUP BY g`
  );
}

export function selectRowDigests(
  schema: TableSchema,
  options: TextChoice & { readonly group: number },
): string {
  const row = rowText(schema.columns, options);
  return (
    `SELECT ${keyText(schema, options)}, LEFT(SHA2(${row}, 256), 16) FROM ${quoteMysqlTable(schema.id)} ` +
    `WHERE ${groupSql(schema, options)} = ${options.group}`
  );
}

const hashSql = (schema: TableSchema, choice: TextChoice): string =>
  `CAST(CONV(LEFT(SHA2(${rowText(schema.columns, choice)}, 256), 16), 16, 10) AS UNSIGNED)`;

const groupSql = (schema: TableSchema, choice: TextChoice): string =>
  `CONV(LEFT(SHA2(${keyText(schema, choice)}, 256), 2), 16, 10) + 0`;

function keyText(schema: TableSchema, choice: TextChoice): string {
  const columns = schema.primaryKey.flatMap((name) =>
    schema.columns.filter((column) => column.name === name),
  );
  return rowText(columns, choice);
}

const rowText = (columns: readonly Column[], choice: TextChoice): string =>
  `CONCAT_WS(',', ${columns.map((column) => `IFNULL(${columnText(column, choice)}, 'N')`).join(", ")})`;

function columnText(column: Column, { zeroDates, dialect }: TextChoice): string {
  const name = quoteMysql(column.name);
  switch (column.type.kind) {
    case "int":
    case "year":
    case "bit":
    case "decimal":
      // The sum drops the zeros of ZEROFILL and turns BIT into a number; it keeps a DECIMAL's scale.
      return `CAST(${name} + 0 AS CHAR)`;
    case "float":
    case "double":
      return dialect.doubleText(name);
    case "bytes":
      return column.type.length === null ? `SHA2(${name}, 256)` : `HEX(${name})`;
    case "text":
      return column.type.form === "text" ? `SHA2(CONVERT(${name} USING utf8mb4), 256)` : measured(name);
    case "json":
      return `SHA2(CAST(${name} AS CHAR CHARACTER SET utf8mb4), 256)`;
    case "enum":
    case "set":
      return measured(name);
    case "time":
      return `CAST(${name} AS CHAR)`;
    case "date":
    case "datetime":
    case "timestamp":
      return zeroDates === "text" ? `CAST(${name} AS CHAR)` : calendarOnly(name);
  }
}

/** With its length in front, since it may hold a comma. */
function measured(name: string): string {
  const text = `CONVERT(${name} USING utf8mb4)`;
  return `CONCAT(LENGTH(${text}), ':', ${text})`;
}

/** NULL for a date that no calendar has, as the lake keeps it. */
function calendarOnly(name: string): string {
  const lastDay = `DAY(LAST_DAY(CONCAT(LPAD(YEAR(${name}), 4, '0'), '-', MONTH(${name}), '-01')))`;
  return (
    `IF(DAY(${name}) = 0 OR MONTH(${name}) = 0 OR YEAR(${name}) = 0 OR (DAY(${name}) > 28 AND DAY(${name}) > ${lastDay}), ` +
    `NULL, CAST(${name} AS CHAR))`
  );
}
