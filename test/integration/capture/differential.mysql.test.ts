import { expect } from "vitest";
import { must } from "../../../src/util/assert.ts";
import { BOUNDARY_ROWS, createBoundaryTable, insertBoundaryRows } from "../../support/boundary-table.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { compareCodecs } from "../../support/random-values.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed } from "../../support/source-feed.ts";

/*
 * One text for one value: what the binlog's codec and the snapshot's codec write for the same row must be the
 * same bytes, whatever the type and the value. (That the text is also the right one is held against MySQL's own
 * SELECT in the codec's tests, and against independent readers of the lake in the engines' tests.)
 */
const identity = { source: "test", epoch: 1 };

mysqlTest(
  "B71 B72 B73 B74 B75 B77 B78 B79 B80 B82 B83 B84 B87 B88 B97 B102 B104 B106: binlog and snapshot write the same bytes for every boundary value",
  async ({ database }) => {
    await database.run("SET sql_mode = ''");
    await database.run(createBoundaryTable("boundary"));
    await using feed = await SourceFeed.open(database.server.url, identity);
    const schemas = await feed.schemas([{ database: database.name, table: "boundary" }]);
    const { position } = await feed.now();
    await database.run(insertBoundaryRows("boundary"));
    const fromSnapshot = await snapshotRows(feed.connection, must(schemas[0], "a schema"));
    expect(fromSnapshot).toHaveLength(BOUNDARY_ROWS);
    for (const form of ["columns", "lines", "records"] as const) {
      const { batches } = await feed.changesSince(position, schemas, form);
      expect([...batches.values()].flat().flatMap(batchRows)).toEqual(fromSnapshot);
    }
  },
);

mysqlTest("B86: binlog and snapshot write the same bytes for random rows", async ({ database }) => {
  const rows = 5000;
  expect(await compareCodecs(database, { seed: 20_260_101, rows })).toEqual({ wrong: [], rows });
});
