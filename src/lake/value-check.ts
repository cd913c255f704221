import { syncError } from "../types/errors.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Column } from "../types/table-schema.ts";
import type { SyncError } from "../util/errors.ts";
import type { Sql } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { selectMisfits } from "./row-sql.ts";
import type { RowSource } from "./row-source.ts";
import { sourceColumn, type RowShape } from "./row-shape.ts";

const VALUE_CHARS_MAX = 120;

/** Rows that a statement could not read. */
export interface UnreadRows {
  readonly shape: RowShape;
  readonly source: RowSource;
}

/**
 * Finds out which value made a statement fail, by asking for each column and never by DuckDB's message.
 * Gives the failure itself back when it was none of them.
 */
export async function explainFailure(
  sql: Sql,
  failure: unknown,
  { shape, source }: UnreadRows,
): Promise<Error> {
  if (!(failure instanceof DuckFailure))
    return failure instanceof Error ? failure : new Error(String(failure));
  for (const { column, sql: statement } of selectMisfits(shape, source)) {
    const [key, value] = (await sql.rows(statement).catch(() => []))[0] ?? [];
    if (typeof value !== "string") continue;
    const row = `the row with key (${String(key).slice(0, VALUE_CHARS_MAX)})`;
    const where = { table: formatTableId(shape.schema.id), row, cause: failure };
    return column === null ? keyError(where) : valueError(sourceColumn(shape, column), value, where);
  }
  return failure;
}

interface MisfitPlace {
  readonly table: string;
  readonly row: string;
  readonly cause: DuckFailure;
}

function valueError(column: Column, value: string, where: MisfitPlace): SyncError {
  const { kind } = column.type;
  const shown = JSON.stringify(value.slice(0, VALUE_CHARS_MAX));
  return syncError(
    "TABLE_VALUE",
    `${where.table}: column ${column.name} ${column.mysqlType} holds ${shown} in ${where.row}`,
    {
      hint:
        kind === "date" || kind === "datetime" || kind === "timestamp"
          ? "Correct the date at the source, or set `zeroDates: text` for the table, which needs a new snapshot."
          : "Correct the value at the source. If it is as it should be there, please report this as a defect.",
      cause: where.cause,
    },
  );
}

const keyError = (where: MisfitPlace): SyncError =>
  syncError("TABLE_VALUE", `${where.table}: ${where.row} has no record key in Hudi of its own`, {
    hint: "Hudi has no empty record key, and in a key of several columns a text must not read like another column or like __empty__ or __null__. Change the key at the source.",
    cause: where.cause,
  });
