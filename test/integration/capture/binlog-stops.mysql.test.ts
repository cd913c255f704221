import { expect } from "vitest";
import { GtidSet } from "../../../src/types/gtid.ts";
import { tableKey } from "../../../src/types/table-id.ts";
import { must } from "../../../src/util/assert.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import type { TestConnection } from "../../support/mysql-connection.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

const executed = async (connection: TestConnection): Promise<string> =>
  GtidSet.parse(String(await connection.value("SELECT @@GLOBAL.gtid_executed"))).toString();

/** Something that keeps a table from being followed, and what is said about it. */
interface Case {
  readonly table: string;
  /** In a session of its own. */
  readonly sql: string;
  readonly code: string;
}

const DDL: readonly Case[] = [
  { table: "altered", sql: "ALTER TABLE altered ADD w INT", code: "TABLE_DDL" },
  { table: "truncated", sql: "TRUNCATE TABLE truncated", code: "TABLE_DDL" },
  { table: "dropped", sql: "DROP TABLE dropped", code: "TABLE_DDL" },
  { table: "renamed", sql: "RENAME TABLE renamed TO elsewhere", code: "TABLE_DDL" },
  {
    table: "swapped",
    sql: "CREATE TABLE _gho LIKE swapped; RENAME TABLE swapped TO _del, _gho TO swapped",
    code: "TABLE_DDL",
  },
  {
    table: "exchanged",
    sql: "ALTER TABLE parts EXCHANGE PARTITION low WITH TABLE exchanged",
    code: "TABLE_DDL",
  },
  { table: "parted", sql: "ALTER TABLE parted TRUNCATE PARTITION low", code: "TABLE_DDL" },
  { table: "keyless", sql: "ALTER TABLE keyless DROP PRIMARY KEY", code: "TABLE_DDL" },
  { table: "recharset", sql: "ALTER TABLE recharset CONVERT TO CHARACTER SET latin1", code: "TABLE_DDL" },
];

const SESSIONS: readonly Case[] = [
  {
    table: "minimal",
    sql: "SET SESSION binlog_row_image = 'MINIMAL'; UPDATE minimal SET v = 'm'",
    code: "TABLE_ROW_IMAGE",
  },
  {
    table: "noblob",
    sql: "SET SESSION binlog_row_image = 'NOBLOB'; UPDATE noblob SET v = 'm'",
    code: "TABLE_ROW_IMAGE",
  },
];

const COLUMNS: Readonly<Record<string, string>> = {
  noblob: "id INT PRIMARY KEY, v VARCHAR(9), b TEXT",
};
const PARTS =
  "PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (100), PARTITION high VALUES LESS THAN (200))";

async function createTables(database: TestDatabase, cases: readonly Case[]): Promise<void> {
  await database.run(`CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(9))`);
  await database.run(`CREATE TABLE parts (id INT PRIMARY KEY, v VARCHAR(9)) ${PARTS}`);
  for (const { table } of cases) {
    const columns = COLUMNS[table] ?? "id INT PRIMARY KEY, v VARCHAR(9)";
    await database.run(`CREATE TABLE ${table} (${columns}) ${table === "parted" ? PARTS : ""}`);
  }
}

const idIn = (database: TestDatabase, table: string) => ({ database: database.name, table });

