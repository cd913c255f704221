import { expect, test } from "vitest";
import { freePort } from "../../../scripts/free-port.ts";
import { openBinlog, type BinlogConnection } from "../../../src/capture/binlog-connection.ts";
import { EVENT } from "../../../src/capture/binlog-event.ts";
import { driverOptions } from "../../../src/capture/connection-options.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { reachesOffset } from "../../../src/types/source-position.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { endpointOf } from "../../support/capture-session.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { TestConnection } from "../../support/mysql-connection.ts";
import { waitFor } from "../../support/wait-for.ts";

/* Servers with settings and histories that most do not have. */

const T = { database: "d", table: "t" };

async function makeTable(admin: TestConnection): Promise<void> {
  await admin.run("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))");
}

async function expectExact(tape: BinlogTape, admin: TestConnection): Promise<void> {
  await tape.caughtUp(admin);
  expect(tape.rows(T)).toEqual(await rowsOf(admin, T));
  expect([tape.broken, tape.stops, tape.aborts]).toEqual([[], [], 0]);
}

mysqlTest("A36: the file behind binlog.999999 is a later one", async ({ startMysql }) => {
  await using server = await startMysql();
  await using admin = await server.connect();
  await makeTable(admin);
  await admin.run("RESET BINARY LOGS AND GTIDS TO 999998");
  const { url } = server;
  await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, [T])), url });
  const ends: { readonly file: string; readonly offset: number }[] = [];
  for (let id = 0; id < 5; id++) {
    await admin.run(`INSERT INTO t VALUES (${id}, 'x')`);
    const [[file, offset] = []] = await admin.rows("SHOW BINARY LOG STATUS");
    ends.push({ file: String(file), offset: Number(offset) });
    await admin.run("FLUSH BINARY LOGS");
  }
  expect(ends.map(({ file }) => file.slice("binlog.".length))).toEqual([
    "999998",
    "999999",
    "1000000",
    "1000001",
    "1000002",
  ]);
  await expectExact(tape, admin);
  await waitFor("the last file", () => tape.position.file === "binlog.1000003");
  expect(ends.every((end) => reachesOffset(tape.position, end))).toBe(true);
  const early = { ...tape.position, ...ends[1] };
  expect(ends.map((end) => reachesOffset(early, end))).toEqual([true, true, false, false, false]);
});

mysqlTest("A38: binlogs that are purged while a reader is away from them", async ({ startMysql }) => {
  await using server = await startMysql();
  await using admin = await server.connect();
  await makeTable(admin);
  await using proxy = await FaultProxy.start(server.process.port);
  await using tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(server.url, [T])),
    url: proxy.urlFor(server.url),
    limits: { reconnectMsMin: 10, reconnectMsMax: 100 },
  });
  await admin.run("INSERT INTO t VALUES (1, 'read')");
  await expectExact(tape, admin);
  await proxy.refuse();
  await admin.run("INSERT INTO t VALUES (2, 'not read'); FLUSH BINARY LOGS");
  const [[file = ""] = []] = await admin.rows("SHOW BINARY LOG STATUS");
  await admin.run("PURGE BINARY LOGS TO ?", [file]);
  await proxy.allow();
  // Told at once, and not tried again for ever.
  const error = await tape.failure();
  expect([error.code, error.exitCode, error.retryable]).toEqual(["SOURCE_PURGED", 69, false]);
  expect(tape.rows(T)).toEqual(['{"id":1,"v":"read"}']);
});

mysqlTest(
  "A42: the text of statements in the binlog is passed over, and nobody tells it",
  async ({ startMysql }) => {
    await using server = await startMysql(["--binlog-rows-query-log-events=ON"]);
    await using admin = await server.connect();
    await makeTable(admin);
    const { url } = server;
    await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, [T])), url });
    await admin.run("INSERT INTO t VALUES (1, 'a') /* s3cret */; UPDATE t SET v = 'b' /* s3cret */");
    await expectExact(tape, admin);
    const events = await admin.rows(`SHOW BINLOG EVENTS IN '${tape.position.file}'`);
    expect(events.filter(([, , type]) => type === "Rows_query")).toHaveLength(2);
    // What stops the stream behind it does not quote it.
    await admin.run("SET SESSION binlog_format = STATEMENT; UPDATE t SET v = 'c' /* s3cret */");
    const error = await tape.failure();
    expect(error.code).toBe("BINLOG_STATEMENT");
    expect(`${error.message} ${error.hint} ${tape.logs.join(" ")}`).not.toContain("s3cret");
  },
);

mysqlTest("A54: a reader that stands still for longer than the server waits", async ({ startMysql }) => {
  await using server = await startMysql(["--net-write-timeout=1"]);
  await using admin = await server.connect();
  await makeTable(admin);
  await admin.run("ALTER TABLE t MODIFY v LONGTEXT");
  const without = GtidSet.parse(String(await admin.value("SELECT @@GLOBAL.gtid_executed")));
  // More than the buffers between the two can hold.
  const rows = 30;
  for (let id = 0; id < rows; id++) await admin.run(`INSERT INTO t VALUES (${id}, REPEAT('x', 1000000))`);
  const end = Promise.withResolvers<undefined>();
  let connection: BinlogConnection | null = null;
  let seen = 0;
  connection = await openBinlog({
    driver: { ...driverOptions(endpointOf(server.url)) },
    serverId: 3_200_001,
    without,
    heartbeatMs: 60_000,
    onEvent: (bytes, from) => {
      if (bytes[from + 4] !== EVENT.writeRows || ++seen > 1) {
        if (seen === rows) end.resolve(undefined);
        return;
      }
      connection?.pause();
      // Its own time-out would have closed the connection long before.
      setTimeout(() => connection?.resume(), 3000);
    },
    onEnd: (error) => {
      end.reject(error ?? new Error("the stream ended"));
    },
  });
  await end.promise;
  await connection.close();
  expect(seen).toBe(rows);
});

