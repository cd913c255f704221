import { EXIT } from "../types/errors.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import { isMismatch, VERDICTS, worstOf, type Verdict } from "./equation.ts";
import type { TableResult, WindowResult } from "./reconcile-result.ts";

/** What a comparison of content, row by row, found at one position. */
export interface DeepResult {
  readonly verdict: Verdict;
  readonly rowsSource: number | null;
  readonly rowsLake: number | null;
  /** Where it was compared. */
  readonly atGtids: string;
  /** Some of the keys that differ: `missing` in the lake, `extra` there, or with another content. */
  readonly keys: readonly { readonly key: string; readonly kind: "missing" | "extra" | "different" }[];
  /** How many keys differ in all; null when that was not counted. */
  readonly keysDiffering: number | null;
  /** Why it is inconclusive. */
  readonly note: string | null;
}

export interface TableReport extends TableResult {
  /** Null when it was not asked for. */
  readonly deep: DeepResult | null;
}

export interface ReportFacts {
  /** Name of the source in the config. */
  readonly source: string;
  readonly atMs: number;
  /** Null: from the first commit that is recorded. */
  readonly sinceMs: number | null;
  readonly windowMs: number | null;
  readonly tables: readonly TableReport[];
  /** Commits that are not in this report yet, because the store was away; null when that is not known. */
  readonly queuedCommits: number | null;
}

export interface Report extends ReportFacts {
  readonly verdict: Verdict;
}

const tableVerdict = (table: TableReport): Verdict =>
  table.deep === null ? table.verdict : worstOf([table.verdict, table.deep.verdict]);

const rank = (verdict: Verdict): number => VERDICTS.indexOf(verdict);
const windowRank = (window: WindowResult): number =>
  window.isSettled ? rank(window.verdict) : VERDICTS.length;
const byName = (a: TableId, b: TableId): number => (formatTableId(a) < formatTableId(b) ? -1 : 1);

/** The worst table first. Without tables there is nothing that could match. */
export function buildReport(facts: ReportFacts): Report {
  const tables = facts.tables
    .map((table) => ({ ...table, verdict: tableVerdict(table) }))
    .sort((a, b) => rank(a.verdict) - rank(b.verdict) || byName(a.table, b.table));
  const verdict = tables.length === 0 ? "inconclusive" : worstOf(tables.map((table) => table.verdict));
  return { ...facts, tables, verdict };
}

/** Worst first, then in order of time; what is open decides nothing and comes last. */
export const worstWindowsFirst = (windows: readonly WindowResult[]): readonly WindowResult[] =>
  windows
    .map((window, i) => ({ window, i }))
    .sort((a, b) => windowRank(a.window) - windowRank(b.window) || a.i - b.i)
    .map(({ window }) => window);

export function reportExitCode({ verdict }: Report): number {
  if (verdict === "match") return EXIT.ok;
  return isMismatch(verdict) ? EXIT.mismatch : EXIT.inconclusive;
}
