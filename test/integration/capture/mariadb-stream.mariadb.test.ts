import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { eachMariadb } from "../../support/mariadb.ts";
import type { TestDatabase, TestMysql } from "../../support/test-mysql.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const id = (database: { readonly name: string }, table: string) => ({ database: database.name, table });

async function tapeOf(server: TestMysql, tables: readonly ReturnType<typeof id>[]): Promise<BinlogTape> {
  return BinlogTape.start({ ...(await BinlogTape.prepare(server.url, tables)), url: server.url });
}

/** Runs statements under a tape of `tables`, and what the tape made of them equals the tables. */
async function follow(
  database: TestDatabase,
  tables: readonly string[],
  sql: readonly string[],
): Promise<BinlogTape> {
  const ids = tables.map((table) => id(database, table));
  const tape = await tapeOf(database.server, ids);
  for (const statements of sql) await database.run(statements);
  await tape.caughtUp(database.connection);
  for (const table of ids) expect(tape.rows(table)).toEqual(await rowsOf(database.connection, table));
  expect([tape.broken, tape.stops, tape.aborts]).toEqual([[], [], 0]);
  return tape;
}

eachMariadb((test, version) => {
  test("A1 A2 A24 A63: a transaction comes whole, in order, without what was rolled back in it", async ({
    database,
  }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))");
    await using tape = await follow(
      database,
      ["t"],
      [
        "BEGIN; INSERT INTO t VALUES (1, 'a'); ROLLBACK",
        `BEGIN; INSERT INTO t VALUES (2, 'a'); SAVEPOINT s; INSERT INTO t VALUES (3, 'a'); UPDATE t SET v = 'b';
         ROLLBACK TO s; INSERT INTO t VALUES (4, 'a'); RELEASE SAVEPOINT s; COMMIT`,
        "INSERT INTO t VALUES (5, 'x'); UPDATE t SET v = 'y' WHERE id = 5; UPDATE t SET id = 6 WHERE id = 5",
        "DELETE FROM t WHERE id = 4; INSERT INTO t VALUES (4, 'again')",
      ],
    );
    expect(tape.rows(id(database, "t"))).toEqual([
      '{"id":2,"v":"a"}',
      '{"id":4,"v":"again"}',
      '{"id":6,"v":"y"}',
    ]);
    const status = await database.rows("SHOW MASTER STATUS");
    expect([tape.position.file, String(tape.position.offset)]).toEqual(status[0]?.slice(0, 2));
  });

  test("A3 A10 A18 A22 A66: groups that are not plain transactions", async ({ database }) => {
    await database.run(`
      CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE u (id INT PRIMARY KEY, v INT);
      CREATE TABLE slow (id INT PRIMARY KEY) ENGINE = MyISAM; CREATE SEQUENCE numbers;
      CREATE TRIGGER noted AFTER UPDATE ON t FOR EACH ROW REPLACE INTO u VALUES (NEW.id, NEW.v)`);
    await using tape = await follow(
      database,
      ["t", "u"],
      [
        "INSERT INTO t VALUES (NEXTVAL(numbers), 1), (NEXTVAL(numbers), 1)",
        "BEGIN; INSERT INTO slow VALUES (1); INSERT INTO t VALUES (8, 8); ROLLBACK",
        "BEGIN; UPDATE t SET v = 2; INSERT INTO slow VALUES (2); COMMIT",
        "CREATE TABLE made AS SELECT * FROM t",
        "CREATE TABLE other (id INT PRIMARY KEY) SELECT id FROM t",
        "INSERT INTO t SELECT id + 10, v FROM made",
        "CREATE TEMPORARY TABLE t2 (id INT); INSERT INTO t2 VALUES (1); DROP TEMPORARY TABLE t2",
        "CREATE OR REPLACE VIEW w AS SELECT * FROM t; DROP VIEW w; ALTER SEQUENCE numbers RESTART 100; DROP SEQUENCE numbers",
        "SET STATEMENT max_statement_time = 100 FOR INSERT INTO t VALUES (99, 1)",
      ],
    );
    expect(tape.rows(id(database, "u"))).toEqual(['{"id":1,"v":2}', '{"id":2,"v":2}']);
  });

  test("A31: events that are compressed one by one", async ({ startMariadb }) => {
    await using server = await startMariadb(["--log-bin-compress", "--log-bin-compress-min-len=10"]);
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)");
    await using tape = await follow(
      database,
      ["t"],
      [
        "INSERT INTO t SELECT seq, REPEAT(CHAR(64 + seq % 20), seq * 7) FROM seq_1_to_300",
        "UPDATE t SET v = CONCAT(v, id) WHERE id % 3 = 0; DELETE FROM t WHERE id % 7 = 0",
        `CREATE TABLE another_table_with_a_long_name (${Array.from({ length: 40 }, (_, i) => `column_${i} INT`).join(", ")})`,
        "INSERT INTO t VALUES (1000, 'x')",
      ],
    );
    expect(tape.rows(id(database, "t"))).toHaveLength(300 - 42 + 1);
    const stored = await database.rows("SHOW BINLOG EVENTS");
    expect(
      [...new Set(stored.map(([, , type]) => type))]
        .filter((type) => String(type).includes("ompressed"))
        .sort(),
    ).toEqual([
      "Delete_rows_compressed_v1",
      "Query_compressed",
      "Update_rows_compressed_v1",
      "Write_rows_compressed_v1",
    ]);
  });

  test("A36 A35 A39 A42: rotations, checksums that come and go, and the texts of statements", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    await using tape = await tapeOf(server, [id(database, "t")]);
    let next = 1;
    for (const checksum of ["CRC32", "NONE", "CRC32", "CRC32", "NONE"]) {
      await database.run(
        `SET GLOBAL binlog_checksum = ${checksum}; SET binlog_annotate_row_events = ${next % 2}`,
      );
      await database.run(
        `INSERT INTO t VALUES (${next++}, 1); FLUSH BINARY LOGS; INSERT INTO t VALUES (${next++}, 2)`,
      );
    }
    await tape.caughtUp(database.connection);
    expect(tape.rows(id(database, "t"))).toEqual(await rowsOf(database.connection, id(database, "t")));
    expect([tape.broken, tape.stops, tape.aborts]).toEqual([[], [], 0]);
  });

  test("A14 A64: domains and servers of their own, and a reader that begins anew at each place", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    const { schemas, start } = await BinlogTape.prepare(server.url, [id(database, "t")]);
    const options = { url: server.url, schemas };
    let position = start.position;
    const rows: string[] = [];
    const places: string[] = [];
    const sources = [
      [0, 1],
      [7, 1],
      [7, 3],
      [0, 2],
      [0, 1],
      [7, 1],
    ] as const;
    for (const [i, [domain, serverId]] of sources.entries()) {
      await database.run(`SET gtid_domain_id = ${domain}, server_id = ${serverId}`);
      await database.run(`INSERT INTO t VALUES (${i}, 0)`);
      await using tape = await BinlogTape.start({ ...options, start: { ...start, position } });
      await tape.caughtUp(database.connection);
      await tape.stop();
      rows.push(...tape.rows(id(database, "t")));
      position = tape.position;
      places.push(position.gtids.toString());
    }
    expect(rows).toEqual(sources.map((_, i) => JSON.stringify({ id: i, v: 0 })));
    expect(places).toEqual([
      "0-1-3",
      "0-1-3,7-1-1",
      "0-1-3,7-3-2",
      "0-2-4,7-3-2",
      "0-1-5,7-3-2",
      "0-1-5,7-1-3",
    ]);
    // While nothing comes the reader compares its position with what the server has, again and again.
    const limits = { compareMs: 50 };
    await using tape = await BinlogTape.start({ ...options, start: { ...start, position }, limits });
    await database.run("INSERT INTO t VALUES (99, 0)");
    await tape.caughtUp(database.connection);
    await delay(600);
    expect([tape.error, tape.aborts]).toEqual([null, 0]);
    await database.run("SET gtid_seq_no = 2; INSERT INTO t VALUES (100, 0)");
    const error = await tape.failure();
    expect([error.code, error.message]).toEqual([
      "BINLOG_GTID",
      "7-1-2 came behind 0-1-5,7-1-4: its domain is not in order",
    ]);
  });

  test("A14 A15: a server that is killed under the reader goes on, and no event comes twice", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    const table = { database: "d", table: "t" };
    {
      await using session = await server.connect();
      await session.run("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v INT)");
    }
    await using tape = await tapeOf(server, [table]);
    {
      await using session = await server.connect("d");
      await session.run("INSERT INTO t VALUES (1, 1)");
      await tape.caughtUp(session);
    }
    await server.process.kill9();
    await server.process.restart();
    await using session = await server.connect("d");
    await session.run("INSERT INTO t VALUES (2, 2)");
    await tape.caughtUp(session);
    expect(tape.rows(table)).toEqual(['{"id":1,"v":1}', '{"id":2,"v":2}']);
    expect(tape.broken).toEqual([]);
  });

  test("A51: a reader with the same server id takes over, and the first one ends by name", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    await database.run("CREATE TABLE t (id INT PRIMARY KEY)");
    await using first = await tapeOf(server, [id(database, "t")]);
    await database.run("INSERT INTO t VALUES (1)");
    await first.caughtUp(database.connection);
    await using second = await tapeOf(server, [id(database, "t")]);
    const error = await first.failure();
    expect([error.code, error.message.includes("4001")]).toEqual(["SOURCE_SERVER_ID", true]);
    await database.run("INSERT INTO t VALUES (2)");
    await second.caughtUp(database.connection);
    expect(second.rows(id(database, "t"))).toEqual(['{"id":2}']);
  });

  test("A37 A47 A49: logs that were purged, or reset under a new history, end the stream", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using database = await server.database();
    const table = id(database, "t");
    await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    const { schemas, start } = await BinlogTape.prepare(server.url, [table]);
    const options = { url: server.url, schemas, start };
    expect(start.position.gtids.toString()).toBe("0-1-3");
    await database.run("INSERT INTO t VALUES (3); FLUSH BINARY LOGS");
    // A file stays for a moment, until the engines need it no more.
    await waitFor("the first file to go", async () => {
      await database.run("PURGE BINARY LOGS TO 'binlog.000002'");
      return (await database.rows("SHOW BINARY LOGS")).length === 1;
    });
    {
      await using tape = await BinlogTape.start(options);
      const error = await tape.failure();
      expect([error.code, error.message]).toEqual([
        "SOURCE_PURGED",
        "the binlogs with 0-1-4 are gone from the server",
      ]);
    }
    await database.run("RESET MASTER; INSERT INTO t VALUES (4)");
    {
      await using tape = await BinlogTape.start(options);
      const error = await tape.failure();
      expect([error.code, error.message]).toEqual([
        "SOURCE_HISTORY_BROKEN",
        "the server does not have 0-1-2..3, which the lake holds",
      ]);
    }
    await database.run("INSERT INTO t VALUES (5); INSERT INTO t VALUES (6); INSERT INTO t VALUES (7)");
    await using tape = await BinlogTape.start(options);
    expect((await tape.failure()).code).toBe("SOURCE_HISTORY_BROKEN");
  });

  // The plugins of 11.4 are not in the jar that it comes in.
  if (version === "10.11") {
    test("A41: a binlog that is encrypted on disk", async ({ startMariadb, onTestFinished }) => {
      const dir = await tempDir();
      onTestFinished(() => dir[Symbol.asyncDispose]());
      const keys = join(dir.path, "keys");
      await writeFile(keys, `1;${"a1".repeat(32)}\n`);
      await using server = await startMariadb([
        "--plugin-load-add=file_key_management",
        `--file-key-management-filename=${keys}`,
        "--encrypt-binlog",
      ]);
      await using database = await server.database();
      await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
      await using tape = await follow(
        database,
        ["t"],
        ["INSERT INTO t VALUES (1, 1), (2, 2)", "FLUSH BINARY LOGS; DELETE FROM t WHERE id = 1"],
      );
      expect(tape.rows(id(database, "t"))).toEqual(['{"id":2,"v":2}']);
      const events = await database.rows("SHOW BINLOG EVENTS");
      expect(events.map(([, , type]) => type)).toContain("Start_encryption");
    });
  }
});
