/**
 * Reading lines of canonical rows with DuckDB: the JSON that capture wrote becomes typed columns, the bucket
 * is computed and the values are checked, all in one SELECT. The columns that it adds are called `_tl_…`,
 * which no column of the user can be.
 */
import { bucketSql } from "./bucket-sql.ts";
import { identifier, literal } from "./duckdb.ts";
import { unrepresentableKeySql } from "./record-key.ts";
import { sourceColumn, type RowShape } from "./row-shape.ts";
import { DATE_TEXT, valueSql } from "./value-sql.ts";

/** A file of lines, and how long its longest line is. */
export interface LineFile {
  readonly path: string;
  readonly lineBytesMax: number;
}

/** What stands in a line beside the row `r`: name in JSON, type, and name of the column it becomes. */
export interface LineField {
  readonly name: string;
  readonly type: string;
  readonly column: string;
}

/** A line of a change batch. */
export const CHANGE_FIELDS: readonly LineField[] = [
  { name: "q", type: "BIGINT", column: "_tl_seq" },
  { name: "o", type: "VARCHAR", column: "_tl_op" },
  { name: "t", type: "BIGINT", column: "_tl_ordinal" },
  { name: "n", type: "BIGINT", column: "_tl_n" },
];

/** A line of a snapshot chunk. */
export const SNAPSHOT_FIELDS: readonly LineField[] = [{ name: "n", type: "BIGINT", column: "_tl_n" }];

/** Lines up to here fit DuckDB's smallest buffer, which is twice this size and is what one thread reads. */
export const LINE_BYTES_USUAL = 16 * 1024 * 1024;

/** The reader of a file of lines, with the row's fields of these types. */
export function readLines(file: LineFile, fields: readonly LineField[], row: readonly string[]): string {
  const columns = [
    ...fields.map((field) => `${field.name}: ${literal(field.type)}`),
    `r: ${literal(`STRUCT(${row.join(", ")})`)}`,
  ];
  const objectBytes = Math.max(LINE_BYTES_USUAL, file.lineBytesMax + 64);
  return (
    `read_ndjson(${literal(file.path)}, columns = {${columns.join(", ")}}, ` +
    `maximum_object_size = ${objectBytes}, compression = 'uncompressed')`
  );
}

/**
 * Typed rows of a file of lines: the user's columns, the line's fields, `_tl_bucket`, and `_tl_zeros`, which
 * is how many dates of the row became NULL. Fails when a value does not fit.
 */
export function selectRows(shape: RowShape, file: LineFile, fields: readonly LineField[]): string {
  const columns = shape.schema.columns.map((column) => ({
    name: column.name,
    sql: valueSql(column, shape.zeroDates),
  }));
  const row = columns.map(({ name, sql }) => `${identifier(name)} ${sql.field}`);
  const typed = columns.map(
    ({ name, sql }) => `${sql.value(`r.${identifier(name)}`)} AS ${identifier(name)}`,
  );
  const texts = columns.flatMap(({ name, sql }, i) =>
    sql.isDate ? [`r.${identifier(name)} AS ${textColumn(i)}`] : [],
  );
  const lineColumns = fields.map((field) => `${field.name} AS ${field.column}`);
  const inner = [...typed, ...texts, ...lineColumns].join(", ");
  const outer = [
    ...columns.map(({ name }) => identifier(name)),
    ...fields.map((field) => field.column),
    `${bucketSql(shape.keys, identifier, shape.buckets)} AS _tl_bucket`,
    `CAST(${checks(shape)} AS INTEGER) AS _tl_zeros`,
  ].join(", ");
  return `SELECT ${outer} FROM (SELECT ${inner} FROM ${readLines(file, fields, row)})`;
}

/** Column of a date's text: by number, since a name may be as long as MySQL allows. */
const textColumn = (index: number): string => `_tl_text_${index}`;

/** Number of dates that became NULL; fails on a date or a key that must not be stored. */
function checks(shape: RowShape): string {
  const parts = shape.schema.columns.flatMap((column, i) => {
    if (!valueSql(column, shape.zeroDates).isDate) return [];
    const text = textColumn(i);
    const wrong = `CAST(error('not a date: ' || ${text}) AS INTEGER)`;
    const counted = mayBeNull(shape, column.name)
      ? `CASE WHEN regexp_full_match(${text}, ${literal(DATE_TEXT)}) THEN 1 ELSE ${wrong} END`
      : wrong;
    return [
      `CASE WHEN ${text} IS NOT NULL AND ${identifier(column.name)} IS NULL THEN ${counted} ELSE 0 END`,
    ];
  });
  const badKey = unrepresentableKeySql(shape.keys, identifier);
  if (badKey !== null) {
    const shown = shape.keys.map((key) => `CAST(${identifier(key.name)} AS VARCHAR)`).join(" || ' ' || ");
    parts.push(
      `CASE WHEN ${badKey} THEN CAST(error('not a record key: ' || ${shown}) AS INTEGER) ELSE 0 END`,
    );
  }
  return parts.length === 0 ? "0" : parts.join(" + ");
}

/** Two zero dates in a key are two rows, which NULL would make one. */
const mayBeNull = (shape: RowShape, column: string): boolean =>
  shape.zeroDates === "null" && !shape.schema.primaryKey.includes(column);

export interface Misfit {
  /** Null when it is the key as a whole that does not fit. */
  readonly column: string | null;
  readonly sql: string;
}

/**
 * One SELECT for each way in which a value can fail to fit, each giving the key and the value of the first
 * row that does; for when `selectRows` has failed. All fields are read as text.
 */
export function selectMisfits(
  shape: RowShape,
  file: LineFile,
  fields: readonly LineField[],
): readonly Misfit[] {
  const row = shape.schema.columns.map((column) => `${identifier(column.name)} VARCHAR`);
  const from = readLines(file, fields, row);
  const key = shape.keys.map((k) => `coalesce(r.${identifier(k.name)}, 'NULL')`).join(" || ', ' || ");
  const valueOf = (name: string): string => {
    const { field, value } = valueSql(sourceColumn(shape, name), shape.zeroDates);
    return `TRY(${value(`CAST(r.${identifier(name)} AS ${field})`)})`;
  };
  const byColumn = shape.schema.columns.map(({ name }) => {
    const text = `r.${identifier(name)}`;
    const isDate = valueSql(sourceColumn(shape, name), shape.zeroDates).isDate;
    const allowed =
      isDate && mayBeNull(shape, name) ? ` AND NOT regexp_full_match(${text}, ${literal(DATE_TEXT)})` : "";
    const misfit = `${text} IS NOT NULL AND ${valueOf(name)} IS NULL${allowed}`;
    return { column: name, sql: `SELECT ${key}, ${text} FROM ${from} WHERE ${misfit} LIMIT 1` };
  });
  const badKey = unrepresentableKeySql(shape.keys, valueOf);
  if (badKey === null) return byColumn;
  return [...byColumn, { column: null, sql: `SELECT ${key}, ${key} FROM ${from} WHERE ${badKey} LIMIT 1` }];
}
