/**
 * A query's result as text. Every value is made into text by DuckDB, so that no number goes through a double of
 * JavaScript, and whole lines are put together there as well.
 */
import { DuckDBTypeId, type DuckDBType } from "@duckdb/node-api";
import { literal } from "./duckdb.ts";
import type { QueryColumn } from "./query-session.ts";
import type { QueryText } from "./query-error.ts";

export interface WrappedQuery {
  readonly statement: string;
  readonly text: QueryText;
}

/** The statement that selects expressions over a query's columns, which are called `c0`, `c1` and so on in it. */
export function wrapQuery(sql: string, expressions: readonly string[], columns: number): WrappedQuery {
  const names = Array.from({ length: columns }, (_, i) => columnName(i));
  const before = `SELECT ${expressions.join(", ")} FROM (\n`;
  return {
    // A comment may end the query.
    statement: `${before}${sql}\n) AS q(${names.join(", ")})`,
    text: { sql, offset: Buffer.byteLength(before) },
  };
}

export const columnName = (index: number): string => `c${index}`;

const asText = (column: string): string => `CAST(${column} AS VARCHAR)`;

/** One VARCHAR for each column. */
export const cellExpressions = (columns: readonly QueryColumn[]): readonly string[] =>
  columns.map((_, i) => asText(columnName(i)));

/** RFC 4180 ends its lines with both characters. */
export const CSV_LINE_END = "\r\n";

/** NULL is an empty field, and the empty text a quoted one. */
export function csvLineExpression(columns: readonly QueryColumn[]): string {
  const fields = columns.map(({ type }, i) => {
    const text = asText(columnName(i));
    if (isPlain(type)) return `coalesce(${text}, '')`;
    return (
      `CASE WHEN ${columnName(i)} IS NULL THEN '' ` +
      `WHEN ${text} = '' OR regexp_matches(${text}, '[",\\r\\n]') THEN '"' || replace(${text}, '"', '""') || '"' ` +
      `ELSE ${text} END`
    );
  });
  return concat(fields.flatMap((field, i) => (i === 0 ? [field] : ["','", field])));
}

export const csvHeader = (columns: readonly QueryColumn[]): string =>
  columns.map(({ name }) => (/^[^",\r\n]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)).join(",");

/** One JSON object; `names` must differ from one another, since most readers keep one value of a name. */
export function jsonLineExpression(columns: readonly QueryColumn[], names: readonly string[]): string {
  const parts = columns.flatMap(({ type }, i) => [
    literal(`${i === 0 ? "{" : ","}${JSON.stringify(names[i])}:`),
    jsonValue(columnName(i), type),
  ]);
  return concat([...parts, "'}'"]);
}

function jsonValue(column: string, type: DuckDBType): string {
  const text = asText(column);
  if (type.typeId === DuckDBTypeId.FLOAT || type.typeId === DuckDBTypeId.DOUBLE) {
    // JSON has no word for what is not finite.
    return `CASE WHEN ${column} IS NULL THEN 'null' WHEN isfinite(${column}) THEN ${text} ELSE '"' || ${text} || '"' END`;
  }
  if (INTEGERS.has(type.typeId) || BARE_IN_JSON.has(type.typeId)) return `coalesce(${text}, 'null')`;
  // Minified, since a line must be a line.
  if (type.alias === "JSON") return `coalesce(CAST(json(${column}) AS VARCHAR), 'null')`;
  const value = NESTED.has(type.typeId) ? column : text;
  return `CASE WHEN ${column} IS NULL THEN 'null' ELSE CAST(to_json(${value}) AS VARCHAR) END`;
}

/** `id`, `id_1`: later ones of a name that is taken get a number, as DuckDB does it in a subquery. */
export function distinctNames(names: readonly string[]): readonly string[] {
  const taken = new Set(names);
  const given = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let i = 1; given.has(own) || (own !== name && taken.has(own)); i++) own = `${name}_${i}`;
    given.add(own);
    return own;
  });
}

/** One function for any number of parts: a chain of operators could be deeper than DuckDB's parser goes. */
const concat = (parts: readonly string[]): string => `concat(${parts.join(", ")})`;

const INTEGERS: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.BIGNUM,
]);
const BARE_IN_JSON: ReadonlySet<DuckDBTypeId> = new Set([DuckDBTypeId.DECIMAL, DuckDBTypeId.BOOLEAN]);
const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.LIST,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.UNION,
  DuckDBTypeId.VARIANT,
]);
const PLAIN_IN_CSV: ReadonlySet<DuckDBTypeId> = new Set([
  ...INTEGERS,
  ...BARE_IN_JSON,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
  DuckDBTypeId.DATE,
  DuckDBTypeId.TIME,
  DuckDBTypeId.TIMESTAMP,
  DuckDBTypeId.TIMESTAMP_TZ,
  DuckDBTypeId.UUID,
]);

/** Whether the type's texts never need quotes in CSV. */
const isPlain = (type: DuckDBType): boolean => PLAIN_IN_CSV.has(type.typeId);

/** Whether the type's texts are best read on the right. */
export const isNumeric = ({ type }: QueryColumn): boolean =>
  INTEGERS.has(type.typeId) ||
  type.typeId === DuckDBTypeId.DECIMAL ||
  type.typeId === DuckDBTypeId.FLOAT ||
  type.typeId === DuckDBTypeId.DOUBLE;
