import { afterAll, expect } from "vitest";
import { must } from "../../src/util/assert.ts";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { isThere } from "../../scripts/is-there.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { waitFor } from "../support/wait-for.ts";

/* Snapshots that are taken again: by a command, by a `follow` that runs, and what keeps them from it. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const TRACE = { more: "trace: {path: ./trace}\n" };
const test = mysqlTest.extend(
  "begin",
  ({ mysql }) =>
    async (sql: string) =>
      BadDay.begin({ server: mysql, oracle: await oracle, sql, config: TRACE }),
);

interface TableState {
  readonly table: string;
  readonly renewal: unknown;
}

/** What `status` says of a table. */
async function stateOf(day: BadDay, table: string): Promise<TableState> {
  const { out } = await day.run(["status", "--format", "json"]);
  const { tables } = JSON.parse(out) as { readonly tables: readonly TableState[] };
  return must(
    tables.find((one) => one.table === table),
    table,
  );
}

const SQL = `
  CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO t VALUES (1, 'a'), (2, 'b');
  CREATE TABLE fine (id INT PRIMARY KEY); INSERT INTO fine VALUES (1)`;

test("a running follow reads a table again, while changes of it and of others come", async ({ begin }) => {
  await using day = await begin(SQL);
  const many = Array.from({ length: 4000 }, (_, i) => `(${i + 10}, 'r${i}')`).join(", ");
  await day.sql(`INSERT INTO t VALUES ${many}`);
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("t", "fine");
  for (const [i, change] of ["ADD w INT DEFAULT 3", "DROP w", "MODIFY v VARCHAR(30)"].entries()) {
    await day.sql(`UPDATE t SET v = 'x${i}' WHERE id = 1; ALTER TABLE t ${change}`);
    await day.sql(`INSERT INTO fine VALUES (${i + 10}); DELETE FROM t WHERE id = ${i + 10}`);
    await day.same("t", "fine");
  }
  const renewed = await day.outcome(["resnapshot", `${day.database}.t`]);
  expect(renewed).toEqual([0]);
  await day.sql("INSERT INTO fine VALUES (30); UPDATE t SET v = 'last' WHERE id = 2");
  await day.same("t", "fine");
  await waitFor("the table to be read again", async () => (await stateOf(day, "t")).renewal === null);
  expect(day.told(await follow.stop())).toEqual([0]);
  expect(await day.wrong("t", "fine")).toEqual([]);
  expect(await day.outcome(["report", "--deep"])).toEqual([0]);
});

test("while a table is read again, status says so, and that nothing is to be done", async ({
  begin,
  mysql,
}) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("t", "fine");
  {
    await using holder = await mysql.connect(day.database);
    await holder.run("LOCK TABLES t WRITE");
    expect(await day.outcome(["resnapshot", `${day.database}.t`])).toEqual([0]);
    expect(await stateOf(day, "t")).toMatchObject({
      ...{ state: "snapshot", stop: null, snapshot: { chunksDone: 0 } },
      renewal: { code: "TABLE_RESNAPSHOT", message: "its snapshot was asked for" },
    });
    await day.sql("INSERT INTO fine VALUES (3)");
    await day.same("fine");
    expect(await stateOf(day, "t")).toMatchObject({ state: "snapshot" });
    expect(await day.outcome(["status"])).toEqual([0]);
  }
  await waitFor("the table to be read", async () => (await stateOf(day, "t")).renewal === null);
  await day.same("t", "fine");
  expect(day.told(await follow.stop())).toEqual([0]);
});

test("resnapshot mends what was changed behind the binlog, by one commit; the state before stays readable", async ({
  begin,
}) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const before = new Date().toISOString();
  await day.sql("SET SESSION sql_log_bin = 0; UPDATE t SET v = 'silent' WHERE id = 1");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("t")).not.toEqual([]);
  const done = await day.run(["resnapshot", `${day.database}.t`]);
  expect([day.told(done), day.anonymous(done.out).replace(/\(.*\)/, "(…)")]).toEqual([
    [0],
    "1 tables, 2 rows in their new commit (…)\nd.t: 2 rows compared with MySQL, all equal\nnext: tallylake follow\n",
  ]);
  expect(await day.wrong("t", "fine")).toEqual([]);
  const select = `SELECT v FROM ${day.database}.t ORDER BY id`;
  const earlier = await day.run(["query", "--as-of", before, "--format", "csv", select]);
  expect(earlier.out.split("\r\n")).toEqual(["v", "a", "b", ""]);
  expect(await day.outcome(["report", "--deep"])).toEqual([0]);
});

