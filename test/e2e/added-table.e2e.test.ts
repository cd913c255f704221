import { afterAll, expect } from "vitest";
import { CATCH_UP, INIT } from "../support/bad-day.ts";
import { CHANNEL_DAYS } from "../support/channel-days.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* A table that is made and added while others are being kept, and stand further back than it does. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

mysqlTest.for(CHANNEL_DAYS)("E174: %s: it goes on behind its snapshot", async ([, begin], { mysql }) => {
  const sql = "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO a VALUES (1, 'one')";
  await using day = await begin({
    ...{ server: mysql, oracle: await oracle, sql },
    config: { more: "trace: {path: ./trace}\n" },
  });
  expect(await day.outcome(INIT)).toEqual([0]);
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  await day.sql("UPDATE a SET v = 'eins'");
  await day.sql("CREATE TABLE d (id INT PRIMARY KEY, w INT, v VARCHAR(9)); INSERT INTO d VALUES (1, 1, 'x')");
  await day.sql("ALTER TABLE d DROP w; INSERT INTO d VALUES (2, 'y'), (3, 'z')");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(
    "INSERT INTO d VALUES (4, 'later'); DELETE FROM d WHERE id = 2; INSERT INTO a VALUES (2, 'two')",
  );
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("a", "d")).toEqual([]);
  expect(await day.outcome(["report", "--deep"])).toEqual([0]);
});
