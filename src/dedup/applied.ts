/**
 * Which changes are new for a table, and which it already holds.
 *
 * A table's checkpoint names every transaction that is in it. So "was this applied?" is one question about a
 * whole transaction, with an exact answer and no window of remembered ids that could be outgrown. The stream
 * begins at the smallest checkpoint of all tables, so the others see transactions again: those are duplicates,
 * they are counted as such, and they must lie inside an earlier commit of the table, which is what the
 * question asks.
 *
 * A table that stops takes no change of the transaction at which it stopped, nor of any later one: what it
 * keeps is again a question about whole transactions, against the position of the stop.
 */
import { sliceBatch, type ChangeBatch } from "../types/change-batch.ts";
import { parseGtid, type GtidSet } from "../types/gtid.ts";

export interface Parted {
  /** Runs of rows in their order, sharing the memory of the batch. */
  readonly inside: readonly ChangeBatch[];
  readonly outside: readonly ChangeBatch[];
}

/** Parts a batch by whether the transaction of a row is in the set. */
export function partByTransaction(batch: ChangeBatch, set: GtidSet): Parted {
  const inside: ChangeBatch[] = [];
  const outside: ChangeBatch[] = [];
  const keep = (from: number, to: number, isInside: boolean): void => {
    if (to > from) (isInside ? inside : outside).push(sliceBatch(batch, from, to));
  };
  const run = { start: 0, isInside: false };
  batch.transactions.forEach((transaction, i) => {
    const isInside = set.contains(parseGtid(transaction.gtid));
    if (i > 0 && isInside === run.isInside) return;
    keep(run.start, transaction.firstRow, run.isInside);
    run.start = transaction.firstRow;
    run.isInside = isInside;
  });
  keep(run.start, batch.count, run.isInside);
  return { inside, outside };
}
