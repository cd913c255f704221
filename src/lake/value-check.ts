import { syncError } from "../types/errors.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Column } from "../types/table-schema.ts";
import type { SyncError } from "../util/errors.ts";
import type { Sql } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { selectMisfits, type LineField, type LineFile } from "./row-sql.ts";
import { sourceColumn, type RowShape } from "./row-shape.ts";

const VALUE_CHARS_MAX = 120;

/** A file of lines that a statement could not read. */
export interface UnreadLines {
  readonly shape: RowShape;
  readonly file: LineFile;
  readonly fields: readonly LineField[];
}

/**
 * Finds out which value made a statement fail, by asking for each column and never by DuckDB's message.
 * Gives the failure itself back when it was none of them.
 */
export async function explainFailure(sql: Sql, failure: unknown, lines: UnreadLines): Promise<Error> {
  if (!(failure instanceof DuckFailure))
    return failure instanceof Error ? failure : new Error(String(failure));
  const { shape, file, fields } = lines;
  for (const { column, sql: statement } of selectMisfits(shape, file, fields)) {
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
