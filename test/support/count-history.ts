import fc from "fast-check";
import type { CountClass, Hop, HopCount } from "../../src/types/hop-count.ts";
import { EMPTY_DIGEST } from "../../src/types/digest.ts";
import { orderedCounts } from "../../src/trace/trace-row.ts";
import type { TableInput } from "../../src/trace/reconcile.ts";
import type { TraceRecord } from "../../src/types/ports.ts";
import { instantOf, ORDERS, UUID } from "./trace-record.ts";

/** One change on its way, and what becomes of it. */
export interface Change {
  readonly id: bigint;
  readonly content: bigint;
  readonly op: "c" | "u" | "d" | "r";
  readonly minute: number;
  readonly fate: "applied" | "superseded" | "filtered" | "rolled_back";
}

export interface CommitPlan {
  readonly changes: readonly Change[];
  /** How many changes of the commit before were read again. */
  readonly repeated: number;
  /** Transactions of the source in it, those of other tables included. */
  readonly transactions: number;
  /** Where the hops before Kafka cut it; ignored in process. */
  readonly cuts: number;
}

export interface HistoryPlan {
  readonly commits: readonly CommitPlan[];
  /** Rows that the snapshot read; null when the history does not begin with the first commit. */
  readonly snapshot: readonly Change[] | null;
  readonly channel: "in process" | "produce" | "kafka";
}

const bits = fc.bigInt(1n, 2n ** 64n - 1n);
const changeOf = (...ops: Change["op"][]): fc.Arbitrary<Change> =>
  fc.record({
    id: bits,
    content: bits,
    op: fc.constantFrom(...ops),
    minute: fc.integer({ min: 29_000_000, max: 29_000_003 }),
    fate: fc.constantFrom("applied", "applied", "applied", "superseded", "filtered", "rolled_back"),
  });
const snapshotRow = changeOf("r").map((row): Change => ({
  ...row,
  fate: row.fate === "applied" ? "applied" : "superseded",
}));

export const historyPlan: fc.Arbitrary<HistoryPlan> = fc.record({
  commits: fc.array(
    fc.record({
      changes: fc.array(changeOf("c", "u", "d"), { maxLength: 6 }),
      repeated: fc.nat(2),
      transactions: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 })),
      cuts: fc.nat(3),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  snapshot: fc.option(fc.array(snapshotRow, { maxLength: 5 }), { nil: null }),
  channel: fc.constantFrom("in process", "produce", "kafka"),
});

export interface History {
  /** Of the commits; with Kafka those of capture and produce are in `upstream`. */
  readonly commits: readonly TraceRecord[];
  readonly upstream: readonly TraceRecord[];
  readonly source: readonly TraceRecord[];
  readonly lake: readonly TraceRecord[];
}

/** The counts that a path without a mistake records. */
export function historyOf(plan: HistoryPlan): History {
  const history = {
    commits: [] as TraceRecord[],
    upstream: [] as TraceRecord[],
    source: [] as TraceRecord[],
    lake: [] as TraceRecord[],
  };
  let rows = plan.snapshot === null ? 100 : 0;
  let transactions = 10;
  let earlier: readonly Change[] = [];
  for (const [i, commit] of plan.commits.entries()) {
    const isFirst = i === 0 && plan.snapshot !== null;
    const committedAtMs = Date.UTC(2026, 10, 21, 10, 0, i * 30);
    const from = transactions;
    // A change needs a transaction to be in, and a snapshot takes its time.
    const least = commit.changes.length > 0 || isFirst ? 1 : 0;
    transactions += Math.max(least, commit.transactions);
    const at = { from, to: transactions, isFirst, committedAtMs };
    const snapshot = i === 0 ? (plan.snapshot ?? []) : [];
    // What Kafka transactions hold a commit reads only when it moves.
    const isStill = transactions === from && plan.channel === "kafka";
    const repeated = isStill ? [] : earlier.slice(0, commit.repeated);
    const read = [...commit.changes, ...repeated];
    const upstream = upstreamCounts(read, plan.channel);
    const inCommit = commitCounts(commit.changes, { snapshot, repeated, rowsBefore: rows });
    rows = inCommit.rowsAfter;
    const own = [...countsOf("capture", snapshot), ...countsOf("consume", read), ...inCommit.counts];
    history.commits.push(
      recordOf(instantOf(committedAtMs), at, plan.channel === "kafka" ? own : [...upstream, ...own]),
    );
    if (plan.channel === "kafka") history.upstream.push(...kafkaRecords(commit, at, upstream));
    history.source.push(recordOf("arm", at, countsOf("source", commit.changes)));
    history.lake.push(
      recordOf(instantOf(committedAtMs), at, [
        count("lake", "upserted", inCommit.upserted),
        rowsCount("lake", "rows_after", rows),
      ]),
    );
    if (commit.changes.length > 0) earlier = commit.changes;
  }
  return history;
}

