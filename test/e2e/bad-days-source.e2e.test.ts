import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { TableReader } from "../../src/lake/table-reader.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import { BadDay, CATCH_UP, INIT, type BadDayOptions } from "../support/bad-day.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import type { Problem } from "../../src/types/ports.ts";
import type { PrivateMysql } from "../support/test-mysql.ts";
import { remedyIn, type ToolEnd } from "../support/tool-run.ts";
import { waitFor } from "../support/wait-for.ts";

/*
 * A source that is away, locked, another one, or not as it must be. Each test ends with the same question: when
 * the trouble is mended as the remedy says, is the lake what MySQL is?
 */

/** One server for all tests here: they restart it, change its settings and reset its binlog. */
let shared: Promise<PrivateMysql> | null = null;
const oracle = Oracle.open();
afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
  await (await oracle)[Symbol.asyncDispose]();
});

const TABLES = `
  CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b');
  CREATE TABLE u (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO u VALUES (1, 'x')`;
const CHANGES = "UPDATE t SET v = CONCAT(v, '!'); INSERT INTO t VALUES (3, 'c'); DELETE FROM u";

const test = mysqlTest
  .extend("server", ({ startMysql }) => (shared ??= startMysql()))
  .extend("begin", ({ server }) => async (options: Partial<BadDayOptions> = {}) => {
    const day = await BadDay.begin({ server, oracle: await oracle, sql: TABLES, ...options });
    return day;
  });

test("a config with mistakes lists all of them, with line and column, and begins nothing", async ({
  begin,
}) => {
  await using day = await begin();
  await writeFile(
    join(day.place.dir, "tallylake.yaml"),
    "source: {url: 'mysql://u@h', password: '${env:PW}'}\ntables: shop\nlak: ./lake\ncommit: {every: 5}\n",
  );
  const end = await day.run(INIT);
  expect([end.exitCode, end.out]).toEqual([64, ""]);
  expect(end.log.map(({ code, problems }) => [code, problems?.map((p) => [p.line, p.column])])).toEqual([
    [
      "CONFIG_INVALID",
      [
        [1, 1],
        [1, 40],
        [2, 9],
        [3, 1],
        [4, 17],
      ],
    ],
  ]);
  expect(await readdir(day.place.dir)).toEqual(["tallylake.yaml"]);
});

