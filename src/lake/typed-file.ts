import { rm } from "node:fs/promises";
import { literal, type Sql } from "./duckdb.ts";
import { SORTED_OPTIONS, UNSORTED_OPTIONS } from "./parquet-options.ts";
import { isSorted } from "./row-relation.ts";
import type { RowShape } from "./row-shape.ts";
import type { RowSource } from "./row-source.ts";
import { selectRows } from "./row-sql.ts";
import { explainFailure } from "./value-check.ts";

/**
 * Types the rows of a source into a file that `typedRelation` reads, sorted by bucket where that is worth it.
 * @throws SyncError TABLE_VALUE for a value or a key that does not fit; nothing is left of the file then
 */
export async function writeTypedFile(
  sql: Sql,
  rows: { readonly shape: RowShape; readonly source: RowSource },
  file: { readonly path: string; readonly options: readonly string[] },
): Promise<void> {
  const { shape, source } = rows;
  const [orderBy, layout] = isSorted(shape)
    ? [" ORDER BY _tl_bucket", SORTED_OPTIONS]
    : ["", UNSORTED_OPTIONS];
  const options = [...layout, ...file.options].join(", ");
  try {
    await sql.run(`COPY (${selectRows(shape, source)}${orderBy}) TO ${literal(file.path)} (${options})`);
  } catch (error) {
    await rm(file.path, { force: true });
    throw await explainFailure(sql, error, rows);
  }
}
