import { equalDigest } from "../types/digest.ts";
import type { CountClass, Hop, HopCount } from "../types/hop-count.ts";
import { addTotals, hasClass, subtractTotals, sumTotals, totalsOf, type Totals } from "./totals.ts";

/** Worst first. */
export const VERDICTS = ["missing", "extra", "different", "inconclusive", "match"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const isMismatch = (verdict: Verdict | "unchecked"): boolean =>
  verdict === "missing" || verdict === "extra" || verdict === "different";

export const worstOf = (verdicts: Iterable<Verdict>): Verdict => {
  let worst: Verdict = "match";
  for (const verdict of verdicts) if (VERDICTS.indexOf(verdict) < VERDICTS.indexOf(worst)) worst = verdict;
  return worst;
};

/** Stable names, in the order of the path; the first one that fails names the hop. */
export const EQUATIONS = [
  "positions join",
  "source = capture",
  "capture = produce",
  "capture = consume",
  "produce = consume",
  "consume = dedup",
  "dedup = apply",
  "apply = commit",
  "commit = rows written",
  "rows join",
  "rows add up",
  "commit = lake",
  "rows = lake",
] as const;
export type EquationName = (typeof EQUATIONS)[number];

export interface Term {
  readonly hop: Hop;
  readonly class: CountClass;
  readonly rows: number;
  readonly sign: 1 | -1;
}

export interface Side {
  readonly terms: readonly Term[];
  readonly rows: number;
}

/** One equation of one commit. */
export interface EquationResult {
  readonly name: EquationName;
  /** Where the right side was counted: the hop to look at when the equation fails. */
  readonly hop: Hop;
  /** `unchecked`: one of the sides is not known, and nobody promised that it is. */
  readonly verdict: Verdict | "unchecked";
  /** What is not equal; null when all is. */
  readonly differs: "rows" | "event ids" | "operations" | "content" | "positions" | null;
  /** Null where positions are compared. */
  readonly left: Side | null;
  readonly right: Side | null;
  /** Why it is unchecked or inconclusive, or what about the positions does not fit. */
  readonly note: string | null;
}

/** A side with its totals, before it is compared. */
export interface Sum extends Side {
  readonly totals: Totals;
  /** Null when something was taken away that has no such class. */
  readonly byClass: ReadonlyMap<CountClass, Totals> | null;
}

interface SumSpec {
  readonly hop: Hop;
  readonly plus: readonly CountClass[];
}

export function sumOf(counts: readonly HopCount[], ...specs: readonly SumSpec[]): Sum {
  const terms: Term[] = [];
  const byClass = new Map<CountClass, Totals>();
  let totals = sumTotals([]);
  for (const { hop, plus } of specs) {
    for (const countClass of plus) {
      const part = totalsOf(counts, hop, countClass);
      totals = addTotals(totals, part);
      byClass.set(countClass, part);
      // Classes that the hop does not have are no part of what a reader should see.
      if (part.rows !== 0 || hasClass(counts, hop, countClass)) {
        terms.push({ hop, class: countClass, rows: part.rows, sign: 1 });
      }
    }
  }
  return { terms, rows: totals.rows, totals, byClass };
}

export function minus(sum: Sum, counts: readonly HopCount[], hop: Hop, countClass: CountClass): Sum {
  const part = totalsOf(counts, hop, countClass);
  if (part.rows === 0 && !hasClass(counts, hop, countClass)) return sum;
  const totals = subtractTotals(sum.totals, part);
  const term: Term = { hop, class: countClass, rows: part.rows, sign: -1 };
  const byClass = part.rows === 0 ? sum.byClass : null;
  return { terms: [...sum.terms, term], rows: totals.rows, totals, byClass };
}

export interface Comparison {
  readonly name: EquationName;
  readonly hop: Hop;
  /** `rows`: the numbers alone, for counts that have no ids. `operations`: each class by itself as well. */
  readonly by: "rows" | "changes" | "operations";
}

/**
 * Compares the two sides: numbers first, then which changes, then their bytes where both sides have seen
 * them. Fewer on the right is `missing`, more is `extra`, as many but others is `different`.
 */
export function compare({ name, hop, by }: Comparison, left: Sum, right: Sum): EquationResult {
  const result = (verdict: Verdict, differs: EquationResult["differs"]): EquationResult => ({
    ...{ name, hop, verdict, differs, note: null },
    left: { terms: left.terms, rows: left.rows },
    right: { terms: right.terms, rows: right.rows },
  });
  if (left.rows > right.rows) return result("missing", "rows");
  if (left.rows < right.rows) return result("extra", "rows");
  if (by === "rows") return result("match", null);
  if (!equalDigest(left.totals.ids, right.totals.ids)) return result("different", "event ids");
  if (by === "operations" && !equalClasses(left, right)) return result("different", "operations");
  const [a, b] = [left.totals.content, right.totals.content];
  if (a !== null && b !== null && !equalDigest(a, b)) return result("different", "content");
  return result("match", null);
}

function equalClasses(left: Sum, right: Sum): boolean {
  if (left.byClass === null || right.byClass === null) return true;
  for (const [countClass, a] of left.byClass) {
    const b = right.byClass.get(countClass);
    if (b === undefined || a.rows !== b.rows || !equalDigest(a.ids, b.ids)) return false;
  }
  return true;
}

export const withoutSides = (
  { name, hop }: Pick<Comparison, "name" | "hop">,
  verdict: EquationResult["verdict"],
  note: string | null,
): EquationResult => ({ name, hop, verdict, differs: null, left: null, right: null, note });
