import { expect } from "vitest";
import { planChunks } from "../../../src/capture/chunk-plan.ts";
import type { MysqlConnection } from "../../../src/capture/connection.ts";
import { SnapshotReader } from "../../../src/capture/snapshot-reader.ts";
import { syncError } from "../../../src/types/errors.ts";
import type { ChunkSink, SnapshotChunk } from "../../../src/types/ports.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { StopError } from "../../../src/util/abort.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { MemorySink } from "../../support/memory-sink.ts";

const WHOLE: SnapshotChunk = { index: 0, after: null, through: null };

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof StopError) return "stopped";
    if (error instanceof SyncError) return error.code;
    throw error;
  }
}

/** The connection, with something happening right before the statements that begin so. */
function interposed(
  connection: MysqlConnection,
  begin: string,
  act: () => Promise<unknown>,
): MysqlConnection {
  return {
    dialect: connection.dialect,
    version: connection.version,
    threadId: connection.threadId,
    encrypted: connection.encrypted,
    query: async (sql, values) => {
      if (sql.startsWith(begin)) await act();
      return await connection.query(sql, values);
    },
    readPackets: async (sql, onPacket, signal) => {
      if (sql.startsWith(begin)) await act();
      await connection.readPackets(sql, onPacket, signal);
    },
    ping: () => connection.ping(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}

mysqlTest("chunks are read one after another", async ({ mysql, database }) => {
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')",
  );
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const reader = new SnapshotReader(schema);
  const chunks: (readonly string[])[] = [];
  let progress = 0;
  for await (const chunk of planChunks(session.connection, schema, { chunkRows: 2 })) {
    const sink = new MemorySink(schema);
    const onRows = (rows: number): void => void (progress += rows);
    const read = await reader.read(session.connection, chunk, { sink, now: () => 42, onRows });
    expect(read).toEqual({ rows: sink.rows.length, readAtMs: 42 });
    expect(sink.readAtMs).toBe(42);
    chunks.push(sink.rows);
  }
  expect(chunks).toEqual([['{"id":1,"v":"a"}', '{"id":2,"v":null}'], ['{"id":3,"v":"c"}']]);
  expect(progress).toBe(3);
});

mysqlTest("each reading begins its sink anew, also one without rows", async ({ mysql, database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const reader = new SnapshotReader(schema);
  const sink = new MemorySink(schema);
  await reader.read(session.connection, WHOLE, { sink, now: Date.now });
  expect(sink.rows).toEqual(['{"id":1}']);
  await database.run("DELETE FROM t");
  expect(await reader.read(session.connection, WHOLE, { sink, now: () => 7 })).toEqual({
    rows: 0,
    readAtMs: 7,
  });
  expect(sink.rows).toEqual([]);
});

mysqlTest(
  "E168: a chunk is one read view: rows and count are of the moment at which it began",
  async ({ mysql, database }) => {
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)",
    );
    await using session = await CaptureSession.open(mysql.url);
    const schema = await session.schema({ database: database.name, table: "t" });
    const reader = new SnapshotReader(schema);
    const sink = new MemorySink(schema);
    const change =
      "UPDATE t SET v = v + 1; DELETE FROM t WHERE id = 2; INSERT INTO t SELECT MAX(id) + 1, 0 FROM t";
    for (const statement of ["SELECT `id`", "SELECT COUNT"]) {
      await database.run("DELETE FROM t; INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)");
      const connection = interposed(session.connection, statement, () => database.run(change));
      const read = await reader.read(connection, WHOLE, { sink, now: Date.now });
      expect(read.rows).toBe(3);
      // It ends with the chunk, so that the server need not keep what was before for longer.
      const open =
        "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()";
      expect(await session.connection.query(open)).toEqual([["0"]]);
      expect(sink.rows).toEqual(['{"id":1,"v":1}', '{"id":2,"v":1}', '{"id":3,"v":1}']);
    }
  },
);

