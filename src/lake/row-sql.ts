/**
 * Typing rows with DuckDB: the cells that capture wrote get the types of the lake, the bucket is computed and the
 * values are checked, all in one SELECT. The columns that it adds are called `_tl_…`, which no column of the
 * user can be.
 */
import { bucketSql } from "./bucket-sql.ts";
import { must } from "../util/assert.ts";
import { identifier } from "./duckdb.ts";
import { unrepresentableKeySql } from "./record-key.ts";
import type { RowShape } from "./row-shape.ts";
import type { RowSource } from "./row-source.ts";

/**
 * Typed rows of a source: the user's columns, the source's fields, `_tl_bucket`, and `_tl_zeros`, which is how
 * many dates of the row became NULL. Fails when a value does not fit.
 */
export function selectRows(shape: RowShape, source: RowSource): string {
  const { columns } = shape;
  const typed = columns.map(({ name }, i) => `${source.value(i, source.cell(i))} AS ${identifier(name)}`);
  const cells = columns.flatMap((_, i) =>
    source.isNoValue(i) === null ? [] : [`${source.cell(i)} AS ${rawColumn(i)}`],
  );
  const fields = source.fields.map((field) => `${field.name} AS ${field.column}`);
  const inner = [...typed, ...cells, ...fields].join(", ");
  const outer = [
    ...columns.map(({ name }) => identifier(name)),
    ...source.fields.map((field) => field.column),
    `${bucketSql(shape.keys, identifier, shape.buckets)} AS _tl_bucket`,
    `CAST(${checks(shape, source)} AS INTEGER) AS _tl_zeros`,
  ].join(", ");
  return `SELECT ${outer} FROM (SELECT ${inner} FROM ${source.typed})`;
}

/** Column of a cell that is checked: by number, since a name may be as long as MySQL allows. */
const rawColumn = (index: number): string => `_tl_raw_${index}`;

/** Number of dates that became NULL; fails on a value or a key that cannot be stored. */
function checks(shape: RowShape, source: RowSource): string {
  const parts = shape.schema.columns.flatMap((column, i) => {
    const isNoValue = source.isNoValue(i);
    if (isNoValue === null) return [];
    const raw = rawColumn(i);
    const wrong = `CAST(error('not a value: ' || ${raw}) AS INTEGER)`;
    const counted = mayBeNull(shape, column.name)
      ? `CASE WHEN ${isNoValue(raw)} THEN 1 ELSE ${wrong} END`
      : wrong;
    const typed = identifier(must(shape.columns[i], "a column of the table").name);
    return [`CASE WHEN ${raw} IS NOT NULL AND ${typed} IS NULL THEN ${counted} ELSE 0 END`];
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
 * row that does; for when `selectRows` has failed.
 */
export function selectMisfits(shape: RowShape, source: RowSource): readonly Misfit[] {
  const { columns } = shape.schema;
  const from = source.loose;
  const indexOf = (name: string): number => shape.columns.findIndex((column) => column.name === name);
  const key = shape.keys
    .map((k) => `coalesce(${source.looseText(indexOf(k.name))}, 'NULL')`)
    .join(" || ', ' || ");
  const valueOf = (index: number): string => `TRY(${source.value(index, source.looseCell(index))})`;
  const byColumn = columns.map((column, i) => {
    const text = source.looseText(i);
    const isNoValue = source.isNoValue(i);
    const cell = source.loose === source.typed ? source.looseCell(i) : text;
    const allowed = isNoValue !== null && mayBeNull(shape, column.name) ? ` AND NOT ${isNoValue(cell)}` : "";
    const misfit = `${text} IS NOT NULL AND ${valueOf(i)} IS NULL${allowed}`;
    return { column: column.name, sql: `SELECT ${key}, ${text} FROM ${from} WHERE ${misfit} LIMIT 1` };
  });
  const badKey = unrepresentableKeySql(shape.keys, (name) => valueOf(indexOf(name)));
  if (badKey === null) return byColumn;
  return [...byColumn, { column: null, sql: `SELECT ${key}, ${key} FROM ${from} WHERE ${badKey} LIMIT 1` }];
}