mysqlTest.for([
  ["DDL", DDL],
  ["A27 A28: a session that leaves out what a row needs", SESSIONS],
] as const)("%s stops its table with its position; the others go on", async ([, cases], { database }) => {
  await createTables(database, cases);
  const ids = ["other", ...cases.map(({ table }) => table)].map((table) => idIn(database, table));
  await using tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(database.server.url, ids)),
    url: database.server.url,
  });
  for (const { table, sql, code } of cases) {
    const more = COLUMNS[table] === undefined ? "" : ", 'long'";
    await database.run(`INSERT INTO ${table} VALUES (1, 'a'${more}), (2, 'b'${more})`);
    await tape.caughtUp(database.connection);
    const before = tape.rows(idIn(database, table));
    expect(before).toHaveLength(2);
    const at = await executed(database.connection);
    await using session = await database.connect();
    // In one transaction with another table where the server allows it.
    await session.run(`${sql}; INSERT INTO other (v) VALUES ('${table.slice(0, 9)}')`);
    await tape.caughtUp(database.connection);
    const stop = must(tape.stops.at(-1), `a stop of ${table}`);
    // A statement of several parts stops its table at the one that concerns it.
    const cut = table === "swapped" ? GtidSet.parse(at).size + 1n : GtidSet.parse(at).size;
    expect([stop.table, stop.code, stop.at.gtids.size]).toEqual([idIn(database, table), code, cut]);
    expect(stop.hint).toContain("snapshot");
    expect(tape.rows(idIn(database, table))).toEqual(before);
  }
  expect(tape.stops.map((stop) => stop.table.table)).toEqual(cases.map(({ table }) => table));
  expect(tape.rows(idIn(database, "other"))).toEqual(
    await rowsOf(database.connection, idIn(database, "other")),
  );
  expect(tape.broken).toEqual([]);
});

mysqlTest(
  "what happened to a table before its snapshot does not stop it, and what happens behind it does",
  async ({ database }) => {
    const { url } = database.server;
    const other = idIn(database, "other");
    const later = idIn(database, "later");
    await database.run("CREATE TABLE other (id INT PRIMARY KEY)");
    const { start } = await BinlogTape.prepare(url, [other]);
    // Made anew, changed, and with rows that have other columns than those it has now.
    await database.run("CREATE TABLE later (id INT PRIMARY KEY); INSERT INTO later VALUES (1)");
    await database.run("DROP TABLE later; CREATE TABLE later (id INT PRIMARY KEY, v VARCHAR(9), w INT)");
    await database.run("INSERT INTO later VALUES (2, 'old', 1); ALTER TABLE later DROP w");
    await database.run("INSERT INTO later VALUES (3, 'same'); INSERT INTO other VALUES (1)");
    const held = new Map([[tableKey(later), GtidSet.parse(await executed(database.connection))]]);
    const { schemas } = await BinlogTape.prepare(url, [other, later]);
    await database.run("INSERT INTO later VALUES (4, 'new')");
    await using tape = await BinlogTape.start({ url, start, schemas, held });
    await tape.caughtUp(database.connection);
    expect(tape.stops).toEqual([]);
    expect(tape.rows(other)).toEqual(['{"id":1}']);
    expect(tape.rows(later)).toEqual(['{"id":3,"v":"same"}', '{"id":4,"v":"new"}']);
    await database.run("ALTER TABLE later ADD x INT; INSERT INTO other VALUES (2)");
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ table, code }) => [table, code])).toEqual([[later, "TABLE_DDL"]]);
    expect(tape.rows(other)).toEqual(['{"id":1}', '{"id":2}']);
  },
);

mysqlTest(
  "DROP DATABASE stops all tables of it, and a later one of that name is not followed",
  async ({ database }) => {
    const away = `${database.name}_x`;
    await database.run(`
    CREATE TABLE other (id INT PRIMARY KEY); CREATE DATABASE ${away};
    CREATE TABLE ${away}.a (id INT PRIMARY KEY); CREATE TABLE ${away}.b (id INT PRIMARY KEY)`);
    const gone = ["a", "b"].map((table) => ({ database: away, table }));
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(database.server.url, [idIn(database, "other"), ...gone])),
      url: database.server.url,
    });
    await database.run(`
    INSERT INTO ${away}.a VALUES (1); DROP DATABASE ${away}; INSERT INTO other VALUES (2);
    CREATE DATABASE ${away}; CREATE TABLE ${away}.a (id INT PRIMARY KEY); INSERT INTO ${away}.a VALUES (3)`);
    await tape.caughtUp(database.connection);
    await database.run(`DROP DATABASE ${away}`);
    expect(tape.stops.map(({ table, code }) => [table, code])).toEqual(gone.map((id) => [id, "TABLE_DDL"]));
    expect(tape.rows(must(gone[0], "a"))).toEqual(['{"id":1}']);
    expect(tape.rows(idIn(database, "other"))).toEqual(['{"id":2}']);
  },
);

