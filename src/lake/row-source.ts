/**
 * Where rows come from that were not typed yet: a file of columns, or a file of lines of canonical JSON. Either
 * gives the same cells to the SQL of `row-sql.ts`: a field of the type that `value-sql.ts` names for the column.
 */
import type { ColumnForm } from "../types/column-values.ts";
import { must } from "../util/assert.ts";
import type { FileColumn } from "./column-file.ts";
import { cellSql, fileColumn, type CellSql } from "./column-value-sql.ts";
import { identifier, literal, readParquet } from "./duckdb.ts";
import type { RowShape } from "./row-shape.ts";
import { DATE_TEXT, valueSql, type ValueSql } from "./value-sql.ts";

/** What stands beside a row in its source: name there, type in lines, form in columns, and name of the column it becomes. */
export interface SourceField {
  readonly name: string;
  readonly type: string;
  readonly form: ColumnForm;
  readonly column: string;
}

/** Beside a row of a change batch. */
export const CHANGE_FIELDS: readonly SourceField[] = [
  { name: "q", type: "BIGINT", form: "int64", column: "_tl_seq" },
  { name: "o", type: "VARCHAR", form: "text", column: "_tl_op" },
  { name: "t", type: "BIGINT", form: "int64", column: "_tl_ordinal" },
  { name: "n", type: "BIGINT", form: "int64", column: "_tl_n" },
];

export interface RowSource {
  readonly fields: readonly SourceField[];
  /** A relation with typed cells. */
  readonly typed: string;
  /** The cell of a column in `typed`, by the column's number. */
  readonly cell: (index: number) => string;
  /** From a cell to the lake's type. */
  readonly value: (index: number, cell: string) => string;
  /** A relation in which every value can be read; what `typed` fails on is found in it. */
  readonly loose: string;
  /** In `loose`: the value as text, and as a typed cell, or NULL where that cannot be. */
  readonly looseText: (index: number) => string;
  readonly looseCell: (index: number) => string;
  /**
   * For a column whose cells may have no value in the lake type: the condition, on a cell of `typed` or on the text
   * of a line, under which one becomes NULL. Null for all others.
   */
  readonly isNoValue: (index: number) => ((cell: string) => string) | null;
}

/** A file of lines, and how long its longest line is. */
export interface LineFile {
  readonly path: string;
  readonly lineBytesMax: number;
}

/** Lines up to here fit DuckDB's smallest buffer, which is twice this size and is what one thread reads. */
const LINE_BYTES_USUAL = 16 * 1024 * 1024;

export function lineSource(shape: RowShape, file: LineFile, fields: readonly SourceField[]): RowSource {
  const { columns } = shape.schema;
  const sql = valuesOf(shape);
  const cell = (index: number): string => `r.${identifier(columns[index]?.name ?? "")}`;
  const struct = (typeOf: (value: ValueSql) => string): readonly string[] =>
    columns.map(({ name }, i) => `${identifier(name)} ${typeOf(sql(i))}`);
  return {
    fields,
    typed: readLines(
      file,
      fields,
      struct((value) => value.field),
    ),
    cell,
    value: (index, text) => sql(index).value(text),
    loose: readLines(
      file,
      fields,
      struct(() => "VARCHAR"),
    ),
    looseText: cell,
    looseCell: (index) => `TRY(CAST(${cell(index)} AS ${sql(index).field}))`,
    isNoValue: (index) =>
      sql(index).isDate ? (text) => `regexp_full_match(${text}, ${literal(DATE_TEXT)})` : null,
  };
}

/** The reader of a file of lines, with the row's fields of these types. */
function readLines(file: LineFile, fields: readonly SourceField[], row: readonly string[]): string {
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

/** Names in a file of columns: by number, since a name of the user's may be as long as MySQL allows. */
const cellColumn = (index: number): string => `c${index}`;

/** The columns of such a file, as `columnSource` reads it. */
export const sourceColumns = (shape: RowShape, fields: readonly SourceField[]): readonly FileColumn[] => [
  ...fields,
  ...shape.schema.columns.map(({ type }, i) => fileColumn(cellColumn(i), type)),
];

export interface ColumnFiles {
  readonly files: readonly string[];
  readonly fields: readonly SourceField[];
}

/** Rows whose first field is NULL are no rows of the source. */
export function columnSource(shape: RowShape, { files, fields }: ColumnFiles): RowSource {
  const cells = shape.schema.columns.map((column) => cellSql(column, shape.zeroDates));
  const sql = (index: number): CellSql => must(cells[index], "a column of the table");
  const first = fields[0]?.name ?? "";
  const relation = `(SELECT * FROM ${readParquet(files)} WHERE ${first} IS NOT NULL)`;
  return {
    fields,
    typed: relation,
    cell: cellColumn,
    value: (index, cell) => sql(index).value(cell),
    loose: relation,
    looseText: (index) => sql(index).text(cellColumn(index)),
    looseCell: cellColumn,
    isNoValue: (index) => sql(index).isNoValue,
  };
}

function valuesOf(shape: RowShape): (index: number) => ValueSql {
  const values = shape.schema.columns.map((column) => valueSql(column, shape.zeroDates));
  return (index) => must(values[index], "a column of the table");
}
