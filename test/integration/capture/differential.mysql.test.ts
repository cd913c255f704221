import fc from "fast-check";
import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { BOUNDARY_ROWS, createBoundaryTable, insertBoundaryRows } from "../../support/boundary-table.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { randomRow, RANDOM_TABLE } from "../../support/random-row.ts";
import { batchRows, snapshotRows } from "../../support/snapshot-lines.ts";
import { SourceFeed } from "../../support/source-feed.ts";

/*
 * One text for one value: what the binlog's codec and the snapshot's codec write for the same row must be the
 * same bytes, whatever the type and the value. (That the text is also the right one is held against MySQL's own
 * SELECT in the codec's tests, and against independent readers of the lake in the engines' tests.)
 */
const identity = { source: "test", epoch: 1 };

mysqlTest("binlog and snapshot write the same bytes for every boundary value", async ({ database }) => {
  await database.run("SET sql_mode = ''");
  await database.run(createBoundaryTable("boundary"));
  await using feed = await SourceFeed.open(database.server.url, identity);
  const schemas = await feed.schemas([{ database: database.name, table: "boundary" }]);
  const { position } = await feed.now();
  await database.run(insertBoundaryRows("boundary"));
  const { batches } = await feed.changesSince(position, schemas);
  const fromBinlog = [...batches.values()].flat().flatMap(batchRows);
  expect(fromBinlog).toHaveLength(BOUNDARY_ROWS);
  expect(fromBinlog).toEqual(await snapshotRows(feed.connection, must(schemas[0], "a schema")));
});

mysqlTest("binlog and snapshot write the same bytes for random rows", async ({ database }) => {
  await database.run("SET sql_mode = '', time_zone = '+00:00'");
  await database.run(RANDOM_TABLE);
  await using feed = await SourceFeed.open(database.server.url, identity);
  const schemas = await feed.schemas([{ database: database.name, table: "random" }]);
  const { position } = await feed.now();
  const count = 2000;
  const rows = fc.sample(randomRow, { numRuns: count, seed: 20_260_101 });
  for (let i = 0; i < count; i += 250) {
    const values = rows.slice(i, i + 250).map((row, j) => `(${i + j}, ${row.join(", ")})`);
    await database.run(`INSERT INTO random VALUES ${values.join(",")}`);
  }
  // Updates write both images; the last one counts.
  await database.run("UPDATE random SET c_text = CONCAT(COALESCE(c_text, ''), '\\0\"é') WHERE id % 2 = 0");
  const { batches } = await feed.changesSince(position, schemas);
  const last = new Map<number, string>();
  for (const row of [...batches.values()].flat().flatMap(batchRows)) {
    last.set(Number(/^\{"id":(\d+)/.exec(row)?.[1]), row);
  }
  expect(last.size).toBe(count);
  const inOrder = [...last].sort(([a], [b]) => a - b).map(([, row]) => row);
  expect(inOrder).toEqual(await snapshotRows(feed.connection, must(schemas[0], "a schema")));
});
