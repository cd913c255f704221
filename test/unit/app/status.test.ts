import { describe, expect, test } from "vitest";
import {
  deriveStatus,
  TABLE_STATES,
  type CommitFacts,
  type SourceHead,
  type StatusFacts,
  type TableStatusFacts,
} from "../../../src/app/status-model.ts";
import { renderStatus, statusExitCode, statusJson } from "../../../src/app/status-view.ts";
import type { Checkpoint } from "../../../src/types/checkpoint.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { textWidth } from "../../../src/util/text-width.ts";

const UUID = "11111111-2222-3333-4444-555555555555";
const NOW = Date.UTC(2026, 10, 21, 12);
const set = (through: number | bigint, from = 1): GtidSet => GtidSet.parse(`${UUID}:${from}-${through}`);

const HEAD: SourceHead = {
  version: "9.7.4",
  serverUuid: UUID,
  executedGtids: set(2000),
  purgedGtids: set(100),
  binlogEnd: { file: "binlog.000042", offset: 1234 },
  oldestBinlog: "binlog.000040",
  atMs: NOW,
};

const checkpoint = (through: number, agoMs: number): Checkpoint => ({
  source: "shop",
  epoch: 1,
  serverUuid: UUID,
  position: {
    gtids: set(through),
    file: "binlog.000041",
    offset: 77,
    seq: 5,
    last: { gtid: `${UUID}:${through}`, commitUs: (NOW - agoMs) * 1000, hash: "00" },
  },
});

const commit = (agoMs: number, rest: Partial<CommitFacts> = {}): CommitFacts => ({
  ...{
    instant: "20261121115959000",
    atMs: NOW - agoMs,
    inserted: 3,
    updated: 2,
    deleted: 1,
    rowsAfter: 1_200_000,
  },
  ...rest,
});

const table = (name: string, rest: Partial<TableStatusFacts> = {}): TableStatusFacts => ({
  id: { database: "shop", table: name },
  checkpoint: checkpoint(2000, 1000),
  commits: [commit(5000)],
  lakeError: null,
  snapshot: null,
  stop: null,
  quiet: null,
  ...rest,
});

const FACTS: StatusFacts = {
  nowMs: NOW,
  source: { name: "shop", address: "db:3306", head: HEAD, error: null },
  worker: { state: "alive", pid: 4242, sinceMs: NOW - 3_600_000 },
  tables: [table("orders")],
  trace: { state: "ok", queuedCommits: 0, oldestQueuedMs: null, error: null },
  idleEveryMs: 300_000,
};

const NEVER: Partial<TableStatusFacts> = { checkpoint: null, commits: [] };
const BEHIND: Partial<TableStatusFacts> = { checkpoint: checkpoint(1990, 60_000) };
const OLD: Partial<TableStatusFacts> = { ...BEHIND, commits: [commit(900_001)] };
const STOP = {
  code: "TABLE_DDL",
  message: "ALTER TABLE shop.orders",
  hint: "run `tallylake init`",
  file: "binlog.000041",
  offset: 70,
};
const NO_SOURCE: Partial<StatusFacts> = {
  source: { ...FACTS.source, head: null, error: "connection refused" },
};
const worker = (state: "absent" | "unknown"): Partial<StatusFacts> => ({
  worker: { state, pid: null, sinceMs: null },
});

describe("state is derived from progress", () => {
  test.each<[string, Partial<TableStatusFacts>, Partial<StatusFacts>, string]>([
    ["nothing is behind", {}, {}, "up to date"],
    ["behind, with a fresh commit", BEHIND, {}, "running"],
    ["behind, and no commit for three idle intervals though a process is there", OLD, {}, "stalled"],
    [
      "an idle source and an old commit: nothing is missing",
      { commits: [commit(900_001)] },
      {},
      "up to date",
    ],
    ["the source does not answer, with a fresh commit", {}, NO_SOURCE, "running"],
    [
      "the source does not answer, and commits have ended",
      { commits: [commit(900_001)] },
      NO_SOURCE,
      "stalled",
    ],
    ["no process", {}, worker("absent"), "not running"],
    ["no word from the process, with a fresh commit", BEHIND, worker("unknown"), "running"],
    ["no word from the process, and an old commit", OLD, worker("unknown"), "unknown"],
    ["the lake cannot be read", { commits: null, checkpoint: null, lakeError: "EIO" }, {}, "unknown"],
    ["stopped", { stop: STOP }, {}, "stopped"],
    ["stopped, and the lake cannot be read", { stop: STOP, commits: null }, worker("absent"), "stopped"],
    ["never begun", NEVER, {}, "not started"],
    ["a snapshot at work", { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } }, {}, "snapshot"],
    [
      "a snapshot that was killed",
      { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } },
      worker("absent"),
      "snapshot unfinished",
    ],
    [
      "a snapshot of whose process nothing is known",
      { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } },
      worker("unknown"),
      "unknown",
    ],
  ])("%s", (_name, tableFacts, facts, state) => {
    const status = deriveStatus({ ...FACTS, ...facts, tables: [table("orders", tableFacts)] });
    expect(status.tables[0]?.state).toBe(state);
  });
});

