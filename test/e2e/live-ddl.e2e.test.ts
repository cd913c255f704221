import { afterAll, expect } from "vitest";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { beginKafkaDay } from "../support/kafka-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* Statements that change tables while they are followed: their snapshots are taken again, and the others go on. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const TRACE = { more: 'trace: {path: ./trace}\nexclude: ["*._*"]\n' };

/** Statements by hard case; `t` and `u` have rows, `p` has partitions. */
const CHANGES: readonly (readonly [string, string])[] = [
  ["D132: a column is added, and old rows get its default", "ALTER TABLE t ADD COLUMN w INT DEFAULT 5"],
  [
    "D133: a column comes first, and one between others",
    "ALTER TABLE t ADD a INT FIRST, ADD b INT NULL AFTER id",
  ],
  [
    "D134: a column goes, and comes back as another one",
    "ALTER TABLE t DROP v; ALTER TABLE t ADD v INT DEFAULT 7",
  ],
  ["D135: columns change their names round", "ALTER TABLE t RENAME COLUMN v TO x, RENAME COLUMN k TO v"],
  [
    "D136: a column becomes wider",
    "ALTER TABLE t MODIFY k BIGINT; INSERT INTO t VALUES (50, 'w', 9223372036854775807)",
  ],
  ["D137: values are converted", "SET SESSION sql_mode = ''; ALTER TABLE t MODIFY v INT"],
  ["D138: another character set", "ALTER TABLE t CONVERT TO CHARACTER SET latin1"],
  ["D139: tables change their names round", "RENAME TABLE t TO old, u TO t, old TO u"],
  [
    "D142: a table is dropped, and made anew with other columns",
    "DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, z DATE); INSERT INTO t VALUES (1, '2020-02-02')",
  ],
  ["D144: a table is emptied", "TRUNCATE TABLE t; INSERT INTO t VALUES (1, 'after', 1)"],
  ["D145: a partition is exchanged", "ALTER TABLE p EXCHANGE PARTITION p0 WITH TABLE q"],
  [
    "D145: a partition is emptied, and one dropped",
    "ALTER TABLE p TRUNCATE PARTITION p0; ALTER TABLE p DROP PARTITION p1",
  ],
  [
    "D149: columns become invisible, and are generated",
    "ALTER TABLE t ALTER COLUMN v SET INVISIBLE, ADD g INT AS (k + 1) STORED, ADD h INT AS (k + 2)",
  ],
  [
    "B89 D137: members change their order",
    "ALTER TABLE m MODIFY e ENUM('c', 'b', 'a'), MODIFY s SET('y', 'x'); INSERT INTO m VALUES (4, 'c', 'y')",
  ],
  [
    "D140: the cut-over of gh-ost",
    `CREATE TABLE _t_ghc (id INT PRIMARY KEY, hint TEXT); CREATE TABLE _t_gho LIKE t; ALTER TABLE _t_gho ADD w INT DEFAULT 4;
     INSERT INTO _t_gho (id, v, k) SELECT * FROM t; UPDATE t SET v = 'late' WHERE id = 1; REPLACE INTO _t_gho VALUES (1, 'late', 1, 4);
     RENAME TABLE t TO _t_del, _t_gho TO t; DROP TABLE _t_del, _t_ghc`,
  ],
  [
    "D141: the triggers and the cut-over of pt-online-schema-change",
    `CREATE TABLE _t_new LIKE t; ALTER TABLE _t_new MODIFY k BIGINT;
     CREATE TRIGGER ins AFTER INSERT ON t FOR EACH ROW REPLACE INTO _t_new VALUES (NEW.id, NEW.v, NEW.k);
     CREATE TRIGGER upd AFTER UPDATE ON t FOR EACH ROW REPLACE INTO _t_new VALUES (NEW.id, NEW.v, NEW.k);
     INSERT LOW_PRIORITY IGNORE INTO _t_new SELECT * FROM t; INSERT INTO t VALUES (40, 'late', 9); UPDATE t SET k = 8 WHERE id = 1;
     RENAME TABLE t TO _t_old, _t_new TO t; DROP TABLE _t_old`,
  ],
  [
    "D148: another character set for the tables that are made later",
    "ALTER DATABASE CHARACTER SET latin1; INSERT INTO t VALUES (60, 'naïve', 1)",
  ],
  ["C131: another primary key", "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (v, id)"],
];