mysqlTest("A11 D152: statements that change no row of a table do not stop it", async ({ database }) => {
  const t = idIn(database, "t");
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); CREATE TABLE log (id INT PRIMARY KEY)",
  );
  await using tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(database.server.url, [t])),
    url: database.server.url,
  });
  await database.run(`
    INSERT INTO t VALUES (1, 'a');
    CREATE INDEX by_v ON t (v); CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, v VARCHAR(9));
    INSERT INTO t VALUES (2, 'b');
    DROP INDEX by_v ON t; ANALYZE TABLE t; OPTIMIZE TABLE t; CREATE VIEW shown AS SELECT * FROM t;
    CREATE TRIGGER copied AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.id);
    INSERT INTO t VALUES (3, 'c');
    CREATE TABLE t2 LIKE t; DROP TABLE t2; CREATE TABLE t3 SELECT * FROM t; TRUNCATE t3;
    CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY); INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp;
    CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (77, 'x'); DROP TEMPORARY TABLE t;
    RENAME TABLE log TO log2; INSERT INTO log2 VALUES (9); DROP TRIGGER copied;
    UPDATE t SET v = 'z' WHERE id = 1`);
  await tape.caughtUp(database.connection);
  expect(tape.stops).toEqual([]);
  expect(tape.rows(t)).toEqual(await rowsOf(database.connection, t));
  expect(tape.rows(t)).toHaveLength(3);
});

mysqlTest(
  "A11: temporary tables with the name of one that is kept change nothing of it, in any format of the binlog",
  async ({ database }) => {
    const t = idIn(database, "t");
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (1, 'a')");
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(database.server.url, [t])),
      url: database.server.url,
    });
    const made = "CREATE TEMPORARY TABLE t (id INT PRIMARY KEY, v VARCHAR(9))";
    const changed = `${made}; ALTER TABLE t ADD w INT; TRUNCATE TABLE t; DROP TABLE t`;
    const rows = `${made}; INSERT INTO t VALUES (2, 'x'); UPDATE t SET v = 'y'; ALTER TABLE t DROP v`;
    // The format of statements has those of temporary tables in the binlog, the others have not. Sessions that
    // end with their tables have them dropped by the server.
    const sessions = [
      ["ROW", `${rows}; DROP TABLE t`],
      ["ROW", rows],
      ["MIXED", rows],
      ["STATEMENT", changed],
      ["STATEMENT", `${made}; ALTER TABLE t RENAME TO t2, ADD w INT; TRUNCATE t2`],
    ] as const;
    for (const [format, sql] of sessions) {
      await using session = await database.connect();
      await session.run(`SET SESSION binlog_format = '${format}'; ${sql}`);
    }
    await database.run("INSERT INTO t VALUES (3, 'c')");
    await tape.caughtUp(database.connection);
    expect([tape.stops, tape.rows(t)]).toEqual([[], ['{"id":3,"v":"c"}']]);
    // The same statements of the table itself stop it.
    await database.run("TRUNCATE TABLE t");
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ code }) => code)).toEqual(["TABLE_DDL"]);
  },
);

