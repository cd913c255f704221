import { reconcileTable } from "../../src/trace/reconcile.ts";
import { buildReport, type DeepResult, type Report } from "../../src/trace/report.ts";
import type { TableResult } from "../../src/trace/reconcile-result.ts";
import type { TraceRecord } from "../../src/types/ports.ts";
import { historyOf, inputOf, type Change, type HistoryPlan } from "./count-history.ts";

const FIRST_MINUTE = Date.UTC(2026, 10, 21, 9, 58) / 60_000;

/** Changes whose ids follow each other; every tenth is superseded, every seventh a delete. */
function changes(count: number, minute: number, fate?: Change["fate"]): readonly Change[] {
  return Array.from({ length: count }, (_, i): Change => {
    const id = BigInt(minute) * 1_000_000n + BigInt(i);
    const op = i % 7 === 6 ? "d" : i % 2 === 0 ? "c" : "u";
    return { id, content: id * 31n, op, minute, fate: fate ?? (i % 10 === 9 ? "superseded" : "applied") };
  });
}

const plan = (counts: readonly number[], snapshot: number | null): HistoryPlan => ({
  channel: "in process",
  snapshot:
    snapshot === null
      ? null
      : changes(snapshot, FIRST_MINUTE).map((row) => ({ ...row, op: "r", fate: "applied" })),
  commits: counts.map((count, i) => ({
    changes: changes(count, FIRST_MINUTE + i + 1),
    repeated: i === 1 ? 12 : 0,
    transactions: count,
    cuts: 0,
  })),
});

function table(
  name: string,
  history: HistoryPlan,
  change?: (record: TraceRecord) => TraceRecord,
): TableResult {
  const input = inputOf(historyOf(history));
  const records = change === undefined ? input.records : input.records.map(change);
  const source = { state: "unavailable", reason: "the binlog is purged up to binlog.000017" } as const;
  return reconcileTable(
    { ...input, table: { database: "shop", table: name }, records, source },
    { windowMs: 60_000 },
  );
}

const loseOne =
  (commit: string) =>
  (record: TraceRecord): TraceRecord =>
    record.commit !== commit
      ? record
      : {
          ...record,
          counts: record.counts.map((count) =>
            count.hop === "consume" && count.class === "u" && count.rows > 100
              ? { ...count, rows: count.rows - 1, ids: { sum: count.ids.sum - 1n, xor: count.ids.xor ^ 1n } }
              : count,
          ),
        };

const deep: DeepResult = {
  verdict: "different",
  rowsSource: 12_345,
  rowsLake: 12_345,
  atGtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-400",
  keys: [
    { key: "[17]", kind: "different" },
    { key: "[18]", kind: "missing" },
    { key: "[19]", kind: "extra" },
  ],
  keysDiffering: 3,
  note: null,
};

export const sampleReport = (): Report =>
  buildReport({
    source: "db:3306",
    atMs: Date.UTC(2026, 10, 21, 10, 5),
    sinceMs: null,
    windowMs: 60_000,
    queuedCommits: 2,
    tables: [
      { ...table("customer", plan([1204, 0, 30], 500)), deep: null },
      {
        ...table("order_item_with_a_long_name", plan([12_040, 3_300, 7], 200), loseOne("20261121100030000")),
        deep: null,
      },
      { ...table("coupon", plan([3], null)), deep },
      { ...table("refund", { ...plan([], null) }), deep: null },
    ],
  });

/** A table of the sample whose commits have so many changes. */
export const sampleTable = (name: string, counts: readonly number[]): TableResult =>
  table(name, plan(counts, null));
