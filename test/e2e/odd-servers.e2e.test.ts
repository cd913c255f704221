import { afterAll, expect } from "vitest";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* Servers with other rules than most have. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

mysqlTest("D153: table names whose case counts for nothing at the source", async ({ startMysql }) => {
  const server = await startMysql(["--lower-case-table-names=1"]);
  await using _server = server;
  const sql = "CREATE TABLE Orders (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO ORDERS VALUES (1, 'a')";
  await using day = await BadDay.begin({ server, oracle: await oracle, sql });
  await day.configure({ tables: [`${day.database.toUpperCase()}.ORD*`] });
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(
    "INSERT INTO oRDERS VALUES (2, 'b'); ALTER TABLE ORDERS MODIFY v VARCHAR(30), ADD w INT DEFAULT 3",
  );
  await day.sql(
    "UPDATE orders SET V = 'c' WHERE ID = 1; ALTER TABLE Orders ADD Z DATE; DELETE FROM ORDERS WHERE id = 2",
  );
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("orders")).toEqual([]);
});
