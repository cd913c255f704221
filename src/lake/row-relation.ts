import { readParquet } from "./duckdb.ts";
import type { RowShape } from "./row-shape.ts";
import type { RowSource } from "./row-source.ts";
import { selectRows } from "./row-sql.ts";

/**
 * Rows that wait for a commit, as the SQL of the commit reads them: the user's columns in their lake types, the
 * fields of their source, `_tl_bucket` and `_tl_zeros`.
 *
 * A commit reads them a few times for each bucket. Of few buckets, they are typed each time anew from the columns
 * as capture wrote them, which is cheap where only some columns are looked at, and spares a file. Of many, they go
 * once through a file that is sorted by bucket, so that a reading for one bucket skips the rest.
 */
export interface RowRelation {
  readonly sql: string;
  /** A condition on `_tl_bucket` saves reading the rows of the others. */
  readonly isSorted: boolean;
  /** What a statement may fail on, because its values are checked only then; null when they were before. */
  readonly unchecked: RowSource | null;
}

/** From so many buckets on the rows are sorted. */
const SORTED_BUCKETS_MIN = 5;

export const isSorted = (shape: RowShape): boolean => shape.buckets >= SORTED_BUCKETS_MIN;

/** Files of rows that `selectRows` has typed. */
export const typedRelation = (files: readonly string[], shape: RowShape): RowRelation => ({
  sql: readParquet(files),
  isSorted: isSorted(shape),
  unchecked: null,
});

export const untypedRelation = (shape: RowShape, source: RowSource): RowRelation => ({
  sql: `(${selectRows(shape, source)})`,
  isSorted: false,
  unchecked: source,
});