describe("lag", () => {
  const quiet = (through: number, commitMs: number | null): Partial<TableStatusFacts> => ({
    ...BEHIND,
    quiet: { through: set(through), commitMs },
  });
  const lag = (tableFacts: Partial<TableStatusFacts>, facts: Partial<StatusFacts> = {}) => {
    const [derived] = deriveStatus({ ...FACTS, ...facts, tables: [table("orders", tableFacts)] }).tables;
    return [derived?.lagTransactions, derived?.lag, derived?.isPurged];
  };

  test("is exact where nothing is missing, else a bound, else unknown", () => {
    expect(lag({})).toEqual([0n, { ms: 0, atMost: false }, false]);
    expect(lag(BEHIND)).toEqual([10n, { ms: 60_000, atMost: true }, false]);
    // The clocks of two servers may differ.
    expect(lag({ checkpoint: checkpoint(1990, -500) })).toEqual([10n, { ms: 0, atMost: true }, false]);
    expect(lag(NEVER)).toEqual([null, null, null]);
    // Nothing has come for the table since its commit, says the process that follows it.
    expect(lag(quiet(1995, NOW - 800))).toEqual([5n, { ms: 800, atMost: true }, false]);
    expect(lag(quiet(2000, NOW - 800))).toEqual([0n, { ms: 0, atMost: false }, false]);
    expect(lag(quiet(1995, null))).toEqual([5n, { ms: 60_000, atMost: true }, false]);
    // What is purged counts from the commit, where the next start begins.
    expect(lag({ ...quiet(2000, NOW), checkpoint: checkpoint(50, 0) })).toEqual([
      0n,
      { ms: 0, atMost: false },
      true,
    ]);
    expect(lag({}, NO_SOURCE)).toEqual([null, null, null]);
    const { last: _last, ...position } = checkpoint(1990, 0).position;
    expect(lag({ checkpoint: { ...checkpoint(1, 0), position: { ...position, last: null } } })).toEqual([
      10n,
      null,
      false,
    ]);
  });

  test("says when the binlog that comes next is purged", () => {
    expect(lag({ checkpoint: checkpoint(99, 1000) })[2]).toBe(true);
    expect(lag({ checkpoint: checkpoint(100, 1000) })[2]).toBe(false);
  });

  test("of all is that of the farthest, and counts the tables of which it is not known", () => {
    const worst = (...tables: TableStatusFacts[]) => deriveStatus({ ...FACTS, tables }).worst;
    const lag = { ms: 60_000, atMost: true };
    expect(worst(table("a"), table("b", BEHIND))).toEqual({ lagTransactions: 10n, lag, unknownTables: 0 });
    expect(worst(table("a", BEHIND), table("b"))).toEqual({ lagTransactions: 10n, lag, unknownTables: 0 });
    expect(worst(table("a", BEHIND), table("b", NEVER))).toEqual({
      lagTransactions: 10n,
      lag,
      unknownTables: 1,
    });
    expect(worst(table("b", NEVER))).toEqual({ lagTransactions: null, lag: null, unknownTables: 1 });
    expect(worst()).toEqual({ lagTransactions: null, lag: null, unknownTables: 0 });
  });
});

