import { describe, expect, test } from "vitest";
import { deriveStatus, type StatusFacts } from "../../../src/app/status-model.ts";
import { renderStatus, statusExitCode, statusJson } from "../../../src/app/status-view.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { textWidth } from "../../../src/util/text-width.ts";
import {
  BEHIND,
  FACTS,
  HEAD,
  MANY,
  NEVER,
  NO_SOURCE,
  NOW,
  OLD,
  set,
  STOP,
  table,
  UUID,
  worker,
} from "../../support/sample-status.ts";

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
        remedy: run \`tallylake resnapshot shop.late\`, which reads the table again

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

  test("a table that is read again has stopped for nobody to mend", () => {
    const tables = [
      table("orders"),
      table("refund", { ...BEHIND, renewal: STOP, snapshot: { chunksDone: 0, chunks: null } }),
    ];
    const text = render({ ...FACTS, tables });
    expect(text.slice(text.indexOf("table  "), text.indexOf("last commits"))).toMatchInlineSnapshot(`
      "table        state               transactions            lag  checkpoint        last commit       rows
      shop.refund  snapshot, 0 chunks            10  at most 1m00s  binlog.000041:77     5.0s ago  1,200,000
      shop.orders  up to date                     0             0s  binlog.000041:77     5.0s ago  1,200,000

      shop.refund stays as it was at binlog.000041:70 until it is read again: ALTER TABLE shop.orders (TABLE_DDL)

      "
    `);
    expect(statusExitCode(deriveStatus({ ...FACTS, tables }))).toBe(0);
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

  test("on a narrow terminal what says least is left out", () => {
    const tables = [table("orders"), table("order_item", BEHIND)];
    const header = (width: number): string =>
      render({ ...FACTS, tables }, width)
        .split("\n")
        .find((line) => line.startsWith("table ")) ?? "";
    expect([98, 97, 80, 60].map((width) => header(width).split(/ {2,}/).slice(3))).toEqual([
      ["lag", "checkpoint", "last commit", "rows"],
      ["lag", "checkpoint", "rows"],
      ["lag", "checkpoint"],
      ["lag"],
    ]);
    // Which table, in which state, and how far behind: that much is shown in any case.
    expect(header(10).split(/ {2,}/)).toEqual(["table", "state", "lag"]);
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

test("JSON has null for what is not known, and seconds", () => {
  const json = JSON.parse(statusJson(deriveStatus({ ...MANY, tables: MANY.tables.slice(1, 2) }))) as unknown;
  expect(json).toEqual({
    atMs: NOW,
    channel: null,
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
        renewal: null,
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
