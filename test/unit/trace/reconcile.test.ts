import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMismatch, type EquationName, type Verdict } from "../../../src/trace/equation.ts";
import { reconcileTable, type TableInput } from "../../../src/trace/reconcile.ts";
import type { CountClass, Hop, HopCount } from "../../../src/types/hop-count.ts";
import type { TraceRecord } from "../../../src/types/ports.ts";
import { historyOf, historyPlan, inputOf, type History } from "../../support/count-history.ts";
import { UUID } from "../../support/trace-record.ts";

const ONE = { windowMs: null };
const MASK = (1n << 64n) - 1n;

/** The verdict, and the first equation that does not hold. */
function judge(input: TableInput): { verdict: Verdict; equation: EquationName | null } {
  const result = reconcileTable(input, ONE);
  const finding = result.windows.flatMap((window) => window.findings)[0];
  return { verdict: result.verdict, equation: finding?.result.name ?? null };
}

type Change = (count: HopCount) => HopCount;

const EVENT = 0x1234_5678_9abc_def1n;
const BYTES = 0x0fed_cba9_8765_4321n;

/** One change less, more, or another one in its place; bytes alone. */
const drop: Change = (count) => ({
  ...count,
  rows: count.rows - 1,
  ids: { sum: (count.ids.sum - EVENT) & MASK, xor: count.ids.xor ^ EVENT },
});
const double: Change = (count) => ({
  ...count,
  rows: count.rows + 1,
  ids: { sum: (count.ids.sum + EVENT) & MASK, xor: count.ids.xor ^ EVENT },
});
const swap: Change = (count) => ({
  ...count,
  ids: { sum: (count.ids.sum + EVENT) & MASK, xor: count.ids.xor },
});
const bytes: Change = (count) => ({
  ...count,
  content:
    count.content === null
      ? null
      : { sum: (count.content.sum + BYTES) & MASK, xor: count.content.xor ^ BYTES },
});

/** Changes the first count of the hop (and class) in the first record that has one. */
function at(history: History, hop: Hop, change: Change, countClass?: CountClass): History | null {
  const done = new Set<Hop>();
  const first = (records: readonly TraceRecord[]): readonly TraceRecord[] =>
    records.map((record) => {
      const i = record.counts.findIndex(
        (count) =>
          count.hop === hop && count.rows > 0 && (countClass === undefined || count.class === countClass),
      );
      const count = record.counts[i];
      if (done.size > 0 || count === undefined) return record;
      done.add(hop);
      return { ...record, counts: record.counts.with(i, change(count)) };
    });
  const changed = {
    source: first(history.source),
    upstream: first(history.upstream),
    commits: first(history.commits),
    lake: first(history.lake),
  };
  return done.size > 0 ? changed : null;
}

/** Runs the property where the mutation applies; checks that it does so often enough. */
function always(
  mutate: (history: History) => History | null,
  check: (input: TableInput, channel: "in process" | "produce" | "kafka") => void,
): void {
  let applied = 0;
  fc.assert(
    fc.property(historyPlan, (plan) => {
      const history = mutate(historyOf(plan));
      if (history === null) return;
      applied++;
      check(inputOf(history), plan.channel);
    }),
    { numRuns: 60 },
  );
  expect(applied).toBeGreaterThan(8);
}

test("a path without a mistake matches, however it is cut into windows and arms", () => {
  const unavailable = { state: "unavailable", reason: "not asked" } as const;
  fc.assert(
    fc.property(
      historyPlan,
      fc.constantFrom(null, 60_000, 120_000),
      fc.boolean(),
      fc.boolean(),
      (plan, windowMs, hasSource, hasLake) => {
        const input = inputOf(historyOf(plan));
        const result = reconcileTable(
          {
            ...input,
            records: [...input.records].reverse(),
            source: hasSource ? input.source : unavailable,
            lake: hasLake ? input.lake : unavailable,
          },
          { windowMs },
        );
        const windows = result.windows.map(({ verdict, isSettled, findings }) => ({
          verdict,
          isSettled,
          findings,
        }));
        expect(windows).toEqual(windows.map(() => ({ verdict: "match", isSettled: true, findings: [] })));
        expect(result.verdict).toBe("match");
        const commits = result.windows.reduce((sum, window) => sum + window.commits, 0);
        expect(commits).toBe(plan.commits.length);
      },
    ),
  );
});