mysqlTest("rows that are not as many as the server counts are refused", async ({ mysql, database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
  await using session = await CaptureSession.open(mysql.url);
  const { connection } = session;
  const schema = await session.schema({ database: database.name, table: "t" });
  const reader = new SnapshotReader(schema);
  // Ends the read view between the rows and the count, and changes the table.
  const torn = interposed(connection, "SELECT COUNT", async () => {
    await connection.query("COMMIT");
    await database.run("DELETE FROM t WHERE id = 2");
  });
  const sink = new MemorySink(schema);
  await expect(reader.read(torn, WHOLE, { sink, now: Date.now })).rejects.toMatchObject({
    code: "SNAPSHOT_COUNT",
    message: `chunk 0 of ${database.name}.t gave 3 rows, and the server counts 2 in the same read view`,
  });
});

mysqlTest("DDL on the table shows as a changed schema", async ({ mysql, database }) => {
  const read = (connection: MysqlConnection, schema: TableSchema): Promise<string> =>
    codeOf(
      new SnapshotReader(schema).read(connection, WHOLE, { sink: new MemorySink(schema), now: Date.now }),
    );
  for (const ddl of ["ALTER TABLE t DROP COLUMN v", "ALTER TABLE t MODIFY v BIGINT, ADD w INT FIRST"]) {
    await database.run(
      "DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)",
    );
    await using session = await CaptureSession.open(mysql.url);
    const schema = await session.schema({ database: database.name, table: "t" });
    const connection = interposed(session.connection, "SELECT `id`", () => database.run(ddl));
    expect(await read(connection, schema)).toBe("TABLE_SCHEMA_CHANGED");
  }
  await database.run("DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY)");
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  await database.run("DROP TABLE t");
  expect(await read(session.connection, schema)).toBe("TABLE_ABSENT");
});

mysqlTest("an abort, a kill and a sink that fails end a read", async ({ mysql, database }) => {
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5000)); CREATE TABLE n (n INT PRIMARY KEY)",
  );
  await database.run(`INSERT INTO n VALUES ${Array.from({ length: 100 }, (_, i) => `(${i})`).join(", ")}`);
  await database.run("INSERT INTO t SELECT a.n * 100 + b.n, REPEAT('x', 5000) FROM n a, n b");
  const outcome = async (act: (session: CaptureSession, abort: AbortController) => void): Promise<string> => {
    await using session = await CaptureSession.open(mysql.url);
    const schema = await session.schema({ database: database.name, table: "t" });
    const reader = new SnapshotReader(schema);
    const sink = new MemorySink(schema);
    const abort = new AbortController();
    const connection = interposed(session.connection, "SELECT `id`", () => {
      setImmediate(() => act(session, abort));
      return Promise.resolve();
    });
    return await codeOf(reader.read(connection, WHOLE, { sink, now: Date.now, signal: abort.signal }));
  };
  expect(await outcome((_, abort) => abort.abort())).toBe("stopped");
  expect(await outcome((session) => session.connection.destroy())).toBe("SOURCE_CONNECTION_LOST");
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const reader = new SnapshotReader(schema);
  const sink = new MemorySink(schema);
  const full = syncError("LAKE_DISK_FULL", "the disk is full", { hint: "make room" });
  for (const method of ["begin", "write"] as const) {
    await using failing = await CaptureSession.open(mysql.url);
    const broken: ChunkSink = Object.assign(new MemorySink(schema), { [method]: () => Promise.reject(full) });
    expect(await codeOf(reader.read(failing.connection, WHOLE, { sink: broken, now: Date.now }))).toBe(
      "LAKE_DISK_FULL",
    );
  }
  // What a failed reading has left in its buffers does not come up in the next one.
  expect(await reader.read(session.connection, WHOLE, { sink, now: Date.now })).toMatchObject({
    rows: 10_000,
  });
  expect(new Set(sink.rows).size).toBe(10_000);
});

mysqlTest("E165: rows of 10 MB are read in bounded memory", async ({ mysql, database }) => {
  const rows = 20;
  const rowBytes = 10_000_000;
  // A virtual column, since stored ones would take the server long to write.
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT AS (REPEAT('0123456789', 1000000)) VIRTUAL)",
  );
  await database.run(
    `INSERT INTO t (id) VALUES ${Array.from({ length: rows }, (_, id) => `(${id})`).join(", ")}`,
  );
  await using session = await CaptureSession.open(mysql.url);
  const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
  let bytes = 0;
  const sink: ChunkSink = {
    begin: () => Promise.resolve(),
    write: ({ columns }) => {
      for (const { values } of columns) bytes += values.length;
      return Promise.resolve();
    },
  };
  const before = process.memoryUsage().rss;
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  const read = await reader.read(session.connection, WHOLE, { sink, now: Date.now });
  clearInterval(sampler);
  expect(read.rows).toBe(rows);
  expect(bytes).toBeGreaterThan(rows * rowBytes);
  // Less than the rows together: the buffers of a few of them are what it takes.
  expect(peak - before).toBeLessThan(150e6);
});

mysqlTest(
  "E167: a table that somebody holds locked is busy, and is not waited for for ever",
  async ({ mysql, database }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    await using session = await CaptureSession.open(mysql.url);
    const schema = await session.schema({ database: database.name, table: "t" });
    const reader = new SnapshotReader(schema);
    expect(await session.connection.query("SELECT @@lock_wait_timeout")).toEqual([["60"]]);
    await session.connection.query("SET SESSION lock_wait_timeout = 1");
    await database.run("LOCK TABLES t WRITE");
    const read = reader.read(session.connection, WHOLE, { sink: new MemorySink(schema), now: Date.now });
    await expect(read).rejects.toMatchObject({ code: "SOURCE_BUSY", retryable: true });
    await database.run("UNLOCK TABLES");
    await using again = await CaptureSession.open(mysql.url);
    const sink = new MemorySink(schema);
    await reader.read(again.connection, WHOLE, { sink, now: Date.now });
    expect(sink.rows).toEqual(['{"id":1}']);
  },
);
