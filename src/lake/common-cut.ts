import { GtidSet } from "../types/gtid.ts";

/** A state of a table, and the stretch of source positions at which the table is known to have been in it. */
export interface Span {
  /** Where the commit that made the state stands. */
  readonly from: GtidSet;
  /** No change of the table lies between `from` and here. What comes behind is not known to this span. */
  readonly through: GtidSet;
}

/** The spans of a table, newest first. */
export type Spans<T extends Span> = AsyncIterator<T, void, void>;

export interface CommonCut<T extends Span> {
  readonly at: GtidSet;
  /** One for each table, in their order: the state that the table had at that position. */
  readonly spans: readonly T[];
}

/**
 * The newest position at which the state of every table is known; null when there is none. Tables commit at
 * their own times, so their newest states usually belong to different positions, and a state in between two
 * commits is known only where the later one brought no change.
 *
 * The newest span of each table is taken. The greatest of their beginnings is the only position worth a try:
 * any earlier one lies before that table's state. If every span reaches to it, it is the answer. If one ends
 * before it, no other span of that table reaches it either, so the table that begins there goes one span back.
 */
export async function findCommonCut<T extends Span>(
  tables: readonly Spans<T>[],
): Promise<CommonCut<T> | null> {
  const spans: T[] = [];
  for (const table of tables) {
    const first = await table.next();
    if (first.done === true) return null;
    spans.push(first.value);
  }
  for (;;) {
    const at = spans.map((span) => span.from).reduce((a, b) => a.union(b), GtidSet.empty);
    if (spans.every((span) => span.through.includes(at))) return { at, spans };
    const newest = spans.findIndex((span) => span.from.equals(at));
    // Positions of one history are ordered. Where they are not, nothing can be said of any of them.
    const table = tables[newest];
    if (table === undefined) return null;
    const earlier = await table.next();
    if (earlier.done === true) return null;
    spans[newest] = earlier.value;
  }
}
