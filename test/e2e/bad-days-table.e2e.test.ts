import { afterAll, expect } from "vitest";
import { initCommand } from "../../src/app/init-command.ts";
import type { Problem } from "../../src/types/ports.ts";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { isThere } from "../../scripts/is-there.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import type { PrivateMysql } from "../support/test-mysql.ts";
import { errorsOf, remedyIn, type ToolEnd } from "../support/tool-run.ts";

/* Tables that cannot be kept, or not any longer, and transactions that are only prepared. */

/** One server for all tests here: an open XA transaction concerns every snapshot of a server. */
let shared: Promise<PrivateMysql> | null = null;
const oracle = Oracle.open();
afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
  await (await oracle)[Symbol.asyncDispose]();
});

const test = mysqlTest.extend("begin", ({ startMysql }) => async (sql: string) => {
  shared ??= startMysql();
  return BadDay.begin({ server: await shared, oracle: await oracle, sql });
});

test("tables that cannot be kept are all named by check and by init, which begins none", async ({
  begin,
}) => {
  await using day = await begin(`
    CREATE TABLE fine (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET gbk, g POINT, w VECTOR(2));
    INSERT INTO fine VALUES (1, '語', POINT(1, 2), STRING_TO_VECTOR('[1, -2.5]'));
    CREATE TABLE keyless (id INT);
    CREATE TABLE wide (id INT PRIMARY KEY, total DECIMAL(65,30));
    INSERT INTO wide VALUES (1, '12345678901234567890123456789012345.000000000000000000000000000001');
    CREATE TABLE place (x ENUM('a', '') PRIMARY KEY)`);
  const { database } = day;
  await day.configure({ tables: [`${database}.*`, `${database}.absent`] });
  const expected = [
    "TABLE_ABSENT d.absent does not exist, or this user has no grant on it",
    "TABLE_NO_PRIMARY_KEY d.keyless has no primary key: its rows cannot be told apart",
    "TABLE_KEY_UNSUPPORTED the key holds d.place.x, whose member '' reads like the empty value of an ENUM",
    "TABLE_TYPE_UNSUPPORTED d.wide.total is decimal(65,30), and the decimals of the lake have 38 digits",
  ];
  const check = await day.run(["check", "--format", "json"]);
  const { problems } = JSON.parse(check.out) as { problems: readonly Problem[] };
  const errors = problems.filter(({ severity }) => severity === "error");
  expect([check.exitCode, ...errors.map(({ code, message }) => `${code} ${day.anonymous(message)}`)]).toEqual(
    [1, ...expected],
  );
  expect(errors.filter(({ hint }) => hint === "")).toEqual([]);
  const [worst = "", ...others] = expected;
  expect(await day.outcome(INIT)).toEqual([1, ...others, `${worst} (and 3 more problems)`]);
  expect(await isThere(day.place.lakeDir)).toBe(false);
  const exclude = ["keyless", "place"].map((table) => `${database}.${table}`);
  const overrides = [{ tables: [`${database}.wide`], decimalsAsText: ["total"] }];
  await day.configure({
    more: `exclude: ${JSON.stringify(exclude)}\noverrides: ${JSON.stringify(overrides)}\n`,
  });
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.wrong("fine", "wide")).toEqual([]);
});

const WHY = {
  altered: "TABLE_DDL d.altered has stopped: the statement ALTER changed the table",
  emptied: "TABLE_DDL d.emptied has stopped: the statement TRUNCATE changed the table",
  cut: "TABLE_ROW_IMAGE d.cut has stopped: a row came without some of its columns (binlog_row_image is not FULL in some session)",
};

const TROUBLE = [
  ["altered", "ALTER TABLE altered ADD w INT; INSERT INTO altered VALUES (3, 'c', 3)"],
  ["emptied", "TRUNCATE TABLE emptied; INSERT INTO emptied VALUES (3, 'c')"],
  ["cut", "SET SESSION binlog_row_image = 'MINIMAL'; UPDATE cut SET v = 'm' WHERE id = 1"],
] as const;

