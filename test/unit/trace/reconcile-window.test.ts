import { describe, expect, test } from "vitest";
import { alignIntervals, joinPositions } from "../../../src/trace/position-join.ts";
import { reconcileTable, type Arm, type TableInput } from "../../../src/trace/reconcile.ts";
import { EMPTY_DIGEST } from "../../../src/types/digest.ts";
import type { HopCount } from "../../../src/types/hop-count.ts";
import type { TraceRecord } from "../../../src/types/ports.ts";
import { historyOf, inputOf, type Change, type HistoryPlan } from "../../support/count-history.ts";
import { ORDERS, UUID } from "../../support/trace-record.ts";

const MINUTE = 29_920_000;
const NOT_ASKED: Arm = { state: "unavailable", reason: "not asked" };

const change = (minute: number, id = 7n): Change => ({
  ...{ id, content: id, op: "c", minute, fate: "applied" },
});
/** A history with a commit for each list of minutes, one change in each. */
const plan = (minutes: readonly (readonly number[])[], channel: HistoryPlan["channel"] = "in process") =>
  ({
    channel,
    snapshot: null,
    commits: minutes.map((list) => ({
      changes: list.map((minute) => change(MINUTE + minute, BigInt(minute) + 100n)),
      ...{ repeated: 0, transactions: 4, cuts: 1 },
    })),
  }) satisfies HistoryPlan;

const shape = (input: TableInput, windowMs: number | null) =>
  reconcileTable(input, { windowMs }).windows.map((w) => [
    w.firstMinute === null ? null : w.firstMinute - MINUTE,
    w.lastMinute === null ? null : w.lastMinute - MINUTE,
    w.commits,
    w.isSettled ? w.verdict : "open",
  ]);

describe("windows", () => {
  test("neighbours that end in the same stretch share one; commits without changes stay with them", () => {
    const input = inputOf(historyOf(plan([[0], [1, 2], [], [3], [5], [5, 6]])));
    expect(shape(input, null)).toEqual([[0, 6, 6, "match"]]);
    expect(shape(input, 60_000)).toEqual([
      [0, 0, 1, "match"],
      [1, 2, 2, "match"],
      [3, 3, 1, "match"],
      [5, 5, 1, "match"],
      [5, 6, 1, "match"],
    ]);
    expect(shape(input, 240_000)).toEqual([
      [0, 3, 4, "match"],
      [5, 6, 2, "match"],
    ]);
  });

  test("a table without commits is inconclusive", () => {
    const none = { table: ORDERS, records: [], source: NOT_ASKED, lake: NOT_ASKED };
    expect(reconcileTable(none, { windowMs: null })).toEqual({
      table: ORDERS,
      verdict: "inconclusive",
      windows: [],
      settledThrough: null,
    });
  });

  test("the rows of a window are those before its first and after its last commit", () => {
    const input = inputOf(historyOf(plan([[0], [0], [0, 0]])));
    const [window] = reconcileTable(input, { windowMs: null }).windows;
    const rows = window?.counts
      .filter((count) => count.hop === "commit" && count.class.startsWith("rows_"))
      .map((count) => [count.class, count.totals.rows]);
    expect(rows).toEqual([
      ["rows_before", 100],
      ["rows_after", 104],
    ]);
  });
});

describe("settling", () => {
  const history = historyOf(plan([[0], [1], [2]], "kafka"));

  test("what capture has not recorded yet is open", () => {
    const behind = { ...history, upstream: history.upstream.slice(0, 3) };
    expect(shape(inputOf(behind), null)).toEqual([
      [0, 0, 1, "match"],
      [1, 2, 2, "open"],
    ]);
  });

  test("what is captured and in no commit is open", () => {
    const behind = { ...history, commits: history.commits.slice(0, 2), lake: history.lake.slice(0, 2) };
    const result = reconcileTable(inputOf(behind), { windowMs: null });
    expect(result.windows.map(({ isSettled, commits }) => [isSettled, commits])).toEqual([
      [true, 2],
      [false, 2],
    ]);
    expect(result.verdict).toBe("match");
    expect(result.settledThrough?.lastCommit).toBe(history.commits[1]?.commit);
  });

  test("what capture has passed without recording it is missing", () => {
    const gap = { ...history, upstream: history.upstream.filter((_, i) => i !== 2) };
    const result = reconcileTable(inputOf(gap), { windowMs: null });
    expect(result.verdict).toBe("missing");
    expect(result.windows.flatMap((window) => window.findings)).toEqual([
      {
        commit: history.commits[1]?.commit,
        result: {
          name: "positions join",
          hop: "capture",
          verdict: "missing",
          differs: null,
          left: null,
          right: null,
          note: "no records of capture cover just the positions of this commit",
        },
      },
    ]);
  });
});

