import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { SourceIdentity } from "../../../src/types/checkpoint.ts";
import { must } from "../../../src/util/assert.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { BOUNDARY_ROWS, createBoundaryTable, insertBoundaryRows } from "../../support/boundary-table.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import { sourceChanges } from "../../support/source-count.ts";
import { SourceFeed } from "../../support/source-feed.ts";
import { waitFor } from "../../support/wait-for.ts";

/* Transactions as `binlog_transaction_compression` writes them: what comes of them is what comes of others. */

const COMPRESS = "SET SESSION binlog_transaction_compression = ON";
const IDENTITY: SourceIdentity = { source: "s", epoch: 1 };
/** A transaction of several times what is unpacked at once, which is little when it is compressed. */
const LARGE = `SET SESSION cte_max_recursion_depth = 1000000;
  INSERT INTO t WITH RECURSIVE n AS (SELECT 10 AS id UNION ALL SELECT id + 1 FROM n WHERE id < 40000)
  SELECT id, REPEAT(CHAR(65 + id % 26), 1000) FROM n`;

mysqlTest("A30: compressed transactions, between others and of every size", async ({ database }) => {
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT); CREATE TABLE other (id INT PRIMARY KEY)",
  );
  const t = { database: database.name, table: "t" };
  const { url } = database.server;
  const from = await BinlogTape.prepare(url, [t]);
  // Its queue is smaller than one piece of the large transaction, which has to wait in the middle again and again.
  await using tape = await BinlogTape.start({ ...from, url, queueBytes: 1 << 18 });
  await database.run("INSERT INTO t VALUES (1, 'a')");
  await database.run(`${COMPRESS}; INSERT INTO t VALUES (2, 'b'); BEGIN; UPDATE t SET v = 'c'; INSERT INTO other VALUES (1);
    INSERT INTO t VALUES (3, ''); SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT`);
  await database.run(
    `${COMPRESS}; ${LARGE}; INSERT INTO t VALUES (4, REPEAT('x', 40000000)), (5, REPEAT('y', 16777000))`,
  );
  await database.run("SET SESSION binlog_transaction_compression = OFF; UPDATE t SET v = 'z' WHERE id = 1");
  await database.run(`${COMPRESS}; UPDATE t SET id = -id WHERE id = 2`);
  await tape.caughtUp(database.connection, 60_000);
  const expected = await rowsOf(database.connection, t);
  expect(expected).toHaveLength(39_991 + 5);
  expect(tape.rows(t).every((row, i) => row === expected[i])).toBe(true);
  expect([tape.rows(t).length, tape.broken, tape.stops, tape.aborts]).toEqual([expected.length, [], [], 0]);
  const [[file = "", offset = 0] = []] = await database.rows("SHOW BINARY LOG STATUS");
  expect([tape.position.file, tape.position.offset]).toEqual([file, Number(offset)]);

  // The last transaction of a position is compared when a stream goes on there, compressed or not.
  await using again = await BinlogTape.start({
    ...from,
    url,
    start: { ...from.start, position: tape.position },
    serverId: 4002,
  });
  await database.run(`${COMPRESS}; INSERT INTO t VALUES (6, 'new')`);
  await again.caughtUp(database.connection);
  expect(again.rows(t)).toEqual(['{"id":6,"v":"new"}']);

  // A snapshot that begins behind one notes it as the stream does, also a large one.
  for (const sql of ["SELECT 1", "UPDATE t SET v = CONCAT(v, '!') WHERE id >= 10"]) {
    await database.run(`${COMPRESS}; ${sql}`);
    await again.caughtUp(database.connection, 60_000);
    const { start } = await BinlogTape.prepare(url, [t]);
    expect(start.position.last).toEqual(again.position.last);
  }

  // Whoever counts reads them with code of its own.
  const range = { id: t, from: from.start.position.gtids, to: again.position.gtids };
  expect(await sourceChanges(url, range)).toEqual({
    c: 1 + 1 + 1 + 39_991 + 2 + 1 + 1,
    u: 2 + 1 + 39_991,
    d: 1,
  });
});

mysqlTest("A30: a connection that is lost inside a compressed transaction", async ({ database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)");
  const t = { database: database.name, table: "t" };
  await using proxy = await FaultProxy.start(Number(new URL(database.server.url).port));
  const limits = { reconnectMsMin: 10, reconnectMsMax: 100 };
  await using tape = await BinlogTape.start({
    ...(await BinlogTape.prepare(database.server.url, [t])),
    url: proxy.urlFor(database.server.url),
    queueBytes: 1 << 18,
    limits,
  });
  await database.run(`${COMPRESS}; INSERT INTO t VALUES (1, 'a'); ${LARGE}`);
  for (let cuts = 0; cuts < 6; cuts++) {
    const { opened } = proxy;
    // Somewhere between the first byte and the last row.
    await delay(cuts * 40);
    proxy.cut();
    await waitFor("another connection", () => proxy.opened > opened);
  }
  await tape.caughtUp(database.connection, 60_000);
  const expected = await rowsOf(database.connection, t);
  expect(tape.rows(t).every((row, i) => row === expected[i])).toBe(true);
  expect([tape.rows(t).length, tape.broken, tape.stops]).toEqual([expected.length, [], []]);
});

mysqlTest("A30: every boundary value, compressed", async ({ database }) => {
  await database.run("SET sql_mode = ''");
  await database.run(createBoundaryTable("boundary"));
  await using feed = await SourceFeed.open(database.server.url, IDENTITY);
  const schemas = await feed.schemas([{ database: database.name, table: "boundary" }]);
  const { position } = await feed.now();
  await database.run(`${COMPRESS}; ${insertBoundaryRows("boundary")}`);
  const fromSnapshot = await snapshotRows(feed.connection, must(schemas[0], "a schema"));
  expect(fromSnapshot).toHaveLength(BOUNDARY_ROWS);
  const { batches } = await feed.changesSince(position, schemas);
  expect([...batches.values()].flat().flatMap(batchRows)).toEqual(fromSnapshot);
});
