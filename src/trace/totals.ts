import { addDigest, EMPTY_DIGEST, equalDigest, subtractDigest, type Digest } from "../types/digest.ts";
import type { CountClass, Hop, HopCount } from "../types/hop-count.ts";

/** A multiset of changes, as far as counts tell one from another. */
export interface Totals {
  readonly rows: number;
  readonly ids: Digest;
  /** Null when some of the changes were counted without their bytes. */
  readonly content: Digest | null;
}

const NOTHING: Totals = { rows: 0, ids: EMPTY_DIGEST, content: EMPTY_DIGEST };

export const addTotals = (a: Totals, b: Totals): Totals => ({
  rows: a.rows + b.rows,
  ids: addDigest(a.ids, b.ids),
  content: a.content === null || b.content === null ? null : addDigest(a.content, b.content),
});

export const subtractTotals = (a: Totals, b: Totals): Totals => ({
  rows: a.rows - b.rows,
  ids: subtractDigest(a.ids, b.ids),
  content: a.content === null || b.content === null ? null : subtractDigest(a.content, b.content),
});

/** Sum over the minutes. What is not there counts as nothing, whose content is known. */
export function totalsOf(counts: readonly HopCount[], hop: Hop, countClass: CountClass): Totals {
  let sum = NOTHING;
  for (const count of counts) {
    if (count.hop === hop && count.class === countClass && hasChanges(count)) sum = addTotals(sum, count);
  }
  return sum;
}

/** A class of no rows is the same as none, and says nothing about bytes. */
const hasChanges = (count: HopCount): boolean => count.rows !== 0 || !equalDigest(count.ids, EMPTY_DIGEST);

export const sumTotals = (parts: Iterable<Totals>): Totals => {
  let sum = NOTHING;
  for (const part of parts) sum = addTotals(sum, part);
  return sum;
};

export const hasClass = (counts: readonly HopCount[], hop: Hop, countClass: CountClass): boolean =>
  counts.some((count) => count.hop === hop && count.class === countClass);
