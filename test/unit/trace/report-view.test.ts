import { expect, test } from "vitest";
import { reportJson } from "../../../src/trace/report-json.ts";
import { renderReport } from "../../../src/trace/report-view.ts";
import { buildReport, reportExitCode, type Report } from "../../../src/trace/report.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { textWidth } from "../../../src/util/text-width.ts";
import { sampleReport, sampleTable } from "../../support/sample-report.ts";

const FACTS = {
  source: "db:3306",
  atMs: Date.UTC(2026, 10, 21, 10, 5),
  sinceMs: null,
  windowMs: null,
  queuedCommits: 0,
};
const NOTHING = {
  atGtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-400",
  keys: [],
  keysDiffering: 0,
  note: null,
};
const rendered = (report: Report, width: number): string =>
  renderReport(report, { width, paint: plainPaint });

const AT_80 = `missing: shop.order_item_with_a_long_name at consume, 2026-11-21 09:59–10:00
UTC; 1 of 4 tables match
not compared with the source arm: the binlog is purged up to binlog.000017
2 commits wait for the trace store and are not in this report

table               window (UTC)            verdict  capture  consume    rows
shop.order_item_w…  2026-11-21 09:59–10:00  missing    3,300    3,299  10,478
shop.order_item_w…  2026-11-21 09:58–09:59  match     12,040   12,040   9,488
shop.order_item_w…  2026-11-21 10:01        match          7        7  10,480
shop.coupon         2026-11-21 09:59        match          3        3     102
shop.customer       2026-11-21 09:58–09:59  match      1,204    1,204   1,429
shop.customer       2026-11-21 10:01        match         30       30   1,438

shop.order_item_with_a_long_name  missing
  at consume, 2026-11-21 09:59–10:00 UTC, commit 20261121100030000: missing
    every captured change arrived behind the channel
    capture 1,419 creates + 1,421 updates + 472 deletes = 3,312  ≠  consume
    1,419 creates + 1,420 updates + 472 deletes = 3,311
    1 missing

shop.coupon  different
  content compared row by row: different, 12,345 rows in MySQL, 12,345 in the
  lake, 3 keys differ
    different  [17]
    missing    [18]
    extra      [19]

shop.refund  inconclusive
  no commit of this table is recorded and settled in this time

next: \`tallylake report --deep --table 'shop.order_item_with_a_long_name'\`
`;

const AT_140 = `missing: shop.order_item_with_a_long_name at consume, 2026-11-21 09:59–10:00 UTC; 1 of 4 tables match
not compared with the source arm: the binlog is purged up to binlog.000017
2 commits wait for the trace store and are not in this report

table                             window (UTC)            verdict  read  capture  consume  duplicate  applied  written   lake    rows
shop.order_item_with_a_long_name  2026-11-21 09:59–10:00  missing     –    3,300    3,299         12    2,970    2,546  2,546  10,478
shop.order_item_with_a_long_name  2026-11-21 09:58–09:59  match     200   12,040   12,040          –   11,036    9,488  9,488   9,488
shop.order_item_with_a_long_name  2026-11-21 10:01        match       –        7        7          –        7        6      6  10,480
shop.coupon                       2026-11-21 09:59        match       –        3        3          –        3        3      3     102
shop.customer                     2026-11-21 09:58–09:59  match     500    1,204    1,204         12    1,584    1,429  1,429   1,429
shop.customer                     2026-11-21 10:01        match       –       30       30          –       27       23     23   1,438

shop.order_item_with_a_long_name  missing
  at consume, 2026-11-21 09:59–10:00 UTC, commit 20261121100030000: missing
    every captured change arrived behind the channel
    capture 1,419 creates + 1,421 updates + 472 deletes = 3,312  ≠  consume 1,419 creates + 1,420 updates + 472 deletes = 3,311
    1 missing

shop.coupon  different
  content compared row by row: different, 12,345 rows in MySQL, 12,345 in the lake, 3 keys differ
    different  [17]
    missing    [18]
    extra      [19]

shop.refund  inconclusive
  no commit of this table is recorded and settled in this time

next: \`tallylake report --deep --table 'shop.order_item_with_a_long_name'\`
`;

test("the worst table first, with its numbers and the next command, at 80 and 140 columns", () => {
  const report = sampleReport();
  expect(rendered(report, 80)).toBe(AT_80);
  expect(rendered(report, 140)).toBe(AT_140);
  expect(reportExitCode(report)).toBe(1);
});

test("no line is wider than the terminal, whatever the width", () => {
  const report = sampleReport();
  for (let width = 60; width <= 160; width += 5) {
    for (const line of rendered(report, width).split("\n")) {
      // The command to copy stays in one piece.
      if (!line.startsWith("next: ")) expect(textWidth(line)).toBeLessThanOrEqual(width);
    }
  }
});

test("a match says up to when it is exact", () => {
  const report = buildReport({ ...FACTS, tables: [{ ...sampleTable("coupon", [3]), deep: null }] });
  expect(rendered(report, 100)).toBe(`match: exact up to 2026-11-21 10:00:00 UTC, 1 of 1 table
not compared with the source arm: the binlog is purged up to binlog.000017

table        window (UTC)      verdict  commits  capture  consume  applied  written  lake  rows
shop.coupon  2026-11-21 09:59  match          1        3        3        3        3     3   102

next: \`tallylake report --deep\`
`);
  expect(reportExitCode(report)).toBe(0);
});

