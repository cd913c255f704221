import { afterAll, expect } from "vitest";
import { CATCH_UP, INIT } from "../support/bad-day.ts";
import { CHANNEL_DAYS } from "../support/channel-days.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* Partial updates of JSON on the whole way, on a server that makes no others. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const DOCUMENT = `JSON_OBJECT('n', n, 'list', JSON_ARRAY(1, 'two', 3.50, NULL), 'deep', JSON_OBJECT('a', REPEAT('x', n)))`;
const ROWS =
  "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200) SELECT n FROM s) AS s";

mysqlTest.for(CHANNEL_DAYS)(
  "A29: %s, documents that are updated in place are MySQL's in the lake, and the report agrees",
  async ([, begin], { startMysql }) => {
    await using server = await startMysql(["--binlog-row-value-options=PARTIAL_JSON"]);
    await using day = await begin({
      ...{ server, oracle: await oracle },
      sql: `CREATE TABLE t (id INT PRIMARY KEY, j JSON, k JSON); INSERT INTO t SELECT n, ${DOCUMENT}, NULL FROM ${ROWS}`,
      config: { more: "trace: {path: ./trace}\n" },
    });
    expect(await day.outcome(INIT)).toEqual([0]);
    await day.sql(`
      UPDATE t SET j = JSON_SET(j, '$.n', id * 1000, '$.new', CAST(1.10 AS DECIMAL(9,2))) WHERE id % 2 = 0;
      UPDATE t SET j = JSON_REMOVE(j, '$.list[1]', '$.deep.a'), k = '{"k": [1]}' WHERE id % 3 = 0;
      UPDATE t SET j = JSON_REPLACE(j, '$.list[last]', 'é'), k = JSON_SET(k, '$.k[0]', NOW(3)) WHERE id % 5 = 0;
      UPDATE t SET id = id + 1000, j = JSON_SET(j, '$.list[9]', JSON_OBJECT('b', 2, 'a', 1)) WHERE id % 7 = 0;
      DELETE FROM t WHERE id % 11 = 0`);
    expect(await day.outcome(CATCH_UP)).toEqual([0]);
    expect(await day.different("t")).toEqual([]);
    expect(await day.outcome(["report", "--deep"])).toEqual([0]);
  },
);