describe("a mistake at one hop is named there", () => {
  const first = (channel: string): EquationName =>
    channel === "in process" ? "capture = consume" : "capture = produce";
  const last = (channel: string): EquationName =>
    channel === "in process" ? "capture = consume" : "produce = consume";
  const cases: readonly [
    what: string,
    mutate: (history: History) => History | null,
    verdict: Verdict,
    equation: EquationName | ((channel: string) => EquationName),
  ][] = [
    ["capture loses one", (h) => at(h, "capture", drop, "c"), "missing", "source = capture"],
    ["capture has one twice", (h) => at(h, "capture", double, "u"), "extra", "source = capture"],
    ["capture has another one", (h) => at(h, "capture", swap, "d"), "different", "source = capture"],
    ["capture has other bytes", (h) => at(h, "capture", bytes, "c"), "different", "source = capture"],
    ["the source has one more", (h) => at(h, "source", double), "missing", "source = capture"],
    ["produce loses one", (h) => at(h, "produce", drop), "missing", "capture = produce"],
    ["produce has other bytes", (h) => at(h, "produce", bytes), "different", "capture = produce"],
    ["consume loses one", (h) => at(h, "consume", drop), "missing", last],
    ["consume has one twice", (h) => at(h, "consume", double), "extra", last],
    ["consume loses one and has one twice", (h) => at(h, "consume", swap), "different", last],
    ["consume has other bytes", (h) => at(h, "consume", bytes), "different", last],
    ["dedup loses one", (h) => at(h, "dedup", drop, "new"), "missing", "consume = dedup"],
    ["dedup invents a duplicate", (h) => at(h, "dedup", double, "duplicate"), "missing", "source = capture"],
    ["the batch loses one", (h) => at(h, "apply", drop, "superseded"), "missing", "dedup = apply"],
    ["the batch has one twice", (h) => at(h, "apply", double, "superseded"), "extra", "dedup = apply"],
    ["the merge loses one", (h) => at(h, "commit", drop, "upserted"), "missing", "apply = commit"],
    ["the merge writes another one", (h) => at(h, "commit", swap, "upserted"), "different", "apply = commit"],
    ["a delete is lost", (h) => at(h, "apply", drop, "deleted"), "missing", "apply = commit"],
    [
      "an insert is not counted",
      (h) => at(h, "commit", drop, "inserted"),
      "missing",
      "commit = rows written",
    ],
    ["the files lack one", (h) => at(h, "lake", drop, "upserted"), "missing", "commit = lake"],
    ["the files have another one", (h) => at(h, "lake", swap, "upserted"), "different", "commit = lake"],
    ["the table has a row more", (h) => at(h, "lake", double, "rows_after"), "extra", "rows = lake"],
    ["the table loses a row", (h) => at(h, "commit", drop, "rows_after"), "missing", "rows add up"],
  ];
  test.each(cases)("%s", (_what, mutate, verdict, equation) => {
    always(mutate, (input, channel) => {
      const name = typeof equation === "string" ? equation : equation(channel);
      expect(judge(input)).toEqual({ verdict, equation: name });
    });
  });

  test("without the source arm a loss in capture shows at the next hop", () => {
    always(
      (history) => at(history, "capture", drop, "c"),
      (input, channel) => {
        const blind = { ...input, source: { state: "unavailable", reason: "purged" } } as const;
        expect(judge(blind)).toEqual({ verdict: "extra", equation: first(channel) });
      },
    );
  });

  test("a change that is called a duplicate and is none is missed at the source", () => {
    const calledDuplicate = (history: History): History | null => {
      const commits = history.commits.map((record): TraceRecord | null => {
        const i = record.counts.findIndex(
          ({ hop, class: c, rows }) => hop === "dedup" && c === "new" && rows > 0,
        );
        const fates: readonly CountClass[] = ["superseded", "filtered", "rolled_back"];
        const j = record.counts.findIndex(({ hop, class: c }) => hop === "apply" && fates.includes(c));
        const [fresh, fate] = [record.counts[i], record.counts[j]];
        if (fresh === undefined || fate === undefined) return null;
        const none = { sum: 0n, xor: 0n };
        const one = double({ ...fresh, class: "duplicate", rows: 0, ids: none, content: none });
        return { ...record, counts: [...record.counts.with(i, drop(fresh)).with(j, drop(fate)), one] };
      });
      const changed = commits.findIndex((record) => record !== null);
      const record = commits[changed];
      if (record === null || record === undefined) return null;
      return { ...history, commits: history.commits.with(changed, record) };
    };
    always(calledDuplicate, (input) => {
      expect(judge(input)).toEqual({ verdict: "missing", equation: "source = capture" });
      const blind = { ...input, source: { state: "unavailable", reason: "purged" } } as const;
      expect(judge(blind).verdict).toBe("match");
    });
  });
});

