import { expect } from "vitest";
import type { ChangeBatch } from "../../../src/types/change-batch.ts";
import { rowLanes } from "../../../src/types/row-lanes.ts";
import { must } from "../../../src/util/assert.ts";
import {
  keyOf,
  RECORD_VERSION,
  recordsOf,
  recordValue,
  type BatchRecord,
  type ValueParts,
} from "../../support/batch-records.ts";
import { createBoundaryTable, insertBoundaryRows } from "../../support/boundary-table.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { SourceFeed, type Changes } from "../../support/source-feed.ts";

/*
 * Records of every boundary value: both of their rows are, byte by byte, what the snapshot's codec writes for the
 * table as it was before and after, and their hashes are those of lines.
 */
const identity = { source: "test", epoch: 1 };

const all = ({ batches }: Changes): readonly ChangeBatch[] => [...batches.values()].flat();

const hashes = (changes: Changes): readonly (readonly [number | undefined, number | undefined])[] =>
  all(changes).flatMap(({ rows, count }) => {
    const { high, low } = rowLanes(rows, count);
    return Array.from({ length: count }, (_, i) => [high[i], low[i]] as const);
  });

mysqlTest("records hold the rows before and after as the snapshot has them", async ({ database }) => {
  await database.run("SET sql_mode = ''");
  await database.run(createBoundaryTable("boundary"));
  await database.run(insertBoundaryRows("boundary"));
  await using feed = await SourceFeed.open(database.server.url, identity);
  const schemas = await feed.schemas([{ database: database.name, table: "boundary" }]);
  const schema = must(schemas[0], "a schema");
  const { position } = await feed.now();
  const first = await snapshotRows(feed.connection, schema);
  await database.run("UPDATE boundary SET c_int = 7 - id, c_varchar = CONCAT('\\\\0\\\"é🐬', id)");
  const changed = await snapshotRows(feed.connection, schema);
  await database.run("UPDATE boundary SET id = id + 1000 ORDER BY id");
  const moved = await snapshotRows(feed.connection, schema);
  await database.run("DELETE FROM boundary ORDER BY id");

  const changes = await feed.changesSince(position, schemas, "records");
  const transactions = new Map(all(changes).flatMap((batch) => batch.transactions.map((t) => [t.gtid, t])));
  const record = (
    transaction: number,
    row: Pick<ValueParts, "op" | "n"> & { readonly before?: string; readonly after?: string },
  ): BatchRecord => ({
    key: keyOf(schema, must(row.after ?? row.before, "a row")),
    value: recordValue({
      source: identity.source,
      version: RECORD_VERSION,
      schema,
      transaction: must([...transactions.values()][transaction], "a transaction"),
      before: "null",
      after: "null",
      ...row,
    }),
  });
  const at = (rows: readonly string[], n: number): string => must(rows[n], "a row");
  const records = all(changes).flatMap(recordsOf);
  expect(records).toEqual([
    ...first.map((before, n) => record(0, { op: "u", n, before, after: at(changed, n) })),
    ...changed.flatMap((before, n) => [
      record(1, { op: "d", n, before }),
      record(1, { op: "c", n, after: at(moved, n) }),
    ]),
    ...moved.map((before, n) => record(2, { op: "d", n, before })),
  ]);
  expect(() => records.map(({ value }) => JSON.parse(value) as unknown)).not.toThrow();
  expect(hashes(changes)).toEqual(hashes(await feed.changesSince(position, schemas, "lines")));
});
