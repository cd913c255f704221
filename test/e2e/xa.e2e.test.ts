import { afterAll, expect } from "vitest";
import { CATCH_UP, INIT } from "../support/bad-day.ts";
import { CHANNEL_DAYS } from "../support/channel-days.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* XA transactions of two phases on the whole way, from the snapshot to the report. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const prepare = (xid: string, statements: string): string =>
  `XA START ${xid}; ${statements}; XA END ${xid}; XA PREPARE ${xid}`;

mysqlTest.for(CHANNEL_DAYS)(
  "A4 A5 A7 A8: %s, tables are right while XA transactions are open, over runs and after their ends, and the report agrees",
  async ([, begin], { startMysql }) => {
    // An open XA transaction holds up every snapshot of a server.
    await using server = await startMysql();
    const sql = `CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO a VALUES (1, 'one'), (2, 'two');
      CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20))`;
    await using day = await begin({
      ...{ server, oracle: await oracle, sql },
      config: { more: "trace: {path: ./trace}\n" },
    });
    expect(await day.outcome(INIT)).toEqual([0]);
    await day.sql(prepare("'x'", "UPDATE a SET v = 'x' WHERE id = 1; INSERT INTO b VALUES (1, 'x')"));
    await day.sql(prepare("'y'", "DELETE FROM a WHERE id = 2; INSERT INTO b VALUES (2, 'y')"));
    await day.sql("INSERT INTO a VALUES (3, 'plain'); INSERT INTO b VALUES (3, 'plain')");
    // The last thing that happens is a prepare, and the tables are where the source is all the same.
    await day.sql(prepare("'w'", "INSERT INTO b VALUES (4, 'w')"));
    expect(await day.outcome(CATCH_UP)).toEqual([0]);
    expect(await day.different("a", "b")).toEqual([]);
    expect(await day.outcome(["report", "--deep"])).toEqual([0]);
    // A run that begins and ends while they are open, and one in which the first is decided.
    await day.sql("XA COMMIT 'w'; INSERT INTO a VALUES (4, 'plain')");
    expect(await day.outcome(CATCH_UP)).toEqual([0]);
    const follow = day.start(["follow"]);
    await day.sql("XA COMMIT 'x'");
    await day.same("a", "b");
    await day.sql("XA ROLLBACK 'y'; INSERT INTO a VALUES (5, 'plain')");
    await day.same("a", "b");
    expect((await follow.stop()).exitCode).toBe(0);
    await day.sql(prepare("'z'", "UPDATE a SET v = 'z'; INSERT INTO b VALUES (9, 'z')"));
    await day.sql("XA COMMIT 'z'");
    expect(await day.wrong("a", "b")).toEqual([]);
    expect(await day.outcome(["report", "--deep"])).toEqual([0]);
  },
);