describe("positions", () => {
  const middle = (history: History): number =>
    history.upstream.length > 0 || history.commits.length < 3 ? -1 : 1;

  test("a commit that is not recorded leaves a gap", () => {
    always(
      (history) => {
        const i = middle(history);
        const [gone] = history.commits.slice(i, i + 1);
        // A commit that did not move leaves no gap in the positions, and nothing that could be missed.
        if (i < 0 || gone?.fromGtids === gone?.toGtids) return null;
        return { ...history, commits: history.commits.toSpliced(i, 1) };
      },
      (input) => expect(judge(input)).toEqual({ verdict: "missing", equation: "positions join" }),
    );
  });

  test("a skipped transaction is named", () => {
    always(
      (history) => {
        const i = middle(history);
        const record = history.commits[i];
        if (record === undefined || record.fromGtids === record.toGtids) return null;
        const next = Number(record.fromGtids.split("-").at(-1)) + 1;
        const fromGtids = `${UUID}:1-${next}`;
        return { ...history, commits: history.commits.with(i, { ...record, fromGtids }) };
      },
      (input) => {
        const result = reconcileTable(input, ONE);
        const finding = result.windows[0]?.findings[0]?.result;
        expect(result.verdict).toBe("missing");
        expect(finding).toMatchObject({ name: "positions join", differs: "positions" });
        expect(finding?.note).toMatch(/^1 transaction is in no commit: 3e11fa47-[-0-9a-f]+:\d+$/);
      },
    );
  });

  test("a transaction in two commits is extra", () => {
    always(
      (history) => {
        const i = middle(history);
        const record = history.commits[i];
        if (record === undefined) return null;
        const fromGtids = `${UUID}:1-${Number(record.fromGtids.split("-").at(-1)) - 1}`;
        return { ...history, commits: history.commits.with(i, { ...record, fromGtids }) };
      },
      (input) => expect(judge(input)).toEqual({ verdict: "extra", equation: "positions join" }),
    );
  });
});

/** Fields that no equation uses: rows without ids, bytes that a hop does not see, and where a count is zero. */
const isFree = ({ hop, class: c, content }: HopCount, field: "ids" | "content"): boolean => {
  if (field === "content") return content === null || c === "r";
  return (
    ["inserted", "updated", "rows_before", "rows_after"].includes(c) || (hop === "commit" && c === "deleted")
  );
};

test("no single wrong number or digest passes", () => {
  let applied = 0;
  fc.assert(
    fc.property(
      historyPlan,
      fc.nat(),
      fc.constantFrom("rows+", "rows-", "sum", "xor", "content"),
      fc.integer({ min: 1, max: 5 }),
      (plan, pick, field, by) => {
        const history = historyOf(plan);
        const lists = ["commits", "upstream", "source", "lake"] as const;
        const places = lists.flatMap((list) =>
          history[list].flatMap((record, i) =>
            record.counts.map((count, j) => ({ list, i, j, record, count })),
          ),
        );
        const place = places[pick % places.length];
        if (place === undefined || place.count.rows === 0) return;
        const { list, i, j, record, count } = place;
        if (field === "content" ? isFree(count, "content") : field.length === 3 && isFree(count, "ids"))
          return;
        const { ids, content, rows } = count;
        const changed: Record<typeof field, HopCount> = {
          "rows+": { ...count, rows: rows + by },
          "rows-": { ...count, rows: Math.max(0, rows - by) },
          sum: { ...count, ids: { ...ids, sum: (ids.sum + BigInt(by)) & MASK } },
          xor: { ...count, ids: { ...ids, xor: ids.xor ^ BigInt(by) } },
          content: { ...count, content: { sum: content?.sum ?? 0n, xor: (content?.xor ?? 0n) ^ BigInt(by) } },
        };
        const wrong = { ...record, counts: record.counts.with(j, changed[field]) };
        const { verdict } = judge(inputOf({ ...history, [list]: history[list].with(i, wrong) }));
        applied++;
        expect(isMismatch(verdict)).toBe(true);
      },
    ),
    { numRuns: 400 },
  );
  expect(applied).toBeGreaterThan(120);
});
