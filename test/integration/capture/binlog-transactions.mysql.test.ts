import { join } from "node:path";
import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { tempDir } from "../../support/temp-dir.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/** Runs statements under a tape of `tables`, and what the tape made of them equals the tables. */
async function follow(
  database: TestDatabase,
  tables: readonly string[],
  sql: readonly string[],
): Promise<BinlogTape> {
  const ids = tables.map((table) => ({ database: database.name, table }));
  const tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(database.server.url, ids)),
    url: database.server.url,
  });
  for (const statements of sql) await database.run(statements);
  await tape.caughtUp(database.connection);
  for (const id of ids) expect(tape.rows(id)).toEqual(await rowsOf(database.connection, id));
  expect([tape.broken, tape.stops, tape.aborts]).toEqual([[], [], 0]);
  return tape;
}

mysqlTest(
  "A1 A2 A6: what is rolled back never comes, the rest of its transaction does",
  async ({ database }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))");
    await using tape = await follow(
      database,
      ["t"],
      [
        "BEGIN; INSERT INTO t VALUES (1, 'a'); ROLLBACK",
        `BEGIN; INSERT INTO t VALUES (2, 'a'); SAVEPOINT s; INSERT INTO t VALUES (3, 'a'); UPDATE t SET v = 'b';
     ROLLBACK TO s; INSERT INTO t VALUES (4, 'a'); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE SAVEPOINT s; COMMIT`,
        "XA START 'r'; INSERT INTO t VALUES (5, 'a'); XA END 'r'; XA ROLLBACK 'r'",
        "XA START 'o'; INSERT INTO t VALUES (6, 'a'); UPDATE t SET v = 'c' WHERE id = 2; XA END 'o'; XA COMMIT 'o' ONE PHASE",
      ],
    );
    expect(tape.rows({ database: database.name, table: "t" })).toEqual([
      '{"id":2,"v":"c"}',
      '{"id":4,"v":"a"}',
      '{"id":6,"v":"a"}',
    ]);
    expect(tape.transactions.size).toBe(2);
  },
);

mysqlTest(
  "A18 A19 A20 A21 A23 A24 C123: statements that change several tables, or rows in other ways than they say",
  async ({ database }) => {
    await database.run(`
    CREATE TABLE a (id INT PRIMARY KEY, u INT UNIQUE, v INT); CREATE TABLE b (id INT PRIMARY KEY, v INT);
    CREATE TABLE audit (id INT AUTO_INCREMENT PRIMARY KEY, v INT);
    CREATE TRIGGER noted AFTER UPDATE ON a FOR EACH ROW INSERT INTO audit (v) VALUES (NEW.v);
    CREATE TABLE c (id INT PRIMARY KEY, v INT);
    CREATE TRIGGER removed AFTER DELETE ON a FOR EACH ROW UPDATE c SET v = v - 1 WHERE id <> OLD.id`);
    await using tape = await follow(
      database,
      ["a", "b", "c", "audit"],
      [
        "INSERT INTO a VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO b VALUES (1, 10), (2, 20), (3, 30); INSERT INTO c SELECT * FROM b",
        "UPDATE a JOIN b USING (id) SET a.v = a.v + 100, b.v = b.v + 1000 WHERE id < 3",
        // Collides with two rows at once: one is deleted, the other changes its key.
        "REPLACE INTO a VALUES (1, 2, 5)",
        "INSERT INTO a VALUES (1, 9, 0), (7, 7, 7) ON DUPLICATE KEY UPDATE v = v + 1",
        "INSERT IGNORE INTO a VALUES (1, 1, 1); UPDATE a SET v = v",
        "DELETE a, b FROM a JOIN b USING (id) WHERE id = 3",
        // Keys change places within one transaction.
        "BEGIN; UPDATE b SET id = 99 WHERE id = 1; UPDATE b SET id = 1 WHERE id = 2; UPDATE b SET id = 2 WHERE id = 99; COMMIT",
        "UPDATE b SET id = id + 1 ORDER BY id DESC",
        "BEGIN; DELETE FROM b; INSERT INTO b VALUES (2, 0); UPDATE b SET v = 1; UPDATE b SET v = 2; COMMIT",
        "CREATE TABLE copied (id INT PRIMARY KEY) SELECT id FROM a; DROP TABLE copied",
      ],
    );
    expect(tape.rows({ database: database.name, table: "b" })).toEqual(['{"id":2,"v":2}']);
    expect(tape.rows({ database: database.name, table: "audit" })).toHaveLength(6);
  },
);

