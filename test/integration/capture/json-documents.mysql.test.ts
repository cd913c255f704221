import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed } from "../../support/source-feed.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/* JSON documents as they are stored, against the text that MySQL's SELECT prints. */

/** The last row image of each id, from the binlog, after these statements; the snapshot has to agree. */
async function changed(database: TestDatabase, statements: readonly string[]): Promise<readonly string[]> {
  await using feed = await SourceFeed.open(database.server.url, { source: "test", epoch: 1 });
  const schemas = await feed.schemas([{ database: database.name, table: "t" }]);
  const { position } = await feed.now();
  for (const sql of statements) await database.run(sql);
  const { batches } = await feed.changesSince(position, schemas);
  const last = new Map<string, string>();
  for (const row of [...batches.values()].flat().flatMap(batchRows)) {
    last.set(must(/^\{"id":\d+/.exec(row)?.[0], "an id"), row);
  }
  const rows = [...last.values()].sort();
  expect(rows).toEqual([...(await snapshotRows(feed.connection, must(schemas[0], "a schema")))].sort());
  return rows;
}

/** What MySQL prints, as rows of the stream have it. */
async function printed(database: TestDatabase): Promise<readonly string[]> {
  const rows = await database.rows("SELECT id, CAST(j AS CHAR) FROM t");
  return rows.map(([id, j]) => JSON.stringify({ id, j })).sort();
}

mysqlTest("B94: documents that were changed in their place, and have holes", async ({ database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, j JSON)");
  const rows = await changed(database, [
    `INSERT INTO t SELECT n, JSON_OBJECT('a', REPEAT('x', 100), 'b', JSON_ARRAY(1, 'two', 3.5, JSON_OBJECT('k', REPEAT('y', 50))), 'c', 70000, 'd', n)
      FROM (VALUES ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6)) AS v(n)`,
    "UPDATE t SET j = JSON_SET(j, '$.a', 'short') WHERE id >= 1",
    "UPDATE t SET j = JSON_REMOVE(j, '$.b[1]') WHERE id >= 2",
    "UPDATE t SET j = JSON_REPLACE(j, '$.b[2].k', NULL, '$.c', -1) WHERE id >= 3",
    "UPDATE t SET j = JSON_REMOVE(j, '$.a', '$.c') WHERE id >= 4",
    "UPDATE t SET j = JSON_SET(j, '$.d', 'grown far beyond the room that it had', '$.e', JSON_ARRAY()) WHERE id >= 5",
    "UPDATE t SET j = JSON_REMOVE(j, '$.b') WHERE id >= 6",
  ]);
  expect(rows).toEqual(await printed(database));
  // Otherwise it would have proved nothing.
  expect(Number(await database.value("SELECT SUM(JSON_STORAGE_FREE(j)) FROM t"))).toBeGreaterThan(300);
});

mysqlTest("B90 B95: null beside NULL, empty, deep and large documents", async ({ startMysql }) => {
  await using server = await startMysql(["--max-allowed-packet=1G"]);
  await using database = await server.database();
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, j JSON)");
  const deep = `'${"[".repeat(99)}{"a": 1}${"]".repeat(99)}'`;
  const rows = await changed(database, [
    `INSERT INTO t VALUES (1, 'null'), (2, NULL), (3, '[]'), (4, '{}'), (5, '""'), (6, ${deep}), (7, '[null, []]')`,
    "INSERT INTO t VALUES (8, '[9007199254740993, 18446744073709551615, -9223372036854775808]')",
    `INSERT INTO t VALUES (9, JSON_ARRAY(REPEAT('x', 64 << 20), 'é'))`,
  ]);
  const expected = await printed(database);
  expect(rows.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  expect(rows.every((row, i) => row === expected[i])).toBe(true);
  expect(rows.slice(0, 3)).toEqual(['{"id":1,"j":"null"}', '{"id":2,"j":null}', '{"id":3,"j":"[]"}']);
});
