import type { CountClass, Hop } from "../types/hop-count.ts";
import type { TableId } from "../types/table-id.ts";
import type { EquationName, EquationResult, Verdict } from "./equation.ts";
import type { Totals } from "./totals.ts";

/** Sum of one class over a window; of the rows of the table, what its first and its last commit say. */
export interface ClassTotals {
  readonly hop: Hop;
  readonly class: CountClass;
  readonly totals: Totals;
}

/** One equation over the commits of a window. */
export interface EquationSummary {
  readonly name: EquationName;
  /** The worst of the commits; `unchecked` when no commit was checked. */
  readonly verdict: Verdict | "unchecked";
  readonly checked: number;
  readonly unchecked: number;
  /** Why commits are unchecked, each reason once. */
  readonly reasons: readonly string[];
}

/** The first equation along the path that does not hold, or cannot be judged, in one commit. */
export interface Finding {
  readonly commit: string;
  readonly result: EquationResult;
}

export interface WindowResult {
  readonly fromGtids: string;
  readonly toGtids: string;
  /** Minutes since 1970 of the source's commit times; null when nothing in it has one. */
  readonly firstMinute: number | null;
  readonly lastMinute: number | null;
  readonly firstCommit: string;
  readonly lastCommit: string;
  readonly lastCommittedAtMs: number;
  readonly commits: number;
  /** Every hop has committed past its end. */
  readonly isSettled: boolean;
  /** `inconclusive` when it is not settled, else the worst of its commits. */
  readonly verdict: Verdict;
  readonly counts: readonly ClassTotals[];
  readonly equations: readonly EquationSummary[];
  /** Oldest commit first; none for commits that match. */
  readonly findings: readonly Finding[];
}

export interface TableResult {
  readonly table: TableId;
  /** The worst of the settled windows; `inconclusive` when there is none. */
  readonly verdict: Verdict;
  /** Oldest first; what is not settled comes last. */
  readonly windows: readonly WindowResult[];
  /** The last settled one; null when there is none. */
  readonly settledThrough: WindowResult | null;
}