test("resnapshot of what is not there says so, and touches nothing", async ({ begin }) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const none = "TABLE_ABSENT no table of the config has such a name at the source";
  expect(await day.outcome(["resnapshot", `${day.database}.absent`])).toEqual([1, none]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("fine");
  expect(await day.outcome(["resnapshot", `${day.database}.absent`])).toEqual([
    69,
    "LAKE_TABLE_MISSING the running follow has none of these tables",
  ]);
  expect(day.told(await follow.stop())).toEqual([0]);
});

test("a table that cannot be kept as it is now stays where it stopped, until it can", async ({ begin }) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("fine");
  await day.sql("UPDATE t SET v = 'kept' WHERE id = 2; ALTER TABLE t DROP PRIMARY KEY");
  await follow.logged("the stop", ({ message }) => message.includes(".t has stopped"));
  await day.sql("INSERT INTO fine VALUES (3)");
  await day.same("fine");
  const why = "TABLE_NO_PRIMARY_KEY d.t has stopped: d.t has no primary key: its rows cannot be told apart";
  expect(day.told(await follow.stop())).toEqual([1, why, why]);
  const select = `SELECT v FROM ${day.database}.t ORDER BY id`;
  expect((await day.run(["query", "--format", "csv", select])).out.split("\r\n")).toEqual([
    "v",
    "a",
    "kept",
    "",
  ]);
  await day.sql("ALTER TABLE t ADD PRIMARY KEY (v)");
  expect(await day.wrong("t", "fine")).toEqual([]);
});

test("a table that was dropped is named; remove takes it out of the lake, and init brings another one", async ({
  begin,
}) => {
  await using day = await begin(SQL);
  const name = `${day.database}.t`;
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("DROP TABLE t; INSERT INTO fine VALUES (2)");
  expect((await day.outcome(CATCH_UP))[0]).toBe(1);
  expect((await day.outcome(["status"]))[0]).toBe(1);
  expect(await day.outcome(["remove", `${day.database}.u`])).toEqual([
    69,
    "LAKE_TABLE_MISSING the lake has no table d.u; nothing was removed",
  ]);
  expect((await day.run(["remove", name])).out).toBe(
    `${name} is removed from the lake; \`tallylake init\` takes it anew unless \`exclude\` names it\n`,
  );
  expect(await isThere(day.tableDir("t"))).toBe(false);
  expect(await day.wrong("fine")).toEqual([]);
  expect(await day.outcome(["status"])).toEqual([0]);
  await day.sql("CREATE TABLE t (k DATE PRIMARY KEY); INSERT INTO t VALUES ('2020-02-02')");
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.wrong("t", "fine")).toEqual([]);
});

test("D143: what came before a table was dropped is applied, and nothing is held up", async ({ begin }) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("fine");
  await day.sql("INSERT INTO t VALUES (3, 'last'); DROP TABLE t; INSERT INTO fine VALUES (3)");
  await follow.logged("the stop", ({ message }) => message.includes(".t has stopped"));
  await day.same("fine");
  const why =
    "TABLE_ABSENT d.t has stopped: d.t is in the lake, and the source does not have it, or does not show it to this user";
  expect(day.told(await follow.stop())).toEqual([1, why, why]);
  const select = `SELECT v FROM ${day.database}.t ORDER BY id`;
  expect((await day.run(["query", "--format", "csv", select])).out.split("\r\n")).toEqual([
    "v",
    "a",
    "b",
    "last",
    "",
  ]);
});

test("a table that follow has cannot be removed", async ({ begin }) => {
  await using day = await begin(SQL);
  expect(await day.outcome(INIT)).toEqual([0]);
  const follow = day.start(["follow"]);
  await day.sql("INSERT INTO fine VALUES (2)");
  await day.same("fine");
  const [code, text] = await day.outcome(["remove", `${day.database}.t`]);
  expect([code, String(text).split(" ")[0]]).toEqual([75, "LAKE_LOCKED"]);
  await follow.stop();
  expect(await day.wrong("t", "fine")).toEqual([]);
});