test("compared content that is the same says how much it was", () => {
  const deep = { ...NOTHING, verdict: "match", rowsSource: 1_200, rowsLake: 1_200 } as const;
  const coupon = { ...sampleTable("coupon", [3]), deep };
  const orders = { ...sampleTable("orders", [5]), deep: { ...deep, rowsSource: 300, rowsLake: 300 } };
  const linesOf = (report: Report): readonly string[] => rendered(report, 100).split("\n").slice(0, 3);
  expect(linesOf(buildReport({ ...FACTS, tables: [coupon, orders] }))).toEqual([
    "match: exact up to 2026-11-21 10:00:00 UTC, 2 of 2 tables",
    "content compared: 1,500 rows of 2 tables, the same in MySQL and the lake",
    "not compared with the source arm: the binlog is purged up to binlog.000017",
  ]);
  const changing = { ...orders, deep: { ...deep, verdict: "inconclusive", note: "it changed" } as const };
  expect(linesOf(buildReport({ ...FACTS, tables: [coupon, changing] }))[1]).toBe(
    "content compared: 1,200 rows of 1 of 2 tables, the same in MySQL and the lake",
  );
});

test("what is not settled is open, and decides nothing", () => {
  const table = sampleTable("coupon", [3]);
  const open = table.windows.map((window) => ({
    ...window,
    isSettled: false,
    verdict: "inconclusive" as const,
  }));
  const both = { ...table, windows: [...table.windows, ...open], deep: null };
  const report = buildReport({ ...FACTS, tables: [both] });
  expect(report.verdict).toBe("match");
  expect(rendered(report, 100).split("\n").slice(3, 6)).toEqual([
    "table        window (UTC)      verdict  commits  capture  consume  applied  written  lake  rows",
    "shop.coupon  2026-11-21 09:59  match          1        3        3        3        3     3   102",
    "shop.coupon  2026-11-21 09:59  open           1        3        3        3        3     3   102",
  ]);
});

test("nothing to compare is inconclusive", () => {
  const none = buildReport({ ...FACTS, tables: [] });
  expect(rendered(none, 80)).toBe("inconclusive: no tables to compare\n\nnext: `tallylake status`\n");
  expect(reportExitCode(none)).toBe(2);
  const empty = buildReport({ ...FACTS, tables: [{ ...sampleTable("coupon", []), deep: null }] });
  expect(rendered(empty, 80)).toBe(`inconclusive: shop.coupon: nothing settled to compare; 0 of 1 table match

shop.coupon  inconclusive
  no commit of this table is recorded and settled in this time

next: \`tallylake status\`
`);
});

test("names of the source cannot disturb the terminal", () => {
  const { windows, ...table } = sampleTable("a\u001b[31m\nb", [3]);
  const report = buildReport({ ...FACTS, tables: [{ ...table, windows, deep: null }] });
  expect(rendered(report, 120)).toContain("shop.a\\u001b[31m\\u000ab  2026-11-21");
});

test("JSON has everything, under names that stay", () => {
  const whole = sampleReport();
  const [worst] = whole.tables;
  const text = reportJson({ ...whole, tables: worst === undefined ? [] : [worst] });
  expect(text.trim()).not.toContain("\n");
  const [window] =
    (JSON.parse(text) as { tables: { windows: Record<string, unknown[]>[] }[] }).tables[0]?.windows.slice(
      1,
      2,
    ) ?? [];
  const { counts = [], equations = [], ...rest } = window ?? {};
  expect({ ...(JSON.parse(text) as object), tables: [] }).toEqual({
    version: 1,
    verdict: "missing",
    exitCode: 1,
    source: "db:3306",
    atMs: 1795255500000,
    sinceMs: null,
    windowMs: 60_000,
    queuedCommits: 2,
    tables: [],
  });
  expect({ ...(JSON.parse(text) as { tables: object[] }).tables[0], windows: [] }).toEqual({
    database: "shop",
    table: "order_item_with_a_long_name",
    verdict: "missing",
    settledThrough: {
      commit: "20261121100100000",
      committedAtMs: 1795255260000,
      gtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-15357",
    },
    windows: [],
    deep: null,
  });
  expect(rest).toEqual({
    verdict: "missing",
    settled: true,
    firstMinute: 29920919,
    lastMinute: 29920920,
    fromGtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-12050",
    toGtids: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-15350",
    commits: 1,
    firstCommit: "20261121100030000",
    lastCommit: "20261121100030000",
    findings: [
      {
        commit: "20261121100030000",
        equation: "capture = consume",
        hop: "consume",
        verdict: "missing",
        differs: "rows",
        left: {
          rows: 3_312,
          terms: [
            { hop: "capture", class: "c", rows: 1_419, sign: 1 },
            { hop: "capture", class: "u", rows: 1_421, sign: 1 },
            { hop: "capture", class: "d", rows: 472, sign: 1 },
          ],
        },
        right: {
          rows: 3_311,
          terms: [
            { hop: "consume", class: "c", rows: 1_419, sign: 1 },
            { hop: "consume", class: "u", rows: 1_420, sign: 1 },
            { hop: "consume", class: "d", rows: 472, sign: 1 },
          ],
        },
        note: null,
      },
    ],
  });
  expect(equations.slice(0, 3)).toEqual([
    { name: "positions join", verdict: "match", checked: 1, unchecked: 0, reasons: [] },
    {
      name: "source = capture",
      verdict: "unchecked",
      checked: 0,
      unchecked: 1,
      reasons: ["the binlog is purged up to binlog.000017"],
    },
    { name: "capture = consume", verdict: "missing", checked: 1, unchecked: 0, reasons: [] },
  ]);
  expect(counts[0]).toEqual({
    hop: "capture",
    class: "c",
    rows: 1_419,
    ids: {
      sum: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      xor: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    },
    content: {
      sum: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      xor: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    },
  });
});
