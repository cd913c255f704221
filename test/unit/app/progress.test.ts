import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { displayProgress } from "../../../src/app/progress-display.ts";
import { ProgressTracker } from "../../../src/app/progress-tracker.ts";
import {
  progressFields,
  renderProgress,
  type SnapshotProgress,
  type TableProgress,
} from "../../../src/app/progress.ts";
import { Output, type OutputStream } from "../../../src/app/output.ts";
import { Log } from "../../../src/util/log.ts";
import { textWidth } from "../../../src/util/text-width.ts";
import { CapturedOutput } from "../../support/captured-output.ts";

const table = (name: string, rest: Partial<TableProgress>): TableProgress => ({
  ...{ name, stage: "reading", rows: 0, total: null, chunks: null, rowsPerSec: null },
  ...rest,
});
const estimated = (rows: number) => ({ rows, exact: false });

const STATE: SnapshotProgress = {
  tables: [
    table("shop.customer", { stage: "done", rows: 50_000, total: estimated(48_000) }),
    table("shop.orders", { rows: 1_200_000, total: estimated(3_000_000), rowsPerSec: 200_123.4 }),
    table("shop.order_item_with_a_long_name_from_a_generator", { rows: 10, rowsPerSec: 5 }),
    table("shop.price", { stage: "stopped", rows: 1, total: { rows: 10, exact: true } }),
    table("shop.\u001b[31mred", { stage: "waiting", total: estimated(1234) }),
    table("shop.grown", { rows: 2000, total: estimated(1234), rowsPerSec: 10 }),
    table("shop.日本", { stage: "committing", rows: 9, total: { rows: 9, exact: true }, rowsPerSec: 3 }),
  ],
  rowsPerSec: 412_000,
  elapsedMs: 3040,
};
const known: SnapshotProgress = { ...STATE, tables: STATE.tables.filter(({ total }) => total !== null) };

describe("renderProgress", () => {
  test("at 120 columns", () => {
    expect(renderProgress(STATE, { width: 120 })).toMatchInlineSnapshot(`
      [
        "shop.price                                         █░░░░░░░░░   10%          1 of 10          STOPPED",
        "shop.日本                                          ██████████  100%           9 of 9     3/s  committing",
        "shop.orders                                        ████░░░░░░  ~40%  1.20M of ~3.00M  200k/s  ~9.0s left",
        "shop.order_item_with_a_long_name_from_a_generator                            10 rows     5/s  reading",
        "shop.grown                                                                2,000 rows    10/s  reading",
        "shop.\\u001b[31mred                                 ░░░░░░░░░░   ~0%      0 of ~1,234          waiting",
        "shop.customer                                      ██████████  100%      50,000 rows          done",
        "total                                                                     1.25M rows  412k/s  3.0s so far",
      ]
    `);
  });

  test("at 80 columns the names are cut", () => {
    expect(renderProgress(STATE, { width: 80 })).toMatchInlineSnapshot(`
      [
        "shop.price                █░░░░░░░░░   10%          1 of 10          STOPPED",
        "shop.日本                 ██████████  100%           9 of 9     3/s  committing",
        "shop.orders               ████░░░░░░  ~40%  1.20M of ~3.00M  200k/s  ~9.0s left",
        "shop.order_item_with_a_…                            10 rows     5/s  reading",
        "shop.grown                                       2,000 rows    10/s  reading",
        "shop.\\u001b[31mred        ░░░░░░░░░░   ~0%      0 of ~1,234          waiting",
        "shop.customer             ██████████  100%      50,000 rows          done",
        "total                                            1.25M rows  412k/s  3.0s so far",
      ]
    `);
  });

  test("at 50 columns the bar is left out", () => {
    expect(renderProgress(STATE, { width: 50 })).toMatchInlineSnapshot(`
      [
        "shop.price       10%          1 of 10  STOPPED",
        "shop.日本       100%           9 of 9  committing",
        "shop.orders     ~40%  1.20M of ~3.00M  ~9.0s left",
        "shop.order_it…                10 rows  reading",
        "shop.grown                 2,000 rows  reading",
        "shop.\\u001b[3…   ~0%      0 of ~1,234  waiting",
        "shop.customer   100%      50,000 rows  done",
        "total                      1.25M rows  3.0s so far",
      ]
    `);
  });

  test("with all totals known there is one for all, and lines that do not fit are counted", () => {
    expect(renderProgress(known, { width: 100, linesMax: 6 })).toMatchInlineSnapshot(`
      [
        "shop.price   █░░░░░░░░░   10%          1 of 10          STOPPED",
        "shop.日本    ██████████  100%           9 of 9     3/s  committing",
        "shop.orders  ████░░░░░░  ~40%  1.20M of ~3.00M  200k/s  ~9.0s left",
        "shop.grown                          2,000 rows    10/s  reading",
        "and 2 more: 1 waiting, 1 done",
        "total        ████░░░░░░  ~41%  1.25M of ~3.05M  412k/s  ~4.4s left",
      ]
    `);
  });

  test("without tables, and when all are done", () => {
    expect(renderProgress({ tables: [], rowsPerSec: null, elapsedMs: 0 }, { width: 80 })).toEqual([
      "total  ██████████  100%  0 rows  in 0ms",
    ]);
    const done = { ...STATE, tables: STATE.tables.slice(0, 1), elapsedMs: 65_000 };
    expect(renderProgress(done, { width: 80 })).toEqual([
      "shop.customer  ██████████  100%  50,000 rows  done",
      "total          ██████████  100%  50,000 rows  in 1m05s",
    ]);
  });

  test.each([10, 20, 40, 60, 79, 80, 100, 200])("no line is wider than %i columns", (width) => {
    for (const line of renderProgress(STATE, { width })) expect(textWidth(line)).toBeLessThanOrEqual(width);
  });
});

