import { expect } from "vitest";
import { TestConnection } from "../../support/mysql-connection.ts";
import { mysqlTest as test } from "../../support/mysql.ts";

test("a test has a database of its own, which goes with it", async ({ mysql, database }) => {
  const other = await mysql.database();
  expect(other.name).not.toBe(database.name);
  expect(await database.value("SELECT DATABASE()")).toBe(database.name);
  await other[Symbol.asyncDispose]();
  const left = await database.rows(
    "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN (?, ?)",
    [other.name, database.name],
  );
  expect(left).toEqual([[database.name]]);
});

test("values come as MySQL says them", async ({ database }) => {
  await database.run(`
    CREATE TABLE t (b BIGINT UNSIGNED, d DECIMAL(30,5), t TIME(3), dt DATETIME(6), j JSON, v VARBINARY(4), n INT);
    INSERT INTO t VALUES (18446744073709551615, 1.50000, '-00:01:00.5', '2024-02-29 01:02:03.000004',
      '{"b": 1.1, "a": 18446744073709551615}', x'00ff', NULL)`);
  expect(await database.rows("SELECT * FROM t")).toEqual([
    [
      "18446744073709551615",
      "1.50000",
      "-00:01:00.500",
      "2024-02-29 01:02:03.000004",
      '{"a": 18446744073709551615, "b": 1.1}',
      Buffer.from("00ff", "hex"),
      null,
    ],
  ]);
});

test("run counts the rows that the binlog will have", async ({ database }) => {
  expect(
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2)"),
  ).toBe(2);
  expect(await database.run("UPDATE t SET v = 1; DELETE FROM t WHERE v = 3")).toBe(1);
});

test("the URL of a database leads a session there", async ({ database }) => {
  await using session = await TestConnection.open(database.url);
  expect(await session.value("SELECT DATABASE()")).toBe(database.name);
});
