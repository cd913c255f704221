import { COUNT_CLASSES, HOPS, type HopCount } from "../types/hop-count.ts";
import type { TraceRecord } from "../types/ports.ts";
import { must } from "../util/assert.ts";
import { EQUATIONS, isMismatch, worstOf, type EquationResult, type Verdict } from "./equation.ts";
import type { ClassTotals, EquationSummary, Finding, WindowResult } from "./reconcile-result.ts";
import { hasClass, totalsOf } from "./totals.ts";

export interface CheckedCommit {
  readonly record: TraceRecord;
  /** Of all hops, the independent arms included. */
  readonly counts: readonly HopCount[];
  readonly isSettled: boolean;
  readonly results: readonly EquationResult[];
}

const MS_PER_MINUTE = 60_000;

/**
 * Neighbours whose changes end in the same stretch of the source's time. A commit without changes has no time
 * and stays with the ones before it; what is not settled never shares a window with what is.
 */
export function groupByTime(
  commits: readonly CheckedCommit[],
  windowMs: number | null,
): readonly (readonly CheckedCommit[])[] {
  const groups: CheckedCommit[][] = [];
  let stretch: number | null = null;
  for (const commit of commits) {
    const minute = lastMinute([commit]);
    const next: number | null =
      windowMs === null || minute === null ? stretch : Math.floor((minute * MS_PER_MINUTE) / windowMs);
    const group = groups.at(-1);
    if (group !== undefined && next === stretch && group[0]?.isSettled === commit.isSettled) {
      group.push(commit);
    } else {
      groups.push([commit]);
    }
    stretch = next;
  }
  return groups;
}

export function windowOf(commits: readonly CheckedCommit[]): WindowResult {
  const first = must(commits[0], "a commit of the window");
  const last = must(commits.at(-1), "a commit of the window");
  const { isSettled } = first;
  const findings = isSettled ? commits.flatMap(findingOf) : [];
  return {
    fromGtids: first.record.fromGtids,
    toGtids: last.record.toGtids,
    firstMinute: firstMinute(commits),
    lastMinute: lastMinute(commits),
    firstCommit: first.record.commit,
    lastCommit: last.record.commit,
    lastCommittedAtMs: last.record.committedAtMs,
    commits: commits.length,
    isSettled,
    verdict: isSettled ? worstOf(findings.map(findingVerdict)) : "inconclusive",
    counts: classTotals(commits),
    equations: summaries(commits),
    findings,
  };
}

/** A mismatch says more than an equation that cannot be judged. */
function findingOf({ record, results }: CheckedCommit): readonly Finding[] {
  const result =
    results.find(({ verdict }) => isMismatch(verdict)) ??
    results.find(({ verdict }) => verdict === "inconclusive");
  return result === undefined ? [] : [{ commit: record.commit, result }];
}

const findingVerdict = ({ result }: Finding): Verdict =>
  result.verdict === "unchecked" ? "inconclusive" : result.verdict;

function classTotals(commits: readonly CheckedCommit[]): readonly ClassTotals[] {
  const all = commits.flatMap(({ counts }) => counts);
  const list: ClassTotals[] = [];
  for (const hop of HOPS) {
    for (const countClass of COUNT_CLASSES) {
      // A number of rows at a moment is not added up.
      const having = commits.filter(({ counts }) => hasClass(counts, hop, countClass));
      const [first, last] = [having[0], having.at(-1)];
      if (first === undefined || last === undefined) continue;
      const counts =
        countClass === "rows_before" ? first.counts : countClass === "rows_after" ? last.counts : all;
      list.push({ hop, class: countClass, totals: totalsOf(counts, hop, countClass) });
    }
  }
  return list;
}

function summaries(commits: readonly CheckedCommit[]): readonly EquationSummary[] {
  return EQUATIONS.flatMap((name) => {
    const results = commits.flatMap((commit) => commit.results.filter((result) => result.name === name));
    if (results.length === 0) return [];
    const verdicts = results.map(({ verdict }) => verdict).filter((verdict) => verdict !== "unchecked");
    const unchecked = results.filter(({ verdict }) => verdict === "unchecked");
    return [
      {
        name,
        verdict: verdicts.length === 0 ? ("unchecked" as const) : worstOf(verdicts),
        checked: verdicts.length,
        unchecked: unchecked.length,
        reasons: [...new Set(unchecked.map(({ note }) => note ?? ""))].filter((reason) => reason !== ""),
      },
    ];
  });
}

function minutesOf(commits: readonly CheckedCommit[]): readonly number[] {
  return commits.flatMap(({ counts }) => counts.map(({ minute }) => minute)).filter((minute) => minute > 0);
}

const firstMinute = (commits: readonly CheckedCommit[]): number | null =>
  minutesOf(commits).reduce<number | null>((min, m) => (min === null || m < min ? m : min), null);

const lastMinute = (commits: readonly CheckedCommit[]): number | null =>
  minutesOf(commits).reduce<number | null>((max, m) => (max === null || m > max ? m : max), null);
