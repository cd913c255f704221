import type { ZeroDatePolicy } from "../types/lake-type.ts";
import { quoteMysql, quoteMysqlTable } from "../types/table-id.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";

/** `types/row-digest.ts` in MySQL's SQL. */
export function selectGroupDigests(
  schema: TableSchema,
  options: { readonly zeroDates: ZeroDatePolicy; readonly groups: readonly number[] | null },
): string {
  const { groups } = options;
  const where =
    groups === null ? "" : ` WHERE ${groupSql(schema, options.zeroDates)} IN (${groups.join(", ")})`;
  return (
    `SELECT g, COUNT(*), CAST(MOD(SUM(h), 18446744073709551616) AS CHAR), CAST(BIT_XOR(h) AS CHAR) FROM (` +
    `SELECT ${groupSql(schema, options.zeroDates)} AS g, ${hashSql(schema, options.zeroDates)} AS h ` +
    `FROM ${quoteMysqlTable(schema.id)}${where}) rows_hashed GROUP BY g`
  );
}

export function selectRowDigests(
  schema: TableSchema,
  options: { readonly zeroDates: ZeroDatePolicy; readonly group: number },
): string {
  const { zeroDates, group } = options;
  const row = rowText(schema.columns, zeroDates);
  return (
    `SELECT ${keyText(schema, zeroDates)}, LEFT(SHA2(${row}, 256), 16) FROM ${quoteMysqlTable(schema.id)} ` +
    `WHERE ${groupSql(schema, zeroDates)} = ${group}`
  );
}

const hashSql = (schema: TableSchema, zeroDates: ZeroDatePolicy): string =>
  `CAST(CONV(LEFT(SHA2(${rowText(schema.columns, zeroDates)}, 256), 16), 16, 10) AS UNSIGNED)`;

const groupSql = (schema: TableSchema, zeroDates: ZeroDatePolicy): string =>
  `CONV(LEFT(SHA2(${keyText(schema, zeroDates)}, 256), 2), 16, 10) + 0`;

function keyText(schema: TableSchema, zeroDates: ZeroDatePolicy): string {
  const columns = schema.primaryKey.flatMap((name) =>
    schema.columns.filter((column) => column.name === name),
  );
  return rowText(columns, zeroDates);
}

const rowText = (columns: readonly Column[], zeroDates: ZeroDatePolicy): string =>
  `CONCAT_WS(',', ${columns.map((column) => `IFNULL(${columnText(column, zeroDates)}, 'N')`).join(", ")})`;

function columnText(column: Column, zeroDates: ZeroDatePolicy): string {
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
      return doubleText(name);
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

/**
 * All digits of a FLOAT or DOUBLE, the former as the double that it is. The way by JSON is the one without a
 * limit: a plain CAST leaves digits out where the text would be longer than 22 characters.
 */
export const doubleText = (name: string): string => `CAST(CAST(${name} * 1e0 AS JSON) AS CHAR)`;

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
