import { expect } from "vitest";
import { preflight } from "../../../src/capture/preflight.ts";
import { discoverTables } from "../../../src/capture/schema-reader.ts";
import { planChunks } from "../../../src/capture/chunk-plan.ts";
import { parseTablePattern } from "../../../src/types/table-pattern.ts";
import { must } from "../../../src/util/assert.ts";
import { BinlogTape, rowsOf, sourceFor } from "../../support/binlog-tape.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { eachMariadb } from "../../support/mariadb.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

const id = (database: { readonly name: string }, table: string) => ({ database: database.name, table });

async function problemsOf(url: string, include: readonly string[]) {
  await using session = await CaptureSession.open(url);
  const found = await preflight(session.connection, {
    include: include.map(parseTablePattern),
    exclude: [],
    host: "127.0.0.1",
    choices: () => ({ decimalsAsText: [], key: null, withoutPrimaryKey: "refuse" }),
  });
  return found.problems.map(({ code, severity, message, hint }) => ({ code, severity, message, hint }));
}

async function accountOf(database: TestDatabase, grants: readonly string[]): Promise<string> {
  const name = `u_${database.name.slice(-10)}`;
  await database.run(`CREATE OR REPLACE USER ${name}@'127.0.0.1' IDENTIFIED BY 'p'`);
  for (const grant of grants) await database.run(`GRANT ${grant} TO ${name}@'127.0.0.1'`);
  return database.server.url.replace("root@", `${name}:p@`);
}