interface At {
  readonly from: number;
  readonly to: number;
  readonly isFirst: boolean;
  readonly committedAtMs: number;
}

const positionOf = (transactions: number): string => `${UUID}:1-${transactions}`;

const recordOf = (commit: string, at: At, counts: readonly HopCount[]): TraceRecord => ({
  source: "src",
  table: ORDERS,
  commit,
  committedAtMs: at.committedAtMs,
  fromGtids: at.isFirst ? "" : positionOf(at.from),
  toGtids: positionOf(at.to),
  snapshotGtids: at.isFirst ? positionOf(at.from) : null,
  counts: orderedCounts(counts),
});

const count = (hop: Hop, countClass: CountClass, changes: readonly Change[], minute = 0): HopCount => ({
  hop,
  class: countClass,
  minute,
  rows: changes.length,
  ids: {
    sum: BigInt.asUintN(
      64,
      changes.reduce((sum, change) => sum + change.id, 0n),
    ),
    xor: changes.reduce((xor, change) => xor ^ change.id, 0n),
  },
  content:
    hop === "commit" || hop === "lake" || hop === "apply"
      ? null
      : {
          sum: BigInt.asUintN(
            64,
            changes.reduce((sum, change) => sum + change.content, 0n),
          ),
          xor: changes.reduce((xor, change) => xor ^ change.content, 0n),
        },
});

const rowsCount = (hop: Hop, countClass: CountClass, rows: number): HopCount => ({
  ...{ hop, class: countClass, minute: 0, rows, ids: EMPTY_DIGEST, content: null },
});

/** By operation and minute. */
const countsOf = (hop: Hop, changes: readonly Change[]): readonly HopCount[] =>
  changes.map((change) => count(hop, change.op, [change], change.minute));

function upstreamCounts(changes: readonly Change[], channel: HistoryPlan["channel"]): readonly HopCount[] {
  return [...countsOf("capture", changes), ...(channel === "in process" ? [] : countsOf("produce", changes))];
}

/** Kafka transactions end wherever capture liked, and also where the commit ends. */
function kafkaRecords(plan: CommitPlan, at: At, counts: readonly HopCount[]): readonly TraceRecord[] {
  const ends = new Set([at.to]);
  for (let cut = 1; cut <= plan.cuts; cut++) if (at.from + cut < at.to) ends.add(at.from + cut);
  const sorted = [...ends].filter((end) => end > at.from).sort((a, b) => a - b);
  return sorted.map((to, i) => {
    const isFirst = at.isFirst && i === 0;
    const record = recordOf(`k${to}`, { ...at, isFirst, from: sorted[i - 1] ?? at.from, to }, []);
    return { ...record, counts: orderedCounts(counts.filter((_, n) => n % sorted.length === i)) };
  });
}

interface CommitContext {
  readonly snapshot: readonly Change[];
  readonly repeated: readonly Change[];
  readonly rowsBefore: number;
}

function commitCounts(changes: readonly Change[], { snapshot, repeated, rowsBefore }: CommitContext) {
  const all = [...snapshot, ...changes];
  const applied = all.filter(({ fate }) => fate === "applied");
  const upserted = applied.filter(({ op }) => op !== "d");
  const deletes = applied.filter(({ op }) => op === "d");
  // In a table that begins, every key is new; elsewhere what the operation says.
  const begins = rowsBefore === 0;
  const inserted = begins ? upserted.length : upserted.filter(({ op }) => op === "c").length;
  const deleted = Math.min(deletes.length, rowsBefore);
  const rowsAfter = rowsBefore + inserted - deleted;
  const counts = [
    ...all.map((change) => count("apply", change.fate, [change], change.minute)),
    ...deletes.map((change) => count("apply", "deleted", [change], change.minute)),
    ...changes.map((change) => count("dedup", "new", [change], change.minute)),
    ...repeated.map((change) => count("dedup", "duplicate", [change], change.minute)),
    count("commit", "upserted", upserted),
    rowsCount("commit", "inserted", inserted),
    rowsCount("commit", "updated", upserted.length - inserted),
    rowsCount("commit", "deleted", deleted),
    rowsCount("commit", "rows_before", rowsBefore),
    rowsCount("commit", "rows_after", rowsAfter),
  ];
  return { counts, rowsAfter, upserted };
}

/** What `reconcileTable` takes. */
export function inputOf(history: History): TableInput {
  return {
    table: ORDERS,
    records: [...history.upstream, ...history.commits],
    source: { state: "available", records: history.source },
    lake: { state: "available", records: history.lake },
  };
}
