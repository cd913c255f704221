import type { Hop, HopCount } from "../types/hop-count.ts";
import type { TraceRecord } from "../types/ports.ts";
import type { TableId } from "../types/table-id.ts";
import { commitEquations, type ArmCounts, type SourceCounts } from "./commit-equations.ts";
import { withoutSides, worstOf, type EquationResult } from "./equation.ts";
import { alignIntervals, covers, inPositionOrder, samePosition } from "./position-join.ts";
import type { TableResult } from "./reconcile-result.ts";
import { groupByTime, windowOf, type CheckedCommit } from "./reconcile-window.ts";
import { isInstant } from "./trace-row.ts";

/** An arm that is independent of the pipeline: its counts of a table, or why it has none. */
export type Arm =
  | { readonly state: "available"; readonly records: readonly TraceRecord[] }
  | { readonly state: "unavailable"; readonly reason: string };

export interface TableInput {
  readonly table: TableId;
  /** What the hops recorded, in any order. */
  readonly records: readonly TraceRecord[];
  /**
   * By position intervals, which may be those of the commits, or finer, or coarser. The first one of a table
   * counts from the low watermark of its snapshot on.
   */
  readonly source: Arm;
  /** By commit: `TraceRecord.commit` is the instant. A commit that is not there is not checked. */
  readonly lake: Arm;
}

export interface ReconcileOptions {
  /** Commits whose changes end in the same stretch of time share a window; null: one window for all. */
  readonly windowMs: number | null;
}

/**
 * Compares what the hops counted, commit by commit, and words it by windows. Nothing here knows what time it
 * is: a commit is settled when every hop has counts up to its position.
 */
export function reconcileTable(input: TableInput, options: ReconcileOptions): TableResult {
  const windows = groupByTime(checkCommits(input), options.windowMs).map(windowOf);
  const settled = windows.filter((window) => window.isSettled);
  return {
    table: input.table,
    verdict: settled.length === 0 ? "inconclusive" : worstOf(settled.map((window) => window.verdict)),
    windows,
    settledThrough: settled.at(-1) ?? null,
  };
}

/** A commit with the counts of all hops up to the lake. */
interface Lane {
  readonly record: TraceRecord;
  readonly counts: readonly HopCount[];
  readonly isSettled: boolean;
  /** Why the counts of the hops before the lake are not those of this commit. */
  readonly flaw: EquationResult | null;
}

function checkCommits(input: TableInput): readonly CheckedCommit[] {
  const { commits, upstream } = splitLanes(input.records);
  const lanes = upstream.length === 0 ? commits.map(laneOf) : joinUpstream(commits, upstream);
  const source = sourceCounts(lanes, input.source);
  return lanes.map((lane, i) => {
    const lake = lakeCounts(lane.record, input.lake);
    const facts = { ...lane, before: lanes[i - 1] ?? null, source: source[i] ?? null, lake };
    const results = lane.flaw === null ? commitEquations(facts) : [lane.flaw];
    const arms = [facts.source, lake].flatMap((arm) => (arm?.state === "available" ? arm.counts : []));
    return { ...lane, counts: [...arms, ...lane.counts], results: lane.isSettled ? results : [] };
  });
}

const laneOf = (record: TraceRecord): Lane => ({
  record,
  counts: record.counts,
  isSettled: true,
  flaw: null,
});

const UPSTREAM: ReadonlySet<Hop> = new Set(["capture", "produce"]);

/**
 * In process one record has all hops. With Kafka the hops before the topic are recorded with the Kafka
 * transactions, whose ends include those of the lake's commits.
 */
function splitLanes(records: readonly TraceRecord[]): {
  readonly commits: readonly TraceRecord[];
  readonly upstream: readonly TraceRecord[];
} {
  const isUpstream = ({ commit, counts }: TraceRecord): boolean =>
    !isInstant(commit) && counts.every(({ hop }) => UPSTREAM.has(hop));
  return {
    commits: records
      .filter((record) => !isUpstream(record))
      .sort((a, b) => a.committedAtMs - b.committedAtMs || (a.commit < b.commit ? -1 : 1)),
    upstream: inPositionOrder(records.filter(isUpstream)),
  };
}

function joinUpstream(commits: readonly TraceRecord[], upstream: readonly TraceRecord[]): readonly Lane[] {
  const joined = new Map<TraceRecord, readonly HopCount[]>();
  // A commit that did not move has nothing upstream, and would stand between two that join.
  const moving = commits.filter(({ fromGtids, toGtids }) => !samePosition(fromGtids, toGtids));
  for (const { a, b } of alignIntervals(moving, upstream)) {
    const own = upstream.slice(b.from, b.to).flatMap(({ counts }) => counts);
    const record = moving[a.from];
    if (record !== undefined && a.to === a.from + 1) joined.set(record, own);
  }
  const head = upstream.at(-1)?.toGtids ?? "";
  const lanes = commits.map((record): Lane => {
    const counts = samePosition(record.fromGtids, record.toGtids) ? [] : joined.get(record);
    if (counts !== undefined) return { ...laneOf(record), counts: [...counts, ...record.counts] };
    // Capture has recorded what lies behind this commit, so what is not there will not come.
    const flaw = covers(head, record.toGtids)
      ? withoutSides(
          { name: "positions join", hop: "capture" },
          "missing",
          "no records of capture cover just the positions of this commit",
        )
      : null;
    return { ...laneOf(record), isSettled: flaw !== null, flaw };
  });
  return [...lanes, ...openTail(commits, upstream)];
}

/** What is captured and not yet in a commit of the lake. */
function openTail(commits: readonly TraceRecord[], upstream: readonly TraceRecord[]): readonly Lane[] {
  const reached = commits.at(-1)?.toGtids;
  return upstream
    .filter(({ toGtids }) => reached === undefined || !covers(reached, toGtids))
    .map((record) => ({ ...laneOf(record), isSettled: false }));
}

/** For each commit what the source counted there; null where a later commit is compared along with it. */
function sourceCounts(lanes: readonly Lane[], arm: Arm): readonly (SourceCounts | null)[] {
  if (arm.state === "unavailable") return lanes.map(() => arm);
  const result: (SourceCounts | null)[] = lanes.map(({ record }) => ({
    state: "unavailable",
    reason:
      record.fromGtids === "" && record.snapshotGtids === null
        ? "this first commit does not say where its snapshot began"
        : "the source was not counted over just this interval",
  }));
  const records = inPositionOrder(arm.records.map(countedInterval));
  for (const { a, b } of alignIntervals(
    lanes.map(({ record }) => countedInterval(record)),
    records,
  )) {
    result.fill(null, a.from, a.to - 1);
    result[a.to - 1] = {
      state: "available",
      counts: records.slice(b.from, b.to).flatMap(({ counts }) => counts),
      over: lanes.slice(a.from, a.to).flatMap(({ counts }) => counts),
    };
  }
  return result;
}

/** A first commit begins at no position; its changes are counted from the low watermark of its snapshot on. */
const countedInterval = (record: TraceRecord): TraceRecord => ({
  ...record,
  fromGtids: record.snapshotGtids ?? record.fromGtids,
});

function lakeCounts({ commit }: TraceRecord, arm: Arm): ArmCounts {
  if (arm.state === "unavailable") return arm;
  const own = arm.records.find((record) => record.commit === commit);
  return own === undefined
    ? { state: "unavailable", reason: "the files of this commit were not read, or are cleaned away" }
    : { state: "available", counts: own.counts };
}