const MANY: StatusFacts = {
  ...FACTS,
  tables: [
    table("orders"),
    table("customer", {
      ...BEHIND,
      commits: [commit(2000, { instant: "20261121115958000", inserted: 0, updated: 0, deleted: 0 })],
    }),
    table("refund", { ...BEHIND, stop: STOP, commits: [commit(360_000, { rowsAfter: null })] }),
    table("new\u001b[2J", NEVER),
    table("big", { ...NEVER, snapshot: { chunksDone: 41, chunks: 120 } }),
    table("broken", { commits: null, checkpoint: null, lakeError: "the timeline file x is corrupt" }),
    table("late", { checkpoint: checkpoint(99, 1000) }),
  ],
  trace: { state: "away", queuedCommits: 12, oldestQueuedMs: NOW - 302_000, error: "connection refused" },
};
const render = (facts: StatusFacts, width = 160): string =>
  renderStatus(deriveStatus(facts), { width, paint: plainPaint });

describe("text", () => {
  test("lag and position first, worst table first, remedies beside what stopped", () => {
    expect(render(MANY)).toMatchInlineSnapshot(`
      "lag      1,901 transactions, at most 1m00s; unknown for 3 of 7 tables
      head     binlog.000042:1234
               11111111-2222-3333-4444-555555555555:1-2000
      source   shop, MySQL 9.7.4 at db:3306
      binlog   binlog.000040 is the oldest that is there
      process  4242, since 2026-11-21 11:00:00 UTC
      trace    away (connection refused), 12 commits queued, the oldest 5m02s ago

      table              state                       transactions            lag  checkpoint        last commit       rows
      shop.refund        stopped                               10  at most 1m00s  binlog.000041:77    6m00s ago    unknown
      shop.broken        unknown                          unknown        unknown  unknown               unknown    unknown
      shop.new\\u001b[2J  not started                      unknown        unknown  none                     none    unknown
      shop.big           snapshot, 41 of 120 chunks       unknown        unknown  none                     none    unknown
      shop.late          running                            1,901   at most 1.0s  binlog.000041:77     5.0s ago  1,200,000
      shop.customer      running                               10  at most 1m00s  binlog.000041:77     2.0s ago  1,200,000
      shop.orders        up to date                             0             0s  binlog.000041:77     5.0s ago  1,200,000

      shop.refund stopped at binlog.000041:70: ALTER TABLE shop.orders (TABLE_DDL)
        remedy: run \`tallylake init\`

      shop.broken cannot be read: the timeline file x is corrupt

      shop.late lacks transactions whose binlog is purged
        remedy: remove the table's folder from the lake and run \`tallylake init\` again

      last commits             table          inserted  updated  deleted  instant
      2026-11-21 11:59:58 UTC  shop.customer         0        0        0  20261121115958000
      2026-11-21 11:59:55 UTC  shop.late             3        2        1  20261121115959000
      2026-11-21 11:59:55 UTC  shop.orders           3        2        1  20261121115959000
      2026-11-21 11:54:00 UTC  shop.refund           3        2        1  20261121115959000

      next: \`tallylake init\`
      "
    `);
  });

  test("what is not known reads unknown, never 0 or running", () => {
    const text = render({
      ...FACTS,
      ...NO_SOURCE,
      ...worker("unknown"),
      tables: [table("orders", { ...OLD, lakeError: null })],
      trace: { state: "unknown", queuedCommits: null, oldestQueuedMs: null, error: null },
    });
    expect(text).toMatchInlineSnapshot(`
      "lag      unknown
      head     unknown: connection refused
      source   shop at db:3306
      binlog   unknown
      process  unknown
      trace    unknown, queue unknown

      table        state    transactions      lag  checkpoint        last commit       rows
      shop.orders  unknown       unknown  unknown  binlog.000041:77   15m00s ago  1,200,000

      last commits             table        inserted  updated  deleted  instant
      2026-11-21 11:44:59 UTC  shop.orders         3        2        1  20261121115959000
      "
    `);
    expect(text).not.toMatch(/\b0\b|running/);
  });

  test("the next command, when nobody follows; and no tables", () => {
    const text = render({
      ...FACTS,
      ...worker("absent"),
      tables: [],
      trace: { ...FACTS.trace, state: "off" },
    });
    expect(text).toMatchInlineSnapshot(`
      "lag      unknown
      head     binlog.000042:1234
               11111111-2222-3333-4444-555555555555:1-2000
      source   shop, MySQL 9.7.4 at db:3306
      binlog   binlog.000040 is the oldest that is there
      process  none
      trace    off

      no tables

      next: \`tallylake check\`, which says what the patterns of the config mean
      "
    `);
  });

  test("long GTID sets are cut to the terminal", () => {
    const executedGtids = GtidSet.parse(`${UUID}:1:3:5:7:9:11:13:15:17:19:21:23:25:27:29:31:33`);
    const text = render({ ...FACTS, source: { ...FACTS.source, head: { ...HEAD, executedGtids } } }, 60);
    const line = text.split("\n").find((one) => one.includes(UUID)) ?? "";
    expect(textWidth(line)).toBe(60);
    expect(line.endsWith("…")).toBe(true);
  });
});

