/**
 * Parts of a table as conditions on its key, which MySQL alone compares: bounds are literals that it
 * printed itself, in a form that gives back the very value.
 *
 * ENUM and SET sort by their number and compare with text as text, so bounds on them are numbers. A number is
 * compared by index only for equality; so `greater than 3` is written as the list of the numbers behind it.
 * Where that list would be long, or the type has no exact literal (FLOAT, DOUBLE), the key is cut before that
 * column: chunks are then bounded by the columns in front of it, and when it is the first there is one chunk. The
 * same holds for a column of which the index has only the beginning, by which it cannot sort.
 */
import type { SnapshotChunk } from "../types/ports.ts";
import { quoteMysql, quoteMysqlTable } from "../types/table-id.ts";
import { isBinaryText, type ColumnType, type TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { PRIMARY } from "./table-key.ts";

/** A key column by which chunks are bounded. */
interface BoundColumn {
  /** Quoted. */
  readonly name: string;
  /** Selects the text of which `literal` is made. */
  readonly expression: string;
  readonly literal: (text: string) => string;
  /** Greatest number of an ENUM or SET; null for types that compare as they sort. */
  readonly numberMax: number | null;
}

export type Bound = readonly string[];

const LIST_MAX = 1024;

/** The longest beginning of the key by which chunks can be bounded. */
export function boundColumns(schema: TableSchema): readonly BoundColumn[] {
  const columns: BoundColumn[] = [];
  for (const [i, name] of schema.primaryKey.entries()) {
    if ((schema.keyIndex?.prefixes[i] ?? 0) > 0) break;
    const type = must(
      schema.columns.find((column) => column.name === name),
      `key column ${name}`,
    ).type;
    const column = boundColumn(quoteMysql(name), type);
    if (column === null) break;
    columns.push(column);
  }
  return columns;
}

function boundColumn(name: string, type: ColumnType): BoundColumn | null {
  const asIs = (text: string): string => text;
  switch (type.kind) {
    case "int":
    case "decimal":
    case "year":
      return { name, expression: name, literal: asIs, numberMax: null };
    case "bit":
      return { name, expression: `${name} + 0`, literal: asIs, numberMax: null };
    case "date":
    case "time":
    case "datetime":
    case "timestamp":
      return { name, expression: name, literal: (text) => `'${text}'`, numberMax: null };
    case "text":
      return {
        name,
        expression: `HEX(${name})`,
        literal: isBinaryText(type.form) ? (hex) => `X'${hex}'` : (hex) => `_${type.charset} X'${hex}'`,
        numberMax: null,
      };
    case "bytes":
      return { name, expression: `HEX(${name})`, literal: (hex) => `X'${hex}'`, numberMax: null };
    case "enum":
      return numbered(name, type.members.length);
    case "set":
      return numbered(name, 2 ** type.members.length - 1);
    case "float":
    case "double":
    case "json":
      return null;
  }
}

const numbered = (name: string, numberMax: number): BoundColumn | null =>
  numberMax >= LIST_MAX ? null : { name, expression: `${name} + 0`, literal: (text) => text, numberMax };

/** The rows of a chunk, as a condition for WHERE. */
export function rangeCondition(schema: TableSchema, chunk: Pick<SnapshotChunk, "after" | "through">): string {
  return range(boundColumns(schema), chunk.after, chunk.through);
}

/** `FROM` and `WHERE` of the rows of a chunk; the index of the key is forced, since a plan may prefer a full scan. */
export function chunkSource(schema: TableSchema, chunk: Pick<SnapshotChunk, "after" | "through">): string {
  return `FROM ${quoteMysqlTable(schema.id)} FORCE INDEX (${indexName(schema)}) WHERE ${rangeCondition(schema, chunk)}`;
}

const indexName = ({ keyIndex }: TableSchema): string =>
  keyIndex === undefined || keyIndex.name === PRIMARY ? PRIMARY : quoteMysql(keyIndex.name);

function range(columns: readonly BoundColumn[], after: Bound | null, through: Bound | null): string {
  const [column, ...rest] = columns;
  if (column === undefined || (after === null && through === null)) return "TRUE";
  if (after === null) return upTo(columns, through ?? []);
  if (through === null) return beyond(columns, after);
  const [low = "", ...lowRest] = after;
  const [high = "", ...highRest] = through;
  if (low === high && rest.length > 0) return `${column.name} = ${low} AND ${range(rest, lowRest, highRest)}`;
  return `${beyond(columns, after)} AND ${upTo(columns, through)}`;
}

/** Greater than the bound: nested, so that each level is a range on one part of the index. */
function beyond(columns: readonly BoundColumn[], bound: Bound): string {
  const [column, ...rest] = columns;
  const [value, ...values] = bound;
  if (column === undefined || value === undefined) return "FALSE";
  const greater = compare(column, ">", value);
  if (rest.length === 0) return greater;
  return `(${greater} OR (${column.name} = ${value} AND ${beyond(rest, values)}))`;
}

/** Less than the bound, or the bound. */
function upTo(columns: readonly BoundColumn[], bound: Bound): string {
  const [column, ...rest] = columns;
  const [value, ...values] = bound;
  if (column === undefined || value === undefined) return "TRUE";
  if (rest.length === 0) return compare(column, "<=", value);
  return `(${compare(column, "<", value)} OR (${column.name} = ${value} AND ${upTo(rest, values)}))`;
}

function compare(column: BoundColumn, operator: ">" | "<" | "<=", value: string): string {
  if (column.numberMax === null) return `${column.name} ${operator} ${value}`;
  const at = Number(value);
  // Number 0 is the empty string that stands for an invalid value.
  const [first, last] = operator === ">" ? [at + 1, column.numberMax] : [0, operator === "<" ? at - 1 : at];
  const numbers = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return numbers.length === 0 ? "FALSE" : `${column.name} IN (${numbers.join(", ")})`;
}