/** Images that lack columns, and what lies in the way of the table; null where they lack none. */
const SHORT_IMAGES = [
  ["A27", "MINIMAL", "UPDATE t SET v = 'm' WHERE id = 1", "TABLE_ROW_IMAGE"],
  ["A27", "MINIMAL", "DELETE FROM t WHERE id = 1", "TABLE_ROW_IMAGE"],
  ["A27", "MINIMAL", "INSERT INTO t (id) VALUES (5)", "TABLE_ROW_IMAGE"],
  ["A27", "MINIMAL", "INSERT INTO t VALUES (5, 'e', 'whole')", null],
  ["A28", "NOBLOB", "UPDATE t SET v = 'm' WHERE id = 1", "TABLE_ROW_IMAGE"],
  ["A28", "NOBLOB", "DELETE FROM t WHERE id = 1", "TABLE_ROW_IMAGE"],
  ["A28", "NOBLOB", "INSERT INTO t (id, v) VALUES (5, 'e')", "TABLE_ROW_IMAGE"],
  ["A28", "NOBLOB", "UPDATE plain SET v = 'm'; DELETE FROM plain WHERE id = 2", null],
] as const;

mysqlTest.for(SHORT_IMAGES)(
  "%s: with the image %s, %s gives %s",
  async ([, image, sql, code], { database }) => {
    const ids = ["t", "plain"].map((table) => idIn(database, table));
    await database.run(`CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9), b TEXT);
      CREATE TABLE plain (id INT PRIMARY KEY, v VARCHAR(9))`);
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(database.server.url, ids)),
      url: database.server.url,
    });
    await database.run("INSERT INTO t VALUES (1, 'a', 'b'); INSERT INTO plain VALUES (1, 'a'), (2, 'b')");
    await tape.caughtUp(database.connection);
    const before = ids.map((id) => tape.rows(id));
    const at = tape.position.gtids;
    await using session = await database.connect();
    await session.run(`SET SESSION binlog_row_image = '${image}'; ${sql}`);
    await database.run("INSERT INTO plain VALUES (7, 'g')");
    await tape.caughtUp(database.connection);
    if (code === null) {
      expect(tape.stops).toEqual([]);
      for (const id of ids) expect(tape.rows(id)).toEqual(await rowsOf(database.connection, id));
      return;
    }
    expect(tape.stops.map(({ table, code: why, at: where }) => [table, why, where.gtids.equals(at)])).toEqual(
      [[ids[0], code, true]],
    );
    expect(tape.stops[0]?.hint).toContain("SET GLOBAL binlog_row_image = 'FULL'");
    expect([tape.rows(must(ids[0], "t")), tape.rows(must(ids[1], "plain")).length]).toEqual([before[0], 3]);
  },
);

mysqlTest(
  "A27 A28 A29: parts of a JSON value without the value before them stop their table",
  async ({ database }) => {
    const doc = idIn(database, "doc");
    await database.run("CREATE TABLE doc (id INT PRIMARY KEY, j JSON)");
    await using tape = await BinlogTape.start({
      ...(await BinlogTape.prepare(database.server.url, [doc])),
      url: database.server.url,
    });
    await database.run(`INSERT INTO doc VALUES (1, '{"a": [1, 2]}')`);
    await using session = await database.connect();
    const update = (image: string, value: number): Promise<number> =>
      session.run(`SET SESSION binlog_row_image = '${image}', binlog_row_value_options = 'PARTIAL_JSON';
        UPDATE doc SET j = JSON_SET(j, '$.a[0]', ${value})`);
    // An image without blobs has those that are changed, before the change too.
    await update("NOBLOB", 7);
    await tape.caughtUp(database.connection);
    const before = [`{"id":1,"j":${JSON.stringify('{"a": [7, 2]}')}}`];
    expect([tape.rows(doc), tape.stops]).toEqual([before, []]);
    const at = tape.position.gtids;
    await update("MINIMAL", 8);
    await tape.caughtUp(database.connection);
    expect(tape.stops.map(({ table, code, at: stop }) => [table, code, stop.gtids.equals(at)])).toEqual([
      [doc, "TABLE_ROW_IMAGE", true],
    ]);
    expect(tape.rows(doc)).toEqual(before);
  },
);