test("log lines leave out what is not known", () => {
  expect(progressFields(STATE)).toEqual({
    rows: 1_252_020,
    rowsPerSec: 412_000,
    tablesDone: 1,
    tables: 7,
    elapsedSec: 3,
  });
  expect(progressFields(known)).toEqual({
    rows: 1_252_010,
    rowsEstimated: 3_053_253,
    percent: 41,
    rowsPerSec: 412_000,
    etaSec: 4,
    tablesDone: 1,
    tables: 6,
    elapsedSec: 3,
  });
});

test("the tracker counts rows when their chunk is durable, and rates without an earlier run's rows", () => {
  let now = 1000;
  const tracker = new ProgressTracker(() => now);
  tracker.addTable({ name: "a", rows: 500, total: estimated(1000), chunks: { done: 5, total: 10 } });
  tracker.addTable({ name: "b", rows: 0, total: null, chunks: null });
  tracker.setStage("a", "reading");
  now = 3000;
  tracker.addRows("a", 100);
  tracker.setChunks("b", { done: 0, total: 1 });
  tracker.addRows("b", 40);
  expect(tracker.state()).toEqual({
    tables: [
      table("a", { rows: 600, total: estimated(1000), chunks: { done: 6, total: 10 }, rowsPerSec: 50 }),
      table("b", { stage: "waiting", rows: 40, chunks: { done: 1, total: 1 }, rowsPerSec: 20 }),
    ],
    rowsPerSec: 70,
    elapsedMs: 2000,
  });
});

describe("display", () => {
  const timer = () => {
    const calls: (() => void)[] = [];
    const every = (_ms: number, call: () => void) => {
      calls.push(call);
      return () => void calls.splice(calls.indexOf(call), 1);
    };
    return { every, tick: () => calls.forEach((call) => call()), calls };
  };
  const state = (): SnapshotProgress => ({ ...STATE, tables: STATE.tables.slice(0, 1) });

  test("is a log line from time to time where there is no terminal, and one at the end", () => {
    const err = new CapturedOutput();
    const log = new Log({ level: "info", format: "text", write: (line) => err.write(line), now: () => 0 });
    const { every, tick, calls } = timer();
    const stop = displayProgress({ state, err, log, logFormat: "text", every });
    expect(err.text).toBe("");
    tick();
    stop();
    const line =
      "1970-01-01T00:00:00.000Z INFO  snapshot progress rows=50000 rowsTotal=50000 percent=100 rowsPerSec=412000 tablesDone=1 tables=1 elapsedSec=3\n";
    expect(err.text).toBe(line + line);
    expect(calls).toEqual([]);
  });

  test("on a terminal log lines go above the frame", () => {
    const stream = new PassThrough();
    const err = new Output(
      Object.assign(stream, { isTTY: true, columns: 80, rows: 24 }) as OutputStream,
      "stderr",
    );
    const log = new Log({ level: "info", format: "text", write: (line) => err.write(line), now: () => 0 });
    const { every, tick } = timer();
    const stop = displayProgress({ state, err, log, logFormat: "text", every });
    tick();
    log.info("hello");
    stop();
    log.info("after");
    const lines = screenOf(String(stream.read()));
    expect(lines).toEqual([
      "1970-01-01T00:00:00.000Z INFO  hello",
      "shop.customer  ██████████  100%  50,000 rows  done",
      "total          ██████████  100%  50,000 rows  in 3.0s",
      "1970-01-01T00:00:00.000Z INFO  after",
    ]);
  });

  test("on a terminal with JSON log lines nothing is drawn", () => {
    const err = new CapturedOutput({ isTTY: true });
    const log = new Log({ level: "info", format: "json", write: (line) => err.write(line), now: () => 0 });
    displayProgress({ state, err, log, logFormat: "json", every: timer().every })();
    expect(err.text.split("\n").map((line) => line.slice(0, 1))).toEqual(["{", ""]);
  });
});

/** The lines that a terminal would show: as much of one as the escape codes at hand need. */
function screenOf(text: string): string[] {
  const lines: string[] = [""];
  let row = 0;
  let column = 0;
  for (const [piece] of text.matchAll(/\u001b\[\??\d*(?:;\d+)*[A-Za-z]|[^\u001b]/gu)) {
    const code = /^\u001b\[\??(\d*).*([A-Za-z])$/.exec(piece);
    const count = Number(code?.[1] === "" ? 1 : code?.[1]);
    const line = lines[row] ?? "";
    if (piece === "\n") [row, column] = [row + 1, 0];
    else if (piece === "\r" || code?.[2] === "G") column = 0;
    else if (code?.[2] === "A") row = Math.max(0, row - count);
    else if (code?.[2] === "K") lines[row] = code[1] === "2" ? "" : line.slice(0, column);
    else if (code?.[2] === "J") lines.splice(row, Infinity, line.slice(0, column));
    else if (code === null) {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines.map((line) => line).filter((line) => line !== "");
}