mysqlTest(
  "A2 A3: engines without transactions beside the tables that are kept, and savepoints among temporary tables",
  async ({ database }) => {
    await database.run(`CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9));
      CREATE TABLE m (id INT PRIMARY KEY) ENGINE = MyISAM`);
    const refused: string[] = [];
    const attempt = async (sql: string): Promise<void> => {
      await using session = await database.connect();
      await session.run(sql).catch((error: unknown) => refused.push(String(error).slice(0, 42)));
    };
    await using tape = await follow(database, ["t"], ["INSERT INTO t VALUES (1, 'a')"]);
    // With GTIDs the server refuses what it could not log as one transaction, and rolls nothing of it back by halves.
    await attempt("BEGIN; INSERT INTO t VALUES (2, 'x'); INSERT INTO m VALUES (2); ROLLBACK");
    await attempt("UPDATE t, m SET t.v = 'x', m.id = 9");
    await attempt("BEGIN; INSERT INTO m VALUES (3); INSERT INTO t VALUES (3, 'x'); ROLLBACK");
    await attempt("BEGIN; INSERT INTO m VALUES (4); INSERT INTO t VALUES (4, 'kept'); COMMIT");
    await attempt(`CREATE TEMPORARY TABLE tmp (id INT) ENGINE = MyISAM; BEGIN; INSERT INTO t VALUES (5, 'kept');
      SAVEPOINT s; INSERT INTO tmp VALUES (1); INSERT INTO t VALUES (6, 'x'); ROLLBACK TO s;
      SAVEPOINT s2; CREATE TEMPORARY TABLE tmp2 (id INT); UPDATE t SET v = 'x'; ROLLBACK TO s2; COMMIT`);
    await database.run("INSERT INTO t VALUES (7, 'b')");
    await tape.caughtUp(database.connection);
    const id = { database: database.name, table: "t" };
    expect(tape.rows(id)).toEqual(await rowsOf(database.connection, id));
    expect(tape.rows(id)).toHaveLength(4);
    expect([tape.broken, tape.stops]).toEqual([[], []]);
    expect(refused).toEqual(Array.from({ length: 2 }, () => "Error: Statement violates GTID consistency"));
  },
);

mysqlTest("A10 A22: rows that a statement takes from a file or another table", async ({ startMysql }) => {
  await using server = await startMysql();
  await using database = await server.database();
  await using dir = await tempDir();
  await database.run(
    `CREATE TABLE s (id INT PRIMARY KEY, v VARCHAR(40)); CREATE TABLE t LIKE s; CREATE TABLE u LIKE s`,
  );
  const file = JSON.stringify(join(dir.path, "rows.txt"));
  const values = Array.from({ length: 500 }, (_, i) => `(${i}, 'tab\\t line\\n é 🐬 \\\\ ${i}')`).join(", ");
  await using tape = await follow(
    database,
    ["s", "t", "u"],
    [
      `INSERT INTO s VALUES ${values}; SELECT * INTO OUTFILE ${file} CHARACTER SET utf8mb4 FROM s`,
      `LOAD DATA INFILE ${file} INTO TABLE t CHARACTER SET utf8mb4`,
      // Again, onto what is there: left alone, then replaced.
      `UPDATE t SET v = 'other' WHERE id < 10; LOAD DATA INFILE ${file} IGNORE INTO TABLE t CHARACTER SET utf8mb4`,
      `LOAD DATA INFILE ${file} REPLACE INTO TABLE t CHARACTER SET utf8mb4 (id, @v) SET v = UPPER(LEFT(@v, 10))`,
      "INSERT INTO u SELECT id, v FROM s WHERE id % 2 = 0; REPLACE INTO u SELECT id, CONCAT(v, '!') FROM t WHERE id < 30",
      "INSERT INTO u SELECT id, 'dup' FROM s WHERE id < 5 ON DUPLICATE KEY UPDATE v = 'dup'",
      "CREATE TABLE made (id INT PRIMARY KEY) SELECT id FROM s; INSERT INTO u SELECT id + 1000, 'm' FROM made; DELETE u FROM u JOIN made USING (id) WHERE u.id > 490",
    ],
  );
  expect(tape.rows({ database: database.name, table: "t" })).toHaveLength(500);
});

mysqlTest(
  "A60: a session that forges the time changes neither the order nor the time of its changes",
  async ({ database }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    const beganUs = Date.now() * 1000;
    await using tape = await follow(
      database,
      ["t"],
      [
        "INSERT INTO t VALUES (1, 1)",
        "SET timestamp = 1000000000; UPDATE t SET v = 2; SET timestamp = 2100000000; UPDATE t SET v = 3; SET timestamp = DEFAULT",
        "UPDATE t SET v = 4",
      ],
    );
    const times = [...tape.transactions.values()];
    expect(times).toHaveLength(4);
    // By the clock of this machine, which the server shares; a second is for its steps.
    for (const us of times) expect(Math.abs(us - beganUs)).toBeLessThan(60_000_000);
    expect([...times].sort((x, y) => x - y)).toEqual(times);
  },
);

mysqlTest("A35: files of the binlog that end all the time", async ({ database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
  const sql = Array.from(
    { length: 25 },
    (_, i) => `INSERT INTO t VALUES (${i}, 0); FLUSH BINARY LOGS; UPDATE t SET v = v + 1`,
  );
  await using tape = await follow(database, ["t"], sql);
  const [[file = "", offset = 0] = []] = await database.rows("SHOW BINARY LOG STATUS");
  expect([tape.position.file, tape.position.offset]).toEqual([file, Number(offset)]);
});

mysqlTest("A55: rows larger than a packet, and a transaction larger than the queue", async ({ database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)");
  const ids = [{ database: database.name, table: "t" }];
  await using tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(database.server.url, ids)),
    url: database.server.url,
    queueBytes: 1 << 20,
  });
  // A packet of the protocol holds 16 MB less one byte.
  await database.run("INSERT INTO t VALUES (1, REPEAT('x', 20000000)), (2, REPEAT('y', 16777215 - 1))");
  await database.run("BEGIN; UPDATE t SET v = CONCAT(v, 'z'); INSERT INTO t VALUES (3, ''); COMMIT");
  await tape.caughtUp(database.connection);
  const expected = await rowsOf(database.connection, must(ids[0], "t"));
  expect(tape.rows(must(ids[0], "t")).map((row) => row.length)).toEqual(expected.map((row) => row.length));
  expect(tape.rows(must(ids[0], "t")).every((row, i) => row === expected[i])).toBe(true);
  expect([tape.broken, tape.aborts]).toEqual([[], 0]);
});
