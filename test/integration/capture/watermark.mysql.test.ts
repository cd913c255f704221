import { expect } from "vitest";
import { readSourceFacts } from "../../../src/capture/source-facts.ts";
import { requireNoOpenXa } from "../../../src/capture/watermark.ts";
import { MYSQL } from "../../../src/capture/mysql-dialect.ts";
import { compareBinlogOffset } from "../../../src/types/source-position.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";

async function errorOf(work: Promise<unknown>): Promise<SyncError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}

mysqlTest("the marks stand before and behind a transaction", async ({ startMysql }) => {
  await using server = await startMysql();
  await using admin = await server.connect();
  await using session = await CaptureSession.open(server.url);
  await admin.run("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
  const uuid = String(await admin.value("SELECT @@server_uuid"));
  const low = await MYSQL.readLowWatermark(session.connection);
  expect(low.gtids.toString()).toBe(`${uuid}:1-2`);
  const before = (await MYSQL.readBinlogStatus(session.connection)).end;
  expect(before).toEqual(low.binlog);
  await admin.run("INSERT INTO d.t VALUES (1)");
  const after = (await MYSQL.readBinlogStatus(session.connection)).end;
  expect(compareBinlogOffset(after, before)).toBeGreaterThan(0);
  await admin.run("FLUSH BINARY LOGS");
  expect(compareBinlogOffset((await MYSQL.readBinlogStatus(session.connection)).end, after)).toBeGreaterThan(
    0,
  );
  expect((await MYSQL.readLowWatermark(session.connection)).gtids.toString()).toBe(`${uuid}:1-3`);
});

mysqlTest("facts of a source", async ({ startMysql }) => {
  await using server = await startMysql(["--binlog-do-db=a", "--binlog-do-db=b", "--binlog-ignore-db=c"]);
  await using admin = await server.connect();
  await using session = await CaptureSession.open(server.url);
  await admin.run(
    "CREATE DATABASE a; FLUSH BINARY LOGS; USE a; CREATE TABLE t (id INT PRIMARY KEY); FLUSH BINARY LOGS",
  );
  const logs = await admin.rows("SHOW BINARY LOGS");
  await admin.run(`PURGE BINARY LOGS TO '${String(logs[1]?.[0])}'`);
  const facts = await readSourceFacts(session.connection);
  const uuid = String(await admin.value("SELECT @@server_uuid"));
  expect(facts).toMatchObject({
    version: await admin.value("SELECT VERSION()"),
    serverUuid: uuid,
    oldestBinlog: logs[1]?.[0],
    binlogEnd: { file: logs[2]?.[0], offset: Number(logs[2]?.[1]) },
    binlogBytes: Number(logs[1]?.[1]) + Number(logs[2]?.[1]),
  });
  expect(facts.executedGtids.toString()).toBe(`${uuid}:1-2`);
  expect(facts.purgedGtids.toString()).toBe(`${uuid}:1`);
  const status = await MYSQL.readBinlogStatus(session.connection);
  expect([status.doDatabases, status.ignoreDatabases]).toEqual([["a", "b"], ["c"]]);
});

mysqlTest("a server without a binlog is named as that", async ({ startMysql }) => {
  await using server = await startMysql(["--skip-log-bin"]);
  await using session = await CaptureSession.open(server.url);
  expect((await errorOf(MYSQL.readBinlogStatus(session.connection)))?.code).toBe("SOURCE_BINLOG_OFF");
  expect((await errorOf(readSourceFacts(session.connection)))?.code).toBe("SOURCE_BINLOG_OFF");
});

mysqlTest("prepared XA transactions are listed by xids that XA COMMIT takes", async ({ startMysql }) => {
  await using server = await startMysql();
  await using admin = await server.connect();
  await admin.run("CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY)");
  await using session = await CaptureSession.open(server.url);
  expect(await MYSQL.readOpenXa(session.connection)).toEqual([]);
  expect(await errorOf(requireNoOpenXa(session.connection))).toBeNull();
  await admin.run("XA START X'00FF27', 'b', 7; INSERT INTO t VALUES (1); XA END X'00FF27', 'b', 7");
  expect(await MYSQL.readOpenXa(session.connection)).toEqual([]);
  await admin.run("XA PREPARE X'00FF27', 'b', 7");
  expect(await MYSQL.readOpenXa(session.connection)).toEqual(["X'00FF27',X'62',7"]);
  const error = await errorOf(requireNoOpenXa(session.connection));
  expect([error?.code, error?.retryable, error?.message]).toEqual([
    "SOURCE_XA_OPEN",
    true,
    "1 prepared XA transactions are open: X'00FF27',X'62',7",
  ]);
  await admin.run("XA COMMIT X'00FF27',X'62',7");
  expect(await errorOf(requireNoOpenXa(session.connection))).toBeNull();
});

mysqlTest("without the grant open XA transactions are unknown", async ({ mysql, database }) => {
  const user = `x_${database.name.slice(-10)}`;
  await database.run(`CREATE USER ${user}@'%'`);
  try {
    await using session = await CaptureSession.open(mysql.url, { user });
    expect(await MYSQL.readOpenXa(session.connection)).toBeNull();
    expect((await errorOf(requireNoOpenXa(session.connection)))?.code).toBe("SOURCE_GRANT_MISSING");
  } finally {
    await database.run(`DROP USER ${user}@'%'`);
  }
});