eachMariadb((test) => {
  test("A67 B109 B110: columns that a SELECT shows only by name, or not at all", async ({ database }) => {
    await database.run(`CREATE TABLE t (id INT PRIMARY KEY, b BLOB UNIQUE, v INT AS (id + 1) VIRTUAL, s INT AS (id + 2) STORED,
      i INT INVISIBLE DEFAULT 7, x VARCHAR(9))`);
    const prepared = await BinlogTape.prepare(database.server.url, [id(database, "t")]);
    await using tape = await BinlogTape.start({ ...prepared, url: database.server.url });
    await database.run("INSERT INTO t (id, b, x) VALUES (1, 'one', 'x'), (2, NULL, 'y')");
    await database.run("UPDATE t SET b = 'two', i = 8 WHERE id = 2; DELETE FROM t WHERE id = 1");
    await tape.caughtUp(database.connection);
    await using session = await CaptureSession.open(database.server.url);
    const rows = ['{"id":2,"b":"dHdv","v":3,"s":4,"i":8,"x":"y"}'];
    expect(await snapshotRows(session.connection, must(prepared.schemas[0], "a schema"))).toEqual(rows);
    expect([tape.rows(id(database, "t")), tape.stops, tape.broken]).toEqual([rows, [], []]);
  });

  test("A65 A66: system-versioned tables are refused by name, and sequences are no tables", async ({
    database,
  }) => {
    await database.run(`CREATE TABLE t (id INT PRIMARY KEY); CREATE SEQUENCE numbers; CREATE VIEW w AS SELECT * FROM t;
      CREATE TABLE old (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING`);
    await using session = await CaptureSession.open(database.server.url);
    const all = { include: [parseTablePattern(`${database.name}.*`)], exclude: [] };
    const found = await discoverTables(session.connection, all);
    expect([found.tables.map(({ table }) => table), found.views]).toEqual([["old", "t"], []]);
    const problems = await problemsOf(database.server.url, [
      `${database.name}.*`,
      `${database.name}.numbers`,
    ]);
    expect(
      problems
        .filter(({ severity }) => severity === "error")
        .map(({ code, message }) => [code, message.split(":")[0]]),
    ).toEqual([
      ["TABLE_TYPE_UNSUPPORTED", `${database.name}.old is system-versioned`],
      ["TABLE_ABSENT", `${database.name}.numbers is a sequence, and no table of rows`],
    ]);
  });

  test("A17: a foreign key that changes rows without events is refused", async ({ database }) => {
    await database.run(`CREATE TABLE p (id INT PRIMARY KEY);
      CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT k FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`);
    const problems = await problemsOf(database.server.url, [`${database.name}.c`]);
    expect(problems.map(({ code }) => code)).toContain("TABLE_FOREIGN_KEY_CASCADE");
  });

  test("a server that is set up otherwise is told what to change, in MariaDB's words", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb([
      "--binlog-format=MIXED",
      "--binlog-row-image=MINIMAL",
      "--binlog-row-metadata=MINIMAL",
      "--gtid-strict-mode",
      "--sync-binlog=1",
      "--innodb-flush-log-at-trx-commit=1",
      "--binlog-expire-logs-seconds=600",
      "--log-slave-updates",
    ]);
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY)");
    const problems = await problemsOf(server.url, [`${database.name}.t`]);
    expect(
      problems.map(({ severity, message, hint }) => [severity, message.split(":")[0], hint.split(";")[0]]),
    ).toEqual([
      ["error", "binlog_format is MIXED", "SET GLOBAL binlog_format = 'ROW'"],
      ["error", "binlog_row_image is MINIMAL", "SET GLOBAL binlog_row_image = 'FULL'"],
      ["error", "binlog_row_metadata is MINIMAL", "SET GLOBAL binlog_row_metadata = 'FULL'"],
      [
        "error",
        "binlog_expire_logs_seconds keeps the binlog for 10m00s only",
        "SET GLOBAL binlog_expire_logs_seconds = 604800",
      ],
    ]);
  });

  test("A25 A26 A27 A28 A32: what a session of the source changes for itself stops the stream, or its table", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, v INT, b BLOB); CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO t VALUES (1, 1, 'x')",
    );
    const ids = [id(database, "t"), id(database, "u")];
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(server.url, ids)),
      url: server.url,
    });
    await database.run("SET binlog_row_image = NOBLOB; UPDATE t SET v = 2; INSERT INTO u VALUES (1)");
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ table, code }) => [table.table, code])).toEqual([["t", "TABLE_ROW_IMAGE"]]);
    expect(tape.rows(id(database, "u"))).toEqual(['{"id":1}']);
    await database.run("SET binlog_format = STATEMENT; INSERT INTO u VALUES (2)");
    expect((await tape.failure()).code).toBe("BINLOG_STATEMENT");
  });

  test("A4 A5 A6 A7: what XA prepared stops its table, and an open one keeps a snapshot from beginning", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY)");
    const ids = [id(database, "t"), id(database, "u")];
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(server.url, ids)),
      url: server.url,
    });
    await database.run("XA START 'o'; INSERT INTO u VALUES (1); XA END 'o'; XA COMMIT 'o' ONE PHASE");
    await database.run("XA START 'x'; INSERT INTO t VALUES (1); XA END 'x'; XA PREPARE 'x'");
    await using session = await CaptureSession.open(server.url);
    expect(await session.connection.dialect.readOpenXa(session.connection)).toEqual(["X'78',X'',1"]);
    const source = sourceFor(server.url);
    await expect(source.lowWatermark()).rejects.toMatchObject({ code: "SOURCE_XA_OPEN" });
    await source.close();
    await database.run("XA COMMIT 'x'; INSERT INTO u VALUES (2)");
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ table, code }) => [table.table, code])).toEqual([["t", "TABLE_XA"]]);
    expect([tape.rows(id(database, "u")), tape.broken]).toEqual([['{"id":1}', '{"id":2}'], []]);
  });

  test("A9 D151: DDL in a transaction, and an ALTER that is written as it begins and as it ends", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb(["--binlog-alter-two-phase"]);
    await using database = await server.database();
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO u VALUES (1), (2)",
    );
    const ids = [id(database, "t"), id(database, "u")];
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(server.url, ids)),
      url: server.url,
    });
    // An ALTER that fails behind its beginning is taken back, and has changed nothing.
    await expect(
      database.run("ALTER TABLE u ADD COLUMN k INT NOT NULL DEFAULT 1, ADD UNIQUE (k)"),
    ).rejects.toThrow("Duplicate");
    await database.run(
      "BEGIN; INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN v INT; INSERT INTO t VALUES (2, 2); COMMIT",
    );
    await database.run("INSERT INTO u VALUES (3)");
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ table, code, at }) => [table.table, code, at.gtids.toString()])).toEqual([
      ["t", "TABLE_DDL", must(tape.stops[0], "a stop").at.gtids.toString()],
    ]);
    expect([tape.rows(id(database, "t")), tape.rows(id(database, "u"))]).toEqual([
      ['{"id":1}'],
      ['{"id":3}'],
    ]);
    const events = await database.rows("SHOW BINLOG EVENTS");
    expect(events.filter(([, , , , , info]) => String(info).includes("START ALTER"))).not.toEqual([]);
  });

  test("B107 E161 E162: chunks by keys of MariaDB's own types and collations have every row once", async ({
    database,
  }) => {
    await database.run(`CREATE TABLE t (u UUID, i INET6, c VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci, n INT,
      PRIMARY KEY (u, i, c))`);
    await database.run(`INSERT INTO t SELECT CONCAT(LPAD(HEX(seq * 7919 % 13), 8, '0'), '-0000-1000-8000-', LPAD(HEX(seq % 5), 12, '0')),
      CONCAT('2001:db8::', HEX(seq % 17)), CONCAT(CHAR(97 + seq % 26), 'é', seq), seq FROM seq_1_to_500`);
    await using session = await CaptureSession.open(database.server.url);
    const schema = await session.schema(id(database, "t"));
    const seen: number[] = [];
    let chunks = 0;
    const source = sourceFor(database.server.url);
    for await (const chunk of planChunks(session.connection, schema, { chunkRows: 37 })) {
      chunks++;
      const rows: number[] = [];
      const { rows: count } = await source.readChunk(schema, chunk, {
        sink: {
          begin: () => Promise.resolve(void (rows.length = 0)),
          write: (part) => Promise.resolve(void rows.push(part.count)),
        },
        signal: new AbortController().signal,
      });
      expect(rows.reduce((a, b) => a + b, 0)).toBe(count);
      seen.push(count);
    }
    await source.close();
    expect(chunks).toBeGreaterThan(13);
    expect(seen.reduce((a, b) => a + b, 0)).toBe(500);
  });

  test("the grants that are enough, and each that is missing by its name", async ({ database }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY)");
    const include = [`${database.name}.t`];
    const lacks = async (grants: readonly string[]): Promise<readonly string[]> => {
      const url = await accountOf(database, grants);
      const problems = await problemsOf(url, include);
      return problems
        .filter(({ code }) => code === "SOURCE_GRANT_MISSING" || code === "TABLE_ABSENT")
        .map(({ hint }) => hint);
    };
    const account = `\`u_${database.name.slice(-10)}\`@\`127.0.0.1\``;
    const select = `SELECT ON ${database.name}.t`;
    const enough = ["REPLICATION SLAVE, BINLOG MONITOR ON *.*", select];
    expect(await lacks(enough)).toEqual([]);
    expect(await lacks(["BINLOG MONITOR ON *.*", select])).toEqual([
      `GRANT REPLICATION SLAVE ON *.* TO ${account};`,
    ]);
    expect(await lacks(["REPLICATION SLAVE ON *.*", select])).toEqual([
      `GRANT BINLOG MONITOR ON *.* TO ${account};`,
    ]);
    expect(await lacks(["REPLICATION SLAVE, BINLOG MONITOR ON *.*"])).toHaveLength(1);
    const url = await accountOf(database, enough);
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(url, [id(database, "t")])),
      url,
    });
    await database.run("INSERT INTO t VALUES (1)");
    await tape.caughtUp(database.connection);
    expect(tape.rows(id(database, "t"))).toEqual(await rowsOf(database.connection, id(database, "t")));
    await database.run(`DROP USER ${account}`);
  });

  test("B82: times that are stored as before MariaDB 10 are refused by name, and the remedy is one", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb(["--mysql56-temporal-format=OFF"]);
    await using database = await server.database();
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, d DATETIME(3), t TIME, s TIMESTAMP NULL, j DATE)",
    );
    const refused = async (): Promise<readonly string[]> => {
      const problems = await problemsOf(server.url, [`${database.name}.t`]);
      return problems.filter(({ severity }) => severity === "error").map(({ hint }) => hint);
    };
    const hints = await refused();
    expect(hints).toHaveLength(3);
    await database.run(must(hints[0]?.split(" or ")[0], "a remedy"));
    expect(await refused()).toEqual([]);
  });
});
