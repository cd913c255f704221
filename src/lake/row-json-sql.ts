/**
 * Rows of the lake as canonical JSON, in DuckDB's SQL: byte by byte what `capture/row-decode.ts` makes of the same row
 * in the binlog. Only a date that no calendar has differs, where the table stores it as NULL: it is `null` here.
 */
import type { ZeroDatePolicy } from "../types/lake-type.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import { dayText, momentText } from "./date-text-sql.ts";
import { digitsSql, pointSql } from "./double-text-sql.ts";
import { identifier, literal } from "./duckdb.ts";
import { lakeName } from "./lake-name.ts";

/** To be run once in a database that the SQL below is for. */
export const jsonMacros = (): readonly string[] => [
  `CREATE MACRO _tl_string(t) AS '"' || ${escapedSql("t")} || '"'`,
];

/** A SELECT of all rows of `source` with `_tl_key`, the JSON of the key, and `_tl_row`, that of the row. */
export function selectJson(
  { columns, primaryKey }: TableSchema,
  zeroDates: ZeroDatePolicy,
  source: string,
): string {
  const keys = columns.filter(({ name }) => primaryKey.includes(name));
  const floats = columns.flatMap(({ name, type }, i) =>
    type.kind === "float" || type.kind === "double" ? [{ i, value: columnSql(name), kind: type.kind }] : [],
  );
  const object = (some: readonly Column[]): string => objectSql(some, columns, zeroDates);
  return `SELECT ${object(keys)} AS _tl_key, ${object(columns)} AS _tl_row FROM ${withDigits(floats, source)}`;
}

function objectSql(some: readonly Column[], columns: readonly Column[], zeroDates: ZeroDatePolicy): string {
  const parts = some.flatMap((column, i) => [
    literal(`${i === 0 ? "{" : ","}${JSON.stringify(column.name)}:`),
    `coalesce(${valueJson(column, columns.indexOf(column), zeroDates)}, 'null')`,
  ]);
  return `concat(${[...parts, "'}'"].join(", ")})`;
}

/** NULL of NULL. `index` is the column's place in the table. */
function valueJson({ name: column, type }: Column, index: number, zeroDates: ZeroDatePolicy): string {
  const name = columnSql(column);
  switch (type.kind) {
    case "int":
    case "year":
    case "bit":
      return `CAST(${name} AS VARCHAR)`;
    case "decimal":
      return quoted(`CAST(${name} AS VARCHAR)`);
    case "float":
    case "double":
      return numberJson(name, index);
    case "bytes":
      return quoted(`to_base64(${name})`);
    case "date":
      return quoted(zeroDates === "text" ? name : dayText(name));
    case "datetime":
    case "timestamp":
      return quoted(zeroDates === "text" ? name : momentText(name, type.fsp));
    case "time":
      return quoted(name);
    case "text":
    case "enum":
    case "set":
    case "json":
      return `_tl_string(${name})`;
  }
}

const columnSql = (name: string): string => identifier(lakeName(name));

const quoted = (text: string): string => `'"' || ${text} || '"'`;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Control characters with an escape of their own; the others have their number. */
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
]);
const OTHERS = Array.from({ length: 0x20 }, (_, code) => code).filter((code) => !SHORT_ESCAPES.has(code));

/** What JSON demands is escaped, and nothing else. Few texts need that at all, and fewer still the rare ones. */
function escapedSql(text: string): string {
  const replaced = (from: string, code: number, by: string): string =>
    `replace(${from}, chr(${code}), ${literal(by)})`;
  let common = replaced(replaced(text, BACKSLASH, "\\\\"), QUOTE, '\\"');
  for (const [code, by] of SHORT_ESCAPES) common = replaced(common, code, by);
  let all = common;
  for (const code of OTHERS) all = replaced(all, code, `\\u${code.toString(16).padStart(4, "0")}`);
  return (
    `CASE WHEN NOT regexp_matches(${text}, '[\\x00-\\x1f"\\\\]') THEN ${text} ` +
    `WHEN regexp_matches(${text}, '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f]') THEN ${all} ELSE ${common} END`
  );
}

interface FloatColumn {
  readonly i: number;
  readonly value: string;
  readonly kind: "float" | "double";
}