test("what stops a table stops it alone, is told again by every run, and is mended by taking it anew", async ({
  begin,
}) => {
  const tables = [...Object.keys(WHY), "fine"];
  await using day = await begin(
    tables
      .map(
        (name) =>
          `CREATE TABLE ${name} (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO ${name} VALUES (1, 'a')`,
      )
      .join("; "),
  );
  await day.configure({ more: `overrides: [{tables: ["${day.database}.*"], schemaChanges: stop}]\n` });
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql(tables.map((name) => `INSERT INTO ${name} VALUES (2, 'b')`).join("; "));
  await day.same(...tables);
  for (const [table, statements] of TROUBLE) {
    await day.sql(statements);
    await follow.logged(`the stop of ${table}`, ({ message }) => message.includes(`.${table} has stopped`));
  }
  await day.sql("INSERT INTO fine VALUES (3, 'c')");
  await day.same("fine");
  const first = await follow.stop();
  const stops = Object.values(WHY);
  // Each is told when it comes, and all of them at the end, by their names.
  const told = [1, ...stops, ...stops.toSorted((a, b) => (nameIn(a) < nameIn(b) ? -1 : 1))];
  expect(day.told(first)).toEqual(told);
  const positions = positionsOf(first).toSorted();
  expect(new Set(positions).size).toBe(3);
  await day.sql("INSERT INTO fine VALUES (4, 'd')");
  const again = await day.run(CATCH_UP);
  // What comes in one stretch of the binlog is told by the names as well.
  expect(day.told(again).toSorted()).toEqual(told.toSorted());
  expect(positionsOf(again).toSorted()).toEqual(positions);
  expect(await day.different("fine")).toEqual([]);
  expect(remedyIn(again)).toContain(`tallylake resnapshot ${day.database}.`);
  const names = Object.keys(WHY).map((name) => `${day.database}.${name}`);
  expect(await day.outcome(["resnapshot", ...names])).toEqual([0]);
  await day.sql(
    Object.keys(WHY)
      .map((name) => `DELETE FROM ${name} WHERE id = 1`)
      .join("; "),
  );
  expect(await day.wrong(...tables)).toEqual([]);
});

const nameIn = (text: string): string => / d\.(\w+) /.exec(text)?.[1] ?? "";

const positionsOf = ({ log }: ToolEnd): readonly (string | undefined)[] =>
  log.filter(({ level }) => level === "error").map(({ position }) => position);

test("tables that are gone, or not there yet, are left out by name", async ({ begin }) => {
  await using day = await begin(
    "CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE fine (id INT PRIMARY KEY); INSERT INTO t VALUES (1)",
  );
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("DROP TABLE t; CREATE TABLE later (id INT PRIMARY KEY); INSERT INTO fine VALUES (2)");
  const left = [
    "TABLE_ABSENT d.t is in the lake, and the source does not have it, or does not show it to this user",
    "LAKE_TABLE_MISSING d.later has no first commit in the lake",
  ];
  expect(await day.outcome(CATCH_UP)).toEqual([1, ...left, ...left]);
  expect(await day.different("fine")).toEqual([]);
  await day.configure({ more: `exclude: ["${day.database}.t"]\n` });
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.wrong("fine", "later")).toEqual([]);
});

test("a value that the lake cannot hold stops its table, in every run, and no later one gets past it", async ({
  begin,
}) => {
  await using day = await begin(
    "CREATE TABLE t (k VARCHAR(9) PRIMARY KEY, v INT); INSERT INTO t VALUES ('a', 1); CREATE TABLE fine (id INT PRIMARY KEY)",
  );
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO t VALUES ('b', 2)");
  await day.same("t");
  await day.sql("INSERT INTO t VALUES ('', 3); INSERT INTO fine VALUES (1)");
  await follow.logged("the stop", ({ message }) => message.includes(".t has stopped"));
  await day.same("fine");
  await day.sql("INSERT INTO t VALUES ('c', 4); INSERT INTO fine VALUES (2)");
  await day.same("fine");
  await follow.stop();
  const why = "TABLE_VALUE d.t has stopped: d.t: the row with key () has no record key in Hudi of its own";
  // It is told when it comes, and at the end.
  expect(await day.outcome(CATCH_UP)).toEqual([1, why, why]);
  await day.sql("UPDATE t SET k = 'd' WHERE k = ''");
  expect(day.told(await day.takeAnew("t"))).toEqual([0]);
  expect(await day.wrong("t", "fine")).toEqual([]);
});

test("A7 E176: a snapshot waits for prepared XA transactions, and names them when they stay", async ({
  begin,
}) => {
  await using day = await begin(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a')",
  );
  await day.sql(
    "XA START 'open', 'b', 7; INSERT INTO t VALUES (2, 'xa'); XA END 'open', 'b', 7; XA PREPARE 'open', 'b', 7",
  );
  const end = await day.run(INIT, {
    handlers: { init: (context, options) => initCommand(context, options, { xaWaitMs: 100 }) },
  });
  expect(day.told(end)).toEqual([
    75,
    "SOURCE_XA_OPEN 1 prepared XA transactions are open: X'6F70656E',X'62',7",
  ]);
  expect(remedyIn(end)).toMatch(/^end each with XA COMMIT or XA ROLLBACK and its xid: /);
  const init = day.start(INIT);
  await init.logged("the wait", ({ message }) => message.startsWith("the snapshot waits"));
  await day.sql(`XA COMMIT ${/are open: (.*)/.exec(errorsOf(end)[0] ?? "")?.[1] ?? "?"}`);
  expect(day.told(await init.ended)).toEqual([0]);
  expect(await day.different("t")).toEqual([]);
  expect(await day.wrong("t")).toEqual([]);
});
