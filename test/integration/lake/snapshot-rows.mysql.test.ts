import fc from "fast-check";
import { join } from "node:path";
import { expect } from "vitest";
import { SnapshotRecords } from "../../../src/capture/snapshot-records.ts";
import { SnapshotRows } from "../../../src/lake/snapshot-rows.ts";
import { TableReader } from "../../../src/lake/table-reader.ts";
import type { ChangeBatch } from "../../../src/types/change-batch.ts";
import type { ZeroDatePolicy } from "../../../src/types/lake-type.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { must } from "../../../src/util/assert.ts";
import { headersOf, RECORD_VERSION, recordsOf, type BatchRecord } from "../../support/batch-records.ts";
import { BOUNDARY_ROWS, createBoundaryTable, insertBoundaryRows } from "../../support/boundary-table.ts";
import { IDENTITY, testLake, type TestLake } from "../../support/lake.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { RANDOM_TABLE, randomRow } from "../../support/random-row.ts";
import { SourceFeed, type Changes } from "../../support/source-feed.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/*
 * Records that are made of the lake's files are, byte by byte, those that the binlog's codec writes for the same rows,
 * but for what no transaction says.
 */
const identity = IDENTITY;
const NEVER = new AbortController().signal;

/** Changes of one table by way of the lake, as records of a snapshot that begins behind `skip` rows. */
async function throughLake(
  lake: TestLake,
  { schema, changes, zeroDates }: Loaded,
  skip = 0,
): Promise<readonly ChangeBatch[]> {
  const reader = new TableReader(lake.lakeDir, schema.id);
  if ((await reader.instants()).length === 0) {
    const table = await lake.open(schema, { zeroDates, buckets: 3 });
    for (const batch of all(changes)) await table.append(batch);
    const checkpoint = { ...identity, serverUuid: "u", position: changes.position };
    await table.load(schema, [], { checkpoint, counts: [] });
    await table.close();
  }
  const snapshot = await reader.snapshot(null);
  const rows = await SnapshotRows.open({ memoryBytesMax: 256 << 20, tempDir: join(lake.dir, "rows") });
  try {
    const { commitUs } = changes;
    const origin = { name: snapshot.commit.instant, commitUs, seq: 4711 };
    const records = new SnapshotRecords(schema, { ...identity, version: RECORD_VERSION }, origin);
    const batches: ChangeBatch[] = [];
    let n = skip;
    for await (const piece of rows.rows(snapshot, skip, NEVER)) {
      batches.push(records.batch(piece, n));
      n += piece.count;
    }
    return batches;
  } finally {
    await rows.close();
  }
}

interface Loaded {
  readonly schema: TableSchema;
  /** As columns. */
  readonly changes: Changes;
  readonly zeroDates: ZeroDatePolicy;
}

const all = ({ batches }: Changes): readonly ChangeBatch[] => [...batches.values()].flat();
const byKey = (a: BatchRecord, b: BatchRecord): number => (a.key < b.key ? -1 : 1);

/** What a create of the binlog would be as a row of a snapshot; numbers and places are looked at apart. */
const asSnapshot = ({ key, value }: BatchRecord): BatchRecord => ({
  key,
  value: value
    .replace('{"op":"c"', '{"op":"r"')
    .replace('"snapshot":"false"', '"snapshot":"true"')
    .replace(/"gtid":"[^"]*","row":\d+/, '"gtid":null,"row":N'),
});
const unnumbered = ({ key, value }: BatchRecord): BatchRecord => ({
  key,
  value: value.replace(/("gtid":null,"row":)\d+/, "$1N"),
});

async function load(
  database: TestDatabase,
  table: string,
  insert: () => Promise<unknown>,
): Promise<{ readonly schema: TableSchema; readonly columns: Changes; readonly records: Changes }> {
  await using feed = await SourceFeed.open(database.server.url, identity);
  const schemas = await feed.schemas([{ database: database.name, table }]);
  const { position } = await feed.now();
  await insert();
  return {
    schema: must(schemas[0], "a schema"),
    columns: await feed.changesSince(position, schemas, "columns"),
    records: await feed.changesSince(position, schemas, "records"),
  };
}