/** What makes the stream as a whole end, because what it did to which table cannot be known. */
const STREAM_ENDS = [
  ["BINLOG_STATEMENT", "SET SESSION binlog_format = 'STATEMENT'; UPDATE t SET v = 'z'"],
  ["BINLOG_STATEMENT", "SET SESSION binlog_format = 'MIXED'; UPDATE t SET v = 'z'"],
] as const;

mysqlTest.for(STREAM_ENDS)(
  "A25 A26: %s, and no row behind it is read: %s",
  async ([code, sql], { database }) => {
    const t = idIn(database, "t");
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))");
    const from = await BinlogTape.prepare(database.server.url, [t]);
    const { url } = database.server;
    await using tape = await BinlogTape.start({ ...from, url });
    await database.run("INSERT INTO t VALUES (1, 'a')");
    await tape.caughtUp(database.connection);
    const at = tape.position;
    await using session = await database.connect();
    await session.run(`${sql}; INSERT INTO t VALUES (2, 'b')`);
    const error = await tape.failure();
    const { exitCode, hint } = error;
    expect([error.code, exitCode]).toEqual([code, 69]);
    expect(hint).toContain("take the snapshot again");
    expect(tape.rows(t)).toEqual(['{"id":1,"v":"a"}']);
    expect(tape.position.gtids.equals(at.gtids)).toBe(true);
    // Another start from there does not get past it either.
    await using again = await BinlogTape.start({ ...from, url, start: { ...from.start, position: at } });
    expect((await again.failure()).code).toBe(code);
    expect(again.rows(t)).toEqual([]);
  },
);

mysqlTest(
  "settings of the server that hide what a row needs stop each table that they touch",
  async ({ startMysql }) => {
    await using server = await startMysql();
    await using admin = await server.connect();
    await admin.run(
      "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE u (id INT PRIMARY KEY, v INT)",
    );
    const [t, u] = [
      { database: "d", table: "t" },
      { database: "d", table: "u" },
    ];
    const from = await BinlogTape.prepare(server.url, [t, u]);
    await using tape = await BinlogTape.start({ ...from, url: server.url });
    await admin.run(
      "INSERT INTO t VALUES (1, 1); SET GLOBAL binlog_row_metadata = 'MINIMAL'; INSERT INTO t VALUES (2, 2)",
    );
    await admin.run("SET GLOBAL binlog_row_metadata = 'FULL'; INSERT INTO u VALUES (1, 1)");
    await tape.caughtUp(admin);
    expect(tape.stops.map(({ table, code }) => [table, code])).toEqual([[t, "TABLE_ROW_IMAGE"]]);
    expect([tape.rows(t), tape.rows(u)]).toEqual([['{"id":1,"v":1}'], ['{"id":1,"v":1}']]);
    // A transaction without GTID has no identity, and the mode that allows it can be set while we read. The
    // server itself does not send it to a reader that goes by GTIDs.
    await admin.run(`
    SET GLOBAL gtid_mode = ON_PERMISSIVE; SET SESSION gtid_next = 'ANONYMOUS'; INSERT INTO u VALUES (2, 2);
    SET SESSION gtid_next = 'AUTOMATIC'`);
    expect((await tape.failure()).code).toBe("BINLOG_GTID");
    expect(tape.rows(u)).toEqual(['{"id":1,"v":1}']);
    // Back to what it must be: the transaction stays in the way, and is named by the server.
    await admin.run("SET GLOBAL gtid_mode = ON");
    await using again = await BinlogTape.start({
      ...from,
      url: server.url,
      start: { ...from.start, position: tape.position },
      limits: { rereadsMax: 1, reconnectMsMin: 10 },
    });
    const refused = await again.failure();
    expect([refused.code, again.rows(u)]).toEqual(["BINLOG_GTID", []]);
    expect(refused.message).toMatch(/anonymous/i);
  },
);