const SQL = `
  CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL, k INT);
  INSERT INTO t VALUES (1, '1.6', 1), (2, 'abc', 2), (3, '3', NULL);
  CREATE TABLE u LIKE t; INSERT INTO u SELECT id + 10, v, k FROM t;
  CREATE TABLE fine LIKE t; INSERT INTO fine SELECT * FROM t;
  CREATE TABLE p (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id)
    (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (30));
  INSERT INTO p VALUES (1, 1), (11, 11), (21, 21);
  CREATE TABLE q (id INT PRIMARY KEY, v INT); INSERT INTO q VALUES (2, 2), (3, 3);
  CREATE TABLE m (id INT PRIMARY KEY, e ENUM('a', 'b', 'c'), s SET('x', 'y'));
  INSERT INTO m VALUES (1, 'a', 'x'), (2, 'c', 'x,y'), (3, NULL, '')`;
const TABLES = ["t", "u", "p", "q", "m", "fine"];

mysqlTest.for(CHANGES)("%s", async ([, statements], { mysql }) => {
  await using day = await BadDay.begin({ server: mysql, oracle: await oracle, sql: SQL, config: TRACE });
  await changeTables(day, statements);
});

const THROUGH_KAFKA = CHANGES.filter(([name]) => /^(D132|D139|D144)/.test(name));

mysqlTest.for(THROUGH_KAFKA)("%s, through Kafka", async ([, statements], { mysql }) => {
  const { brokers } = await kafkaForTests();
  await using day = await beginKafkaDay(
    { server: mysql, oracle: await oracle, sql: SQL, config: TRACE },
    brokers,
  );
  await changeTables(day, statements);
});

async function changeTables(day: BadDay, statements: string): Promise<void> {
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(`INSERT INTO fine VALUES (10, 'before', 1); DELETE FROM t WHERE id = 3; ${statements}`);
  await day.sql("INSERT INTO fine VALUES (11, 'behind', 1); DELETE FROM u WHERE id IN (1, 11)");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different(...TABLES)).toEqual([]);
  await day.sql("DELETE FROM t LIMIT 1; UPDATE p SET v = v + 1; INSERT INTO fine VALUES (12, 'last', 1)");
  expect(await day.wrong(...TABLES)).toEqual([]);
  expect(await day.outcome(["report", "--deep"])).toEqual([0]);
}

mysqlTest(
  "D132 D135: columns that come, go or have another name cost no reading, and an index nothing at all",
  async ({ mysql }) => {
    await using day = await BadDay.begin({ server: mysql, oracle: await oracle, sql: SQL, config: TRACE });
    expect(await day.outcome(INIT)).toEqual([0]);
    await day.sql(
      "UPDATE t SET k = 9 WHERE id = 1; ALTER TABLE t ADD w DOUBLE AFTER id, RENAME COLUMN k TO n, DROP v",
    );
    await day.sql("UPDATE t SET w = -0e0 WHERE id = 2");
    await day.sql(
      "ALTER TABLE u ADD INDEX (v), COMMENT 'x', ALGORITHM = INPLACE; DELETE FROM u WHERE id = 11",
    );
    const end = await day.run(CATCH_UP);
    const told = end.log.filter(({ level }) => level === "warn").map(({ message }) => day.anonymous(message));
    expect(told.filter((text) => text.startsWith("d."))).toEqual([
      "d.t: the statement ALTER changed the table; its columns follow, the others go on",
    ]);
    expect(await day.different(...TABLES)).toEqual([]);
    // The rows that nobody touched are those of the first commit still.
    const select = `SELECT id, w, n, _tl_op, _hoodie_commit_time = min(_hoodie_commit_time) OVER () FROM ${day.database}."t$meta" ORDER BY id`;
    expect((await day.run(["query", "--format", "csv", select])).out.split("\r\n").slice(1)).toEqual([
      "1,,9,u,false",
      "2,-0.0,2,u,false",
      "3,,,r,true",
      "",
    ]);
    await day.sql(
      "INSERT INTO t VALUES (4, 1.5, 7); ALTER TABLE t ADD z JSON; UPDATE t SET z = '[1]' WHERE id = 4",
    );
    expect(await day.wrong(...TABLES)).toEqual([]);
    expect(await day.outcome(["report", "--deep"])).toEqual([0]);
  },
);