mysqlTest(
  "every boundary value is in the snapshot's record as it is in the binlog's",
  async ({ database }) => {
    await database.run("SET sql_mode = ''");
    await database.run(createBoundaryTable("boundary"));
    const { schema, columns, records } = await load(database, "boundary", () =>
      database.run(insertBoundaryRows("boundary")),
    );
    await using lake = await testLake();
    const loaded = { schema, changes: columns, zeroDates: "text" } as const;
    const batches = await throughLake(lake, loaded);
    const expected = all(records).flatMap(recordsOf).map(asSnapshot).sort(byKey);
    expect(expected).toHaveLength(BOUNDARY_ROWS);
    expect(batches.flatMap(recordsOf).map(unnumbered).sort(byKey)).toEqual(expected);

    // Numbers rise from 0, the header points to the row, and what begins behind some rows is the rest.
    const numbers = batches.flatMap(recordsOf).map(({ value }) => Number(/"row":(\d+)}/.exec(value)?.[1]));
    expect(numbers).toEqual(Array.from({ length: BOUNDARY_ROWS }, (_, i) => i));
    const instant = /snapshot:(\d{17})/.exec(batches.flatMap(headersOf).join())?.[1] ?? "";
    const whole = batches.flatMap((batch) =>
      recordsOf(batch).map((one, i) => [one, headersOf(batch)[i]] as const),
    );
    for (const [n, [{ value }, header = ""]] of whole.entries()) {
      const place = Buffer.byteLength(value.slice(0, value.indexOf('"after":'))) + '"after":'.length;
      const id = `shop/1/snapshot:${instant}#${database.name}.boundary#${n}`;
      expect(header).toBe(`r 4711 ${place} ${columns.commitUs} ${schema.version} ${id}`);
    }
    for (const skip of [1, 2, 7, BOUNDARY_ROWS - 1, BOUNDARY_ROWS]) {
      const rest = (await throughLake(lake, loaded, skip)).flatMap((batch) =>
        recordsOf(batch).map((one, i) => [one, headersOf(batch)[i]]),
      );
      expect(rest).toEqual(whole.slice(skip));
    }
  },
);

mysqlTest("a date that the lake stores as NULL is null", async ({ database }) => {
  await database.run("SET sql_mode = ''");
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, d DATE, m DATETIME(3))");
  const { schema, columns } = await load(database, "t", () =>
    database.run(
      "INSERT INTO t VALUES (1, '0000-00-00', '2020-00-01'), (2, '2020-01-02', '2020-01-02 03:04:05.6')",
    ),
  );
  await using lake = await testLake();
  const batches = await throughLake(lake, { schema, changes: columns, zeroDates: "null" });
  const after = batches.flatMap(recordsOf).map(({ value }) => value.slice(value.indexOf('"after":')));
  expect(after.sort()).toEqual([
    '"after":{"id":1,"d":null,"m":null}}',
    '"after":{"id":2,"d":"2020-01-02","m":"2020-01-02 03:04:05.600"}}',
  ]);
});

mysqlTest("so is every random row, in pieces of many", async ({ database }) => {
  const rows = fc.sample(randomRow, { numRuns: 4000, seed: 20_270_101 });
  await database.run("SET sql_mode = '', time_zone = '+00:00'");
  await database.run(RANDOM_TABLE);
  const { schema, columns, records } = await load(database, "random", async () => {
    for (let i = 0; i < rows.length; i += 250) {
      const values = rows.slice(i, i + 250).map((row, j) => `(${i + j}, ${row.join(", ")})`);
      await database.run(`INSERT INTO random VALUES ${values.join(",")}`);
    }
  });
  await using lake = await testLake();
  const batches = await throughLake(lake, { schema, changes: columns, zeroDates: "text" });
  expect(batches.length).toBeGreaterThan(2);
  // They were inserted at several times.
  const rowsOf = (some: readonly ChangeBatch[]): readonly BatchRecord[] =>
    some
      .flatMap(recordsOf)
      .map(({ key, value }) => ({ key, value: value.slice(value.indexOf('"before":')) }))
      .sort(byKey);
  const found = rowsOf(batches);
  const wrong = rowsOf(all(records)).flatMap((one, i) => {
    const { key, value } = found.at(i) ?? {};
    return one.key === key && one.value === value ? [] : [[one, { key, value }]];
  });
  expect(wrong.slice(0, 3)).toEqual([]);
  expect(found).toHaveLength(rows.length);
});