test("A70: no connection asks for compression", () => {
  const options = driverOptions(endpointOf("mysql://u:p@127.0.0.1:3306"));
  expect(Object.keys(options).filter((name) => /compress/i.test(name))).toEqual([]);
});

mysqlTest(
  "A69: what a table is comes from its own events, whatever DDL was read or not",
  async ({ startMysql }) => {
    await using server = await startMysql();
    await using admin = await server.connect();
    await makeTable(admin);
    const tables = ["odd", "hidden", "t"].map((table) => ({ database: "d", table }));
    await admin.run("CREATE TABLE odd LIKE t; CREATE TABLE hidden LIKE t");
    const { url } = server;
    await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, tables)), url });
    // Statements in which a table's name means nothing, and one that hides behind a comment.
    await admin.run(
      "CREATE PROCEDURE p() BEGIN DROP TABLE t; ALTER TABLE t ADD w INT; END; CREATE EVENT `drop table t` ON SCHEDULE EVERY 1 DAY DISABLE DO TRUNCATE TABLE t; CREATE VIEW v AS SELECT 'ALTER TABLE t DROP v' FROM t",
    );
    await admin.run("/*!99999 nobody */ ALTER -- \n TABLE/**/`d` . `odd` # it is this one\n ADD w INT");
    // One that is not in the binlog at all: the rows behind it have another shape.
    await admin.run(
      "SET SESSION sql_log_bin = 0; ALTER TABLE hidden ADD w INT FIRST; SET SESSION sql_log_bin = 1",
    );
    for (const table of ["odd", "hidden"]) await admin.run(`INSERT INTO ${table} (id, v) VALUES (1, 'x')`);
    await admin.run("INSERT INTO t VALUES (1, 'x')");
    await tape.caughtUp(admin);
    expect(tape.stops.map(({ table, code }) => [table.table, code])).toEqual([
      ["odd", "TABLE_DDL"],
      ["hidden", "TABLE_SCHEMA_CHANGED"],
    ]);
    expect([tape.rows(T), tape.broken]).toEqual([['{"id":1,"v":"x"}'], []]);
  },
);

mysqlTest("A68: a node of a group writes GTIDs of the group", async ({ startMysql }) => {
  const group = "aaaaaaaa-0000-4000-8000-00000000000a";
  await using server = await startMysql([
    "--plugin-load-add=group_replication.so",
    `--group-replication-group-name=${group}`,
    "--group-replication-bootstrap-group=ON",
    "--group-replication-start-on-boot=OFF",
    `--group-replication-local-address=127.0.0.1:${await freePort()}`,
    "--report-host=127.0.0.1",
  ]);
  await using admin = await server.connect();
  await makeTable(admin);
  const { url } = server;
  await using tape = await BinlogTape.start({ ...(await BinlogTape.prepare(url, [T])), url });
  await admin.run("INSERT INTO t VALUES (1, 'alone')");
  await admin.run("START GROUP_REPLICATION");
  await admin.run("INSERT INTO t VALUES (2, 'in a group'); UPDATE t SET v = CONCAT(v, '!')");
  await expectExact(tape, admin);
  expect([...tape.transactions.keys()].filter((gtid) => gtid.startsWith(group))).toHaveLength(2);
  await admin.run("STOP GROUP_REPLICATION");
});

mysqlTest(
  "D147: numbers of tables that stand for others when the server was started again",
  async ({ startMysql }) => {
    await using server = await startMysql();
    const tables = ["one", "two"].map((table) => ({ database: "d", table }));
    {
      await using admin = await server.connect();
      // As many columns, by other types: rows of the one would be read as rows of the other without a word.
      await admin.run(`CREATE DATABASE d; USE d; CREATE TABLE one (id INT PRIMARY KEY, v INT, w VARCHAR(9));
      CREATE TABLE two (id INT PRIMARY KEY, v VARCHAR(9), w INT)`);
    }
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(server.url, tables)),
      url: server.url,
      limits: { reconnectMsMin: 10, reconnectMsMax: 100 },
    });
    for (const order of [tables, tables.toReversed(), tables]) {
      await using admin = await server.connect("d");
      const values = (table: string): string => (table === "one" ? "7, 'x'" : "'x', 7");
      for (const { table } of order) {
        await admin.run(
          `INSERT INTO ${table} SELECT COALESCE(MAX(id), 0) + 1, ${values(table)} FROM ${table}`,
        );
      }
      await tape.caughtUp(admin);
      for (const id of tables) expect(tape.rows(id)).toEqual(await rowsOf(admin, id));
      await server.process.kill9();
      await server.process.restart();
    }
    expect([tape.broken, tape.stops]).toEqual([[], []]);
  },
);