test("exit code: 1 as soon as a table is stopped", () => {
  expect(statusExitCode(deriveStatus(MANY))).toBe(1);
  expect(statusExitCode(deriveStatus({ ...FACTS, ...worker("absent") }))).toBe(0);
});

test("states are ordered by the attention they deserve, and all of them can be shown", () => {
  const shown = deriveStatus(MANY).tables.map(({ id, state }) => [id.table, state]);
  expect(shown.map(([, state]) => TABLE_STATES.indexOf(state as (typeof TABLE_STATES)[number]))).toEqual(
    [...shown.map(([, state]) => TABLE_STATES.indexOf(state as (typeof TABLE_STATES)[number]))].sort(
      (a, b) => a - b,
    ),
  );
  expect(shown.map(([name]) => name)).toEqual([
    "refund",
    "broken",
    "new\u001b[2J",
    "big",
    "late",
    "customer",
    "orders",
  ]);
});

test("JSON has null for what is not known, and seconds", () => {
  const json = JSON.parse(statusJson(deriveStatus({ ...MANY, tables: MANY.tables.slice(1, 2) }))) as unknown;
  expect(json).toEqual({
    atMs: NOW,
    lagTransactions: 10,
    lagSeconds: 60,
    lagIsAtMost: true,
    source: {
      name: "shop",
      address: "db:3306",
      error: null,
      version: "9.7.4",
      serverUuid: UUID,
      gtids: `${UUID}:1-2000`,
      purgedGtids: `${UUID}:1-100`,
      file: "binlog.000042",
      offset: 1234,
      oldestBinlog: "binlog.000040",
    },
    process: { state: "alive", pid: 4242, sinceMs: NOW - 3_600_000 },
    trace: { state: "away", queuedCommits: 12, oldestQueuedMs: NOW - 302_000, error: "connection refused" },
    tables: [
      {
        database: "shop",
        table: "customer",
        state: "running",
        lagTransactions: 10,
        lagSeconds: 60,
        lagIsAtMost: true,
        checkpoint: { gtids: `${UUID}:1-1990`, file: "binlog.000041", offset: 77 },
        isPurged: false,
        snapshot: null,
        stop: null,
        lakeError: null,
        commits: [
          {
            instant: "20261121115958000",
            atMs: NOW - 2000,
            inserted: 0,
            updated: 0,
            deleted: 0,
            rowsAfter: 1_200_000,
          },
        ],
      },
    ],
  });
  const unknown = JSON.parse(
    statusJson(
      deriveStatus({ ...FACTS, ...NO_SOURCE, tables: [table("x", { commits: null, checkpoint: null })] }),
    ),
  ) as unknown;
  expect(unknown).toMatchObject({
    lagTransactions: null,
    lagSeconds: null,
    lagIsAtMost: null,
    source: { gtids: null, file: null, version: null },
    tables: [{ state: "unknown", checkpoint: null, commits: null, isPurged: null }],
  });
});

test("JSON gives no worst lag while one table could be worse", () => {
  const json: unknown = JSON.parse(
    statusJson(deriveStatus({ ...FACTS, tables: [table("a"), table("b", NEVER)] })),
  );
  expect(json).toMatchObject({ lagTransactions: null, lagSeconds: null, lagIsAtMost: null });
});

test("a count beyond 2^53 is not rounded", () => {
  const executedGtids = set(9_007_199_254_742_991n);
  const facts = { ...FACTS, source: { ...FACTS.source, head: { ...HEAD, executedGtids } } };
  expect(JSON.parse(statusJson(deriveStatus({ ...facts, tables: [table("a", BEHIND)] })))).toMatchObject({
    lagTransactions: "9007199254741001",
  });
});