describe("arms", () => {
  const history = historyOf(plan([[0], [1], [2], [3]]));
  const [first, second, third] = history.source;
  const merged = (a: TraceRecord | undefined, b: TraceRecord | undefined): TraceRecord => {
    if (a === undefined || b === undefined) throw new Error("the history is too short");
    return { ...a, toGtids: b.toGtids, counts: [...a.counts, ...b.counts] };
  };
  const summary = (input: TableInput) =>
    reconcileTable(input, { windowMs: null }).windows.flatMap(({ verdict, equations }) =>
      equations
        .filter(({ name }) => name === "source = capture")
        .map((s) => [verdict, s.checked, s.unchecked]),
    );

  test("the source may be counted over several commits at once", () => {
    const records = [merged(second, third)];
    expect(summary({ ...inputOf(history), source: { state: "available", records } })).toEqual([
      ["match", 1, 2],
    ]);
    const wrong = [merged(second, { ...merged(third, third), counts: [] })];
    expect(summary({ ...inputOf(history), source: { state: "available", records: wrong } })).toEqual([
      ["extra", 1, 2],
    ]);
  });

  test("an interval that begins or ends inside a commit is not compared", () => {
    const toGtids = `${UUID}:1-12`;
    const records = first === undefined ? [] : [{ ...first, toGtids }];
    expect(summary({ ...inputOf(history), source: { state: "available", records } })).toEqual([
      ["match", 0, 4],
    ]);
  });

  test("a commit whose files are gone is unchecked, the others are compared", () => {
    const input = inputOf({ ...history, lake: history.lake.slice(2) });
    const [window] = reconcileTable(input, { windowMs: null }).windows;
    expect(window?.equations.find(({ name }) => name === "commit = lake")).toEqual({
      name: "commit = lake",
      verdict: "match",
      checked: 2,
      unchecked: 2,
      reasons: ["the files of this commit were not read, or are cleaned away"],
    });
  });
});

describe("equations of special commits", () => {
  const history = historyOf(plan([[0], [1]]));
  const judged = (commits: readonly TraceRecord[]) =>
    reconcileTable({ ...inputOf(history), records: commits, lake: NOT_ASKED }, { windowMs: null });
  const edit = (i: number, change: (record: TraceRecord) => TraceRecord): readonly TraceRecord[] =>
    history.commits.map((record, n) => (n === i ? change(record) : record));

  test("a commit that does not say how many rows there were is inconclusive", () => {
    const result = judged(
      edit(1, (r) => ({ ...r, counts: r.counts.filter((c) => c.class !== "rows_after") })),
    );
    expect(result.verdict).toBe("inconclusive");
    expect(result.windows[0]?.findings[0]?.result).toMatchObject({
      name: "rows join",
      note: "the commit does not say how many rows the table had",
    });
  });

  test("a table that is made anew begins empty, whatever went before", () => {
    const rows = (n: number): HopCount => ({
      ...{ hop: "commit", class: "rows_before", minute: 0, rows: n, ids: EMPTY_DIGEST, content: null },
    });
    const anew = (before: number): readonly TraceRecord[] =>
      edit(1, (r) => ({
        ...r,
        fromGtids: "",
        counts: [
          ...r.counts.filter((c) => !c.class.startsWith("rows_")),
          rows(before),
          { ...rows(before + 1), class: "rows_after" },
        ],
      }));
    expect(judged(anew(0)).verdict).toBe("match");
    expect(judged(anew(101)).windows[0]?.findings[0]?.result).toMatchObject({
      name: "rows join",
      verdict: "extra",
    });
  });

  test("an operation that is counted as another one is different", () => {
    const result = judged(
      edit(1, (r) => ({
        ...r,
        counts: r.counts.map((c) => (c.hop === "consume" ? { ...c, class: "u" as const } : c)),
      })),
    );
    expect(result.windows[0]?.findings[0]?.result).toMatchObject({
      name: "capture = consume",
      verdict: "different",
      differs: "operations",
    });
  });
});

describe("positions", () => {
  const range = (from: number, to: number) => ({
    fromGtids: `${UUID}:1-${from}`,
    toGtids: `${UUID}:1-${to}`,
  });

  test("texts that are written differently are the same position", () => {
    expect(joinPositions(`${UUID.toUpperCase()}:1-3:4-9`, `${UUID}:1-9`)).toEqual({
      verdict: "match",
      note: null,
    });
    expect(joinPositions(`${UUID}:1-3:5`, `${UUID}:1-4`)).toEqual({
      verdict: "different",
      note: `1 transaction is in no commit: ${UUID}:4; in two: ${UUID}:5`,
    });
    expect(joinPositions("binlog.000001:4", "binlog.000001:9")).toEqual({
      verdict: "missing",
      note: "the commit before ended at binlog.000001:4, this one begins at binlog.000001:9",
    });
  });

  test("lists are cut where both have an end", () => {
    const run = (aFrom: number, aTo: number, bFrom: number, bTo: number) => ({
      a: { from: aFrom, to: aTo },
      b: { from: bFrom, to: bTo },
    });
    const a = [range(1, 3), range(3, 5), range(5, 5), range(5, 9)];
    expect(alignIntervals(a, a)).toEqual([
      run(0, 1, 0, 1),
      run(1, 2, 1, 2),
      run(2, 3, 2, 3),
      run(3, 4, 3, 4),
    ]);
    expect(alignIntervals(a, [range(1, 2), range(2, 3), range(3, 9)])).toEqual([
      run(0, 1, 0, 2),
      run(1, 4, 2, 3),
    ]);
    expect(alignIntervals(a, [range(1, 4), range(4, 9)])).toEqual([run(0, 4, 0, 2)]);
    expect(alignIntervals(a, [range(1, 4), range(5, 9)])).toEqual([run(2, 4, 1, 2)]);
    expect(alignIntervals(a, [])).toEqual([]);
  });
});