test("a source that is away, and one that lets nobody in", async ({ begin, server }) => {
  await using proxy = await FaultProxy.start(server.process.port);
  await using day = await begin({ config: { url: proxy.urlFor(server.url) } });
  const away = [
    75,
    "SOURCE_UNREACHABLE cannot connect to MySQL at ADDRESS: ECONNREFUSED: connect ECONNREFUSED ADDRESS",
  ];
  const outcome = async (args: readonly string[]): Promise<readonly unknown[]> =>
    (await day.outcome(args)).map((line) => String(line).replaceAll(/127\.0\.0\.1:\d+/g, "ADDRESS"));
  await proxy.refuse();
  expect(await outcome(INIT)).toEqual(away.map(String));
  await proxy.allow();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  await proxy.refuse();
  expect(await outcome(CATCH_UP)).toEqual(away.map(String));
  await proxy.allow();
  await day.sql(`CREATE USER ${day.database} IDENTIFIED BY 'right'`);
  const url = server.url.replace("root@", `${day.database}:\${env:PW}@`);
  await day.configure({ url });
  expect(await day.outcome(CATCH_UP, { env: { PW: "wr0ng" } })).toEqual([
    69,
    `SOURCE_ACCESS_DENIED cannot connect to MySQL at 127.0.0.1:${server.process.port}: error 1045: Access denied for user 'd'@'localhost' (using password: YES)`,
  ]);
  await day.configure();
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("another server behind the address is named before its tables are missed", async ({
  begin,
  server,
  mysql,
}) => {
  await using proxy = await FaultProxy.start(server.process.port);
  await using day = await begin({ config: { url: proxy.urlFor(server.url) } });
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  const other = [69, "SOURCE_CHANGED the server at this address is S; it was S"];
  proxy.redirect(Number(new URL(mysql.url).port));
  expect(await day.outcome(CATCH_UP)).toEqual(other);
  expect(await day.outcome(INIT)).toEqual(other);
  proxy.redirect(server.process.port);
  const follow = day.start(["follow"]);
  await day.same("t", "u");
  proxy.redirect(Number(new URL(mysql.url).port));
  proxy.cut();
  const end = await follow.ended;
  expect(day.told(end)).toEqual(other);
  proxy.redirect(server.process.port);
  await day.sql("INSERT INTO u VALUES (7, 'y')");
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("a binlog that was purged behind the lake", async ({ begin }) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(`${CHANGES}; FLUSH BINARY LOGS`);
  await day.sql("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY");
  const end = await day.run(CATCH_UP);
  expect(day.told(end)).toEqual([
    69,
    "SOURCE_PURGED d.t has stopped: the binlogs with S are gone from the server",
    "SOURCE_PURGED the binlogs with S are gone from the server",
  ]);
  expect(remedyIn(end)).toMatch(/^remove the tables' folders from the lake and run `tallylake init`; /);
  await day.takeAnew("t", "u");
  await day.sql("INSERT INTO u VALUES (8, 'after')");
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("a history that was reset, with as many and with more transactions than before", async ({ begin }) => {
  await using day = await begin();
  const broken = async (args: readonly string[]): Promise<readonly string[]> =>
    (await day.outcome(args)).map((text) => String(text).replaceAll(/\b[0-9a-f]{16}\b|\d{16}/g, "N"));
  const other =
    "SOURCE_HISTORY_BROKEN the binlog has another history: S (hash N) was read before, and the server has N committed at N";
  await day.sql("RESET BINARY LOGS AND GTIDS; INSERT INTO u VALUES (9, 'in')");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.wrong("t", "u")).toEqual([]);
  await day.sql("RESET BINARY LOGS AND GTIDS; INSERT INTO u VALUES (9, 'in')");
  await day.sql("UPDATE t SET v = 'x'; INSERT INTO t VALUES (4, 'd'); DELETE FROM u");
  // By the numbers there is nothing to read.
  expect(await broken(CATCH_UP)).toEqual(["69", other]);
  // A table that is taken anew stands in the new history, and must not take the other one along.
  expect(day.told(await day.takeAnew("t"))).toEqual([0]);
  await day.sql("INSERT INTO u VALUES (8, 'after')");
  expect(await broken(CATCH_UP)).toEqual(["69", other]);
  await day.configure({ epoch: 2 });
  const earlier = (table: string): string =>
    `SOURCE_HISTORY_BROKEN d.${table} is of epoch 1 in the lake, and \`source.epoch\` is 2`;
  expect(await day.outcome(INIT)).toEqual([69, earlier("u"), `${earlier("t")} (and 1 more problem)`]);
  expect(day.told(await day.takeAnew("t"))).toEqual([69, earlier("u")]);
  expect(day.told(await day.takeAnew("u"))).toEqual([0]);
  await day.sql("INSERT INTO u VALUES (10, 'new')");
  expect(await day.wrong("t", "u")).toEqual([]);
});

/** What is said of a setting by `check`, and by the commands that need it right. */
async function expectRefused(day: BadDay, code: string, message: string): Promise<string> {
  const check = await day.run(["check", "--format", "json"]);
  const { problems } = JSON.parse(check.out) as { problems: readonly Problem[] };
  const errors = problems.filter(({ severity }) => severity === "error");
  expect([check.exitCode, ...errors.map((one) => day.anonymous(`${one.code} ${one.message}`))]).toEqual([
    69,
    `${code} ${message}`,
  ]);
  for (const args of [INIT, CATCH_UP]) expect(await day.outcome(args)).toEqual([69, `${code} ${message}`]);
  return errors[0]?.hint ?? "";
}

test("settings that would hide changes are refused, and what they say to do mends them", async ({
  begin,
}) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  const settings = [
    [
      "binlog_format = 'STATEMENT'",
      "binlog_format is STATEMENT: other formats log statements, which give no rows",
    ],
    ["binlog_row_image = 'MINIMAL'", "binlog_row_image is MINIMAL: shorter row images leave columns out"],
    ["gtid_mode = ON_PERMISSIVE", "gtid_mode is ON_PERMISSIVE: positions are GTIDs"],
    [
      "gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = OFF_PERMISSIVE; SET GLOBAL gtid_mode = OFF",
      "gtid_mode is OFF: positions are GTIDs",
    ],
  ] as const;
  for (const [setting, message] of settings) {
    await day.sql(`SET GLOBAL ${setting}`);
    const hint = await expectRefused(day, "SOURCE_SETTING", message);
    // The statements of the remedy, those behind its words included.
    await day.sql(hint.replaceAll(/-- .*?(then (?=SET)|$)/g, ""));
  }
  expect(await day.wrong("t", "u")).toEqual([]);
});

const GTIDS_OFF = ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"];
const gtidModes = (modes: readonly string[]): string =>
  modes.map((mode) => `SET GLOBAL gtid_mode = ${mode}`).join("; ");

test("what was written while GTIDs were off is not taken for nothing, and is brought by taking the tables anew", async ({
  begin,
}) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.wrong("t", "u")).toEqual([]);
  // Files of the binlog that hold no transaction are no reason to stop.
  await day.sql("FLUSH BINARY LOGS; FLUSH BINARY LOGS");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  await day.sql(gtidModes(GTIDS_OFF));
  await day.sql("INSERT INTO t VALUES (6, 'anonymous')");
  await day.sql(gtidModes([...GTIDS_OFF.slice(0, -1).toReversed(), "ON"]));
  // By the numbers there is nothing to read.
  const refused = async (end: Promise<ToolEnd>): Promise<void> => {
    const [exitCode, ...errors] = day.told(await end);
    expect([exitCode, errors.map((text) => /^.*? when AUTO_POSITION/.exec(String(text))?.[0])]).toEqual([
      69,
      [
        "BINLOG_GTID the binlog holds a transaction without GTID: Cannot replicate anonymous transaction when AUTO_POSITION",
      ],
    ]);
    expect(remedyIn(await end)).toContain("when a transaction with a GTID has been written behind it");
  };
  await refused(day.run(CATCH_UP));
  await refused(day.run(CATCH_UP));
  // A snapshot that begins before any transaction has a GTID again stands before the same place.
  await refused(day.takeAnew("t", "u"));
  await day.sql("INSERT INTO u VALUES (11, 'with a GTID')");
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("a pattern that matches no table is told alike by every command", async ({ begin }) => {
  await using day = await begin();
  await day.configure({ tables: [`${day.database}.nothing_*`] });
  await expectRefused(day, "SOURCE_NO_TABLES", "no table that this user may see matches d.nothing_*");
});

test("a session that writes statements ends the stream by name", async ({ begin }) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("UPDATE t SET v = 'rows'");
  await day.same("t", "u");
  await day.sql("SET SESSION binlog_format = 'STATEMENT'; UPDATE t SET v = 'statement'");
  const statement = [69, "BINLOG_STATEMENT S changed rows by a statement, not by row events (binlog_format)"];
  const end = await follow.ended;
  expect(day.told(end)).toEqual(statement);
  expect(remedyIn(end)).toContain("take the snapshot again");
  expect(await day.outcome(CATCH_UP)).toEqual(statement);
  expect(day.told(await day.takeAnew("t", "u"))).toEqual([0]);
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("A52: a table that nobody changes holds on to no binlog", async ({ begin, server }) => {
  await using day = await begin();
  await using admin = await server.connect();
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  /** What is behind a change of the other table, and not in the binlogs in front of it. */
  const carriedOn = async (id: number): Promise<void> => {
    await day.sql(`FLUSH BINARY LOGS; INSERT INTO u VALUES (${id}, 'x')`);
    const target = GtidSet.parse(String(await admin.value("SELECT @@GLOBAL.gtid_executed")));
    await waitFor(
      "the idle table's checkpoint to move on",
      async () => {
        const table = new TableReader(day.place.lakeDir, { database: day.database, table: "t" });
        return (await table.latest())?.checkpoint.position.gtids.includes(target) === true;
      },
      { timeoutMs: 20_000 },
    );
  };
  for (const id of [21, 22, 23]) await carriedOn(id);
  expect(day.told(await follow.stop())).toEqual([0]);
  const [[file = ""] = []] = await admin.rows("SHOW BINARY LOG STATUS");
  await admin.run("PURGE BINARY LOGS TO ?", [file]);
  await day.sql("UPDATE t SET v = 'changed at last'");
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("A58: what a session keeps out of the binlog is found by the comparison of content", async ({
  begin,
}) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(
    "SET SESSION sql_log_bin = 0; INSERT INTO u VALUES (9, 'unlogged'); SET SESSION sql_log_bin = 1",
  );
  await day.sql("INSERT INTO u VALUES (10, 'logged')");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("u")).toHaveLength(1);
  expect(day.told(await day.takeAnew("u"))).toEqual([0]);
  expect(await day.wrong("t", "u")).toEqual([]);
});

test("a server that writes no binlog any more", async ({ begin, server }) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  await server.process.restart(["--skip-log-bin"]);
  const hint = await expectRefused(
    day,
    "SOURCE_BINLOG_OFF",
    "log_bin is OFF: without a binlog there are no changes to follow",
  );
  expect(hint).toContain(
    "in no binlog: `tallylake report --deep` shows it, and taking those tables anew brings it",
  );
  await day.sql("INSERT INTO u VALUES (9, 'unlogged')");
  await server.process.restart(["--log-bin=binlog"]);
  await day.sql("INSERT INTO u VALUES (10, 'logged')");
  expect(await day.wrong("t")).toEqual([]);
  expect(await day.different("u")).toHaveLength(1);
  expect(day.told(await day.takeAnew("u"))).toEqual([0]);
  expect(await day.wrong("t", "u")).toEqual([]);
});
