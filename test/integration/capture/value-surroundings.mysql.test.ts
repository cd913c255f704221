import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed } from "../../support/source-feed.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/* Values whose text could depend on the server or on the session that wrote them, or on what it takes to carry them. */

interface Written {
  readonly binlog: readonly string[];
  readonly snapshot: readonly string[];
}

async function write(database: TestDatabase, sql: string): Promise<Written> {
  await using feed = await SourceFeed.open(database.server.url, { source: "test", epoch: 1 });
  const schemas = await feed.schemas([{ database: database.name, table: "t" }]);
  const { position } = await feed.now();
  await database.run(sql);
  const { batches } = await feed.changesSince(position, schemas);
  return {
    binlog: [...batches.values()].flat().flatMap(batchRows),
    snapshot: await snapshotRows(feed.connection, must(schemas[0], "a schema")),
  };
}

mysqlTest(
  "B85 B103: the time zone of server and session moves no time, and CHAR has no spaces that nobody wrote",
  async ({ startMysql }) => {
    await using server = await startMysql([
      "--default-time-zone=-05:00",
      "--sql-mode=PAD_CHAR_TO_FULL_LENGTH",
    ]);
    await using database = await server.database();
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP(3) NULL, local DATETIME, c CHAR(5) CHARACTER SET utf8mb4, v VARCHAR(5))",
    );
    // The hour that comes twice where clocks are set back, once in each of the two zones that it is in.
    const { binlog, snapshot } = await write(
      database,
      `INSERT INTO t VALUES (1, '2024-06-01 02:30:00.5', '2024-06-01 02:30:00', 'ab  ', 'ab  ');
       SET time_zone = '+02:00'; INSERT INTO t VALUES (2, '2024-10-27 02:30:00', '2024-10-27 02:30:00', '', '');
       SET time_zone = '+01:00'; INSERT INTO t VALUES (3, '2024-10-27 02:30:00', '2024-10-27 02:30:00', 'é', ' ')`,
    );
    expect(binlog).toEqual([
      '{"id":1,"at":"2024-06-01 07:30:00.500","local":"2024-06-01 02:30:00","c":"ab","v":"ab  "}',
      '{"id":2,"at":"2024-10-27 00:30:00.000","local":"2024-10-27 02:30:00","c":"","v":""}',
      '{"id":3,"at":"2024-10-27 01:30:00.000","local":"2024-10-27 02:30:00","c":"é","v":" "}',
    ]);
    expect(snapshot).toEqual(binlog);
  },
);

mysqlTest("B105: BLOBs of 16 MB and one byte, and of 100 MB", async ({ startMysql }) => {
  await using server = await startMysql(["--max-allowed-packet=1G"]);
  await using database = await server.database();
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)");
  const sizes = [(16 << 20) + 1, 100 << 20];
  const { binlog, snapshot } = await write(
    database,
    sizes.map((size, i) => `INSERT INTO t VALUES (${i}, REPEAT(X'FF00', ${size / 2} + 1))`).join("; "),
  );
  for (const rows of [binlog, snapshot]) {
    expect(rows).toHaveLength(sizes.length);
    for (const [i, size] of sizes.entries()) {
      const bytes = Buffer.alloc(Math.round(size / 2 + 1) * 2, Buffer.from("ff00", "hex"));
      expect(rows[i] === `{"id":${i},"b":"${bytes.toString("base64")}"}`).toBe(true);
    }
  }
});
