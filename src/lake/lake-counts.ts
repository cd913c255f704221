/**
 * The counts that the lake adds to a commit. At hop `apply` each change and each row of a snapshot is
 * `applied` (it decides its row) or `superseded` (a later change of the same key is in the same commit);
 * `deleted` says how many of the applied ones are deletes. At hop `commit` are the rows of the table:
 * `upserted` is what carries this commit's instant, with the ids, `inserted` and `updated` are what became of
 * the table by it, `deleted` the rows that went, and `rows_before` and `rows_after` the whole.
 */
import { EMPTY_DIGEST, addDigest, type Digest } from "../types/digest.ts";
import type { CountClass, Hop, HopCount } from "../types/hop-count.ts";
import type { SqlRow } from "./duckdb.ts";

/** A group of changes or snapshot rows that fared alike in one minute. */
export interface EventGroup {
  readonly applied: boolean;
  readonly isUpsert: boolean;
  readonly minute: number;
  readonly rows: number;
  readonly ids: Digest;
  /** Dates that became NULL. */
  readonly zeros: number;
}

const MASK = (1n << 64n) - 1n;

/** A row of `selectChangeCounts` or `selectSnapshotCounts`. */
export function eventGroup(row: SqlRow): EventGroup {
  const [applied, isUpsert, minute, rows, sum, xor, zeros] = row;
  return {
    applied: applied === true,
    isUpsert: isUpsert === true,
    minute: Number(minute),
    rows: Number(rows),
    ids: { sum: (sum as bigint) & MASK, xor: xor as bigint },
    zeros: Number(zeros),
  };
}

/** What a commit did to the rows of the table. */
export interface RowTotals {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
}

export function lakeCounts(groups: readonly EventGroup[], totals: RowTotals): readonly HopCount[] {
  const byMinute = new Map<string, HopCount>();
  const add = (hop: Hop, countClass: CountClass, group: EventGroup): void => {
    const key = `${hop} ${countClass} ${group.minute}`;
    const known = byMinute.get(key);
    byMinute.set(key, {
      hop,
      class: countClass,
      minute: group.minute,
      rows: (known?.rows ?? 0) + group.rows,
      ids: addDigest(known?.ids ?? EMPTY_DIGEST, group.ids),
      content: null,
    });
  };
  for (const group of groups) {
    add("apply", group.applied ? "applied" : "superseded", group);
    if (group.applied && group.isUpsert) add("commit", "upserted", group);
    if (group.applied && !group.isUpsert) add("apply", "deleted", group);
  }
  const total = (countClass: CountClass, rows: number): HopCount => ({
    hop: "commit",
    class: countClass,
    minute: 0,
    rows,
    ids: EMPTY_DIGEST,
    content: null,
  });
  return [
    ...byMinute.values(),
    total("inserted", totals.inserted),
    total("updated", totals.updated),
    total("deleted", totals.deleted),
    total("rows_before", totals.rowsBefore),
    total("rows_after", totals.rowsAfter),
  ];
}

/** Dates of the rows that this commit wrote which became NULL. */
export const zeroDateNulls = (groups: readonly EventGroup[]): number =>
  groups.reduce((sum, group) => (group.applied && group.isUpsert ? sum + group.zeros : sum), 0);