const exactName = (i: number): string => `_tl_exact_${i}`;
const textName = (i: number): string => `_tl_text_${i}`;
const digitsName = (i: number): string => `_tl_digits_${i}`;
const pointName = (i: number): string => `_tl_point_${i}`;

/**
 * The rows of a relation with the digits of their floating numbers beside them, and how many stand before the point.
 * Each step is a SELECT of its own, so that what the next one names several times is made once.
 */
function withDigits(columns: readonly FloatColumn[], source: string): string {
  if (columns.length === 0) return source;
  const floats = columns.filter(({ kind }) => kind === "float");
  const exact = floats.map(({ i, value }) => `${exactSql(value)} AS ${exactName(i)}`);
  const texts = columns.map(({ i, value, kind }) => {
    const text = kind === "float" ? floatSql(value, exactName(i)) : `CAST(abs(${value}) AS VARCHAR)`;
    return `${text} AS ${textName(i)}`;
  });
  const parts = columns.flatMap(({ i }) => [
    `${digitsSql(textName(i))} AS ${digitsName(i)}`,
    `${pointSql(textName(i))} AS ${pointName(i)}`,
  ]);
  const added = (more: readonly string[], from: string): string =>
    more.length === 0 ? from : `(SELECT *, ${more.join(", ")} FROM ${from})`;
  return added(parts, added(texts, added(exact, source)));
}

/** So many digits of a float32 that half of a unit of its ninth one shows as such. */
const exactSql = (value: string): string =>
  `format('{:.${EXACT_DIGITS - 1}e}', CAST(abs(${value}) AS DOUBLE))`;
const EXACT_DIGITS = 33;

/**
 * A text of a float32: of six to nine digits the fewest that read back as the same number, as `floatText` in
 * `capture/double-text.ts` finds them; very small numbers have less than six. DuckDB's own text has more digits than
 * it takes.
 */
function floatSql(value: string, exact: string): string {
  const digits = `replace(split_part(${exact}, 'e', 1), '.', '')`;
  const exponent = `CAST(split_part(${exact}, 'e', 2) AS INTEGER)`;
  const rounded = (count: number): string =>
    `(CAST(${digits}[1:${count}] AS INTEGER) + CASE WHEN ${digits}[${count + 1}] >= '5' THEN 1 ELSE 0 END) || 'e' || (${exponent} - ${count - 1})`;
  const isSame = (count: number): string =>
    `CAST(CAST(${rounded(count)} AS DOUBLE) AS FLOAT) = abs(${value})`;
  const first = (from: number): string =>
    `CASE ${[1, 2, 3, 4, 5, 6, 7, 8]
      .filter((count) => count >= from)
      .map((count) => `WHEN ${isSame(count)} THEN ${rounded(count)}`)
      .join(" ")} ELSE ${rounded(9)} END`;
  return `CASE WHEN abs(${value}) < ${2 ** -126} THEN ${first(1)} ELSE ${first(6)} END`;
}

/** More digits before the point, or zeros behind it, and JavaScript writes an exponent. */
const POINT_MAX = 21;
const ZEROS_MAX = 5;

/** A floating number as JavaScript spells it, which is how `capture/double-text.ts` does; -0 is `-0.0`. */
function numberJson(value: string, index: number): string {
  const d = digitsName(index);
  const p = pointName(index);
  const exponent = `CASE WHEN ${p} > 0 THEN '+' ELSE '' END || (${p} - 1)`;
  const spelled =
    `CASE WHEN ${p} > ${POINT_MAX} OR ${p} < ${-ZEROS_MAX} THEN ${d}[1] || CASE WHEN strlen(${d}) > 1 THEN '.' || ${d}[2:] ELSE '' END || 'e' || ${exponent} ` +
    `WHEN ${p} <= 0 THEN '0.' || repeat('0', -${p}) || ${d} ` +
    `WHEN strlen(${d}) <= ${p} THEN ${d} || repeat('0', ${p} - strlen(${d})) ` +
    `ELSE ${d}[1:${p}] || '.' || ${d}[${p} + 1:] END`;
  return `CASE WHEN ${value} = 0 THEN CASE WHEN signbit(${value}) THEN '-0.0' ELSE '0' END ELSE CASE WHEN ${value} < 0 THEN '-' ELSE '' END || ${spelled} END`;
}
