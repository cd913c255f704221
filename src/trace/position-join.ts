import { GtidSet } from "../types/gtid.ts";
import { formatCount } from "../util/units.ts";
import type { Verdict } from "./equation.ts";

/** An interval of source positions: behind `fromGtids`, up to and including `toGtids`. */
export interface PositionInterval {
  readonly fromGtids: string;
  readonly toGtids: string;
}

export interface Joint {
  readonly verdict: Verdict;
  readonly note: string | null;
}

/** Null when the text is no GTID set. */
function parsed(text: string): GtidSet | null {
  try {
    return GtidSet.parse(text);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Equal for texts of the same set, however they are written. */
const canonical = (text: string): string => parsed(text)?.toString() ?? text;

export const samePosition = (a: string, b: string): boolean => a === b || canonical(a) === canonical(b);

/** Whether every transaction of `inner` is in `outer`; false when that cannot be known. */
export function covers(outer: string, inner: string): boolean {
  const [whole, part] = [parsed(outer), parsed(inner)];
  return whole === null || part === null ? outer === inner : whole.includes(part);
}

/** Whether an interval begins exactly where the one before it ended. */
export function joinPositions(ended: string, begins: string): Joint {
  if (samePosition(ended, begins)) return { verdict: "match", note: null };
  const [before, after] = [parsed(ended), parsed(begins)];
  if (before === null || after === null) {
    return { verdict: "missing", note: `the commit before ended at ${ended}, this one begins at ${begins}` };
  }
  const skipped = after.subtract(before);
  const repeated = before.subtract(after);
  if (repeated.isEmpty) {
    return { verdict: "missing", note: `${transactions(skipped)} in no commit: ${skipped.toString()}` };
  }
  if (skipped.isEmpty) {
    return {
      verdict: "extra",
      note: `${transactions(repeated)} in this commit and in an earlier one: ${repeated.toString()}`,
    };
  }
  return {
    verdict: "different",
    note: `${transactions(skipped)} in no commit: ${skipped.toString()}; in two: ${repeated.toString()}`,
  };
}

const transactions = (set: GtidSet): string =>
  set.size === 1n ? "1 transaction is" : `${formatCount(set.size)} transactions are`;

/** Sorted along one history. Texts that are no GTID sets keep their order. */
export function inPositionOrder<T extends PositionInterval>(intervals: readonly T[]): readonly T[] {
  return [...intervals].sort((a, b) =>
    a.toGtids === b.toGtids ? 0 : covers(b.toGtids, a.toGtids) ? -1 : covers(a.toGtids, b.toGtids) ? 1 : 0,
  );
}

/** Runs of two lists that cover the same interval, each as short as can be. */
export interface Aligned {
  /** Ends are exclusive. */
  readonly a: { readonly from: number; readonly to: number };
  readonly b: { readonly from: number; readonly to: number };
}

/**
 * Cuts two lists of intervals, each in order, where both have an end. What has no counterpart in the other
 * list is in no run.
 */
export function alignIntervals(
  a: readonly PositionInterval[],
  b: readonly PositionInterval[],
): readonly Aligned[] {
  const beginnings = new Map<string, number[]>();
  for (const [i, { fromGtids }] of b.entries()) {
    const key = canonical(fromGtids);
    beginnings.set(key, [...(beginnings.get(key) ?? []), i]);
  }
  const runs: Aligned[] = [];
  let used = 0;
  for (let at = 0; at < a.length;) {
    const begins = a[at];
    const candidates = begins === undefined ? [] : (beginnings.get(canonical(begins.fromGtids)) ?? []);
    // Several begin there when an interval is empty; each has one counterpart.
    const from = candidates.find((i) => i >= used);
    const run = from === undefined ? null : runFrom({ a, b }, { a: at, b: from });
    if (run !== null) runs.push(run);
    used = run?.b.to ?? used;
    at = run?.a.to ?? at + 1;
  }
  return runs;
}

function runFrom(
  lists: Readonly<Record<"a" | "b", readonly PositionInterval[]>>,
  from: Readonly<Record<"a" | "b", number>>,
): Aligned | null {
  const to = { ...from };
  for (;;) {
    const [a, b] = [lists.a[to.a], lists.b[to.b]];
    if (a === undefined || b === undefined) return null;
    if (samePosition(a.toGtids, b.toGtids)) {
      return { a: { from: from.a, to: to.a + 1 }, b: { from: from.b, to: to.b + 1 } };
    }
    // The list that is behind goes on, if it has no gap.
    const behind = covers(a.toGtids, b.toGtids) ? "b" : "a";
    const ended = (behind === "a" ? a : b).toGtids;
    const next = lists[behind][++to[behind]];
    if (next === undefined || !samePosition(next.fromGtids, ended)) return null;
  }
}
