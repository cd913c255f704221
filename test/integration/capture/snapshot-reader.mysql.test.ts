import { readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { planChunks } from "../../../src/capture/chunk-plan.ts";
import type { MysqlConnection } from "../../../src/capture/connection.ts";
import { SnapshotReader } from "../../../src/capture/snapshot-reader.ts";
import type { SnapshotChunk } from "../../../src/types/ports.ts";
import { StopError } from "../../../src/util/abort.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { tempDir } from "../../support/temp-dir.ts";

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

mysqlTest("chunks become files of numbered lines", async ({ mysql, database }) => {
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO t VALUES (1, 'a'), (2, NULL), (3, 'c')",
  );
  await using dir = await tempDir();
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const reader = new SnapshotReader(schema);
  const files: string[] = [];
  let progress = 0;
  for await (const chunk of planChunks(session.connection, schema, { chunkRows: 2 })) {
    const file = join(dir.path, `${chunk.index}`);
    const onRows = (rows: number): void => void (progress += rows);
    const read = await reader.read(session.connection, chunk, { file, now: () => 42, onRows });
    const text = await readFile(file, "utf8");
    expect(read).toEqual({ rows: text.split("\n").length - 1, bytes: text.length, readAtMs: 42 });
    files.push(text);
  }
  expect(files).toEqual([
    '{"n":0,"r":{"id":1,"v":"a"}}\n{"n":1,"r":{"id":2,"v":null}}\n',
    '{"n":0,"r":{"id":3,"v":"c"}}\n',
  ]);
  expect(progress).toBe(3);
});

mysqlTest(
  "an empty chunk is an empty file, and a file that is there is replaced",
  async ({ mysql, database }) => {
    await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)");
    await using dir = await tempDir();
    await using session = await CaptureSession.open(mysql.url);
    const file = join(dir.path, "chunk");
    const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
    await reader.read(session.connection, WHOLE, { file, now: Date.now });
    expect((await stat(file)).size).toBe('{"n":0,"r":{"id":1}}\n'.length);
    await database.run("DELETE FROM t");
    expect(await reader.read(session.connection, WHOLE, { file, now: () => 7 })).toEqual({
      rows: 0,
      bytes: 0,
      readAtMs: 7,
    });
    expect((await stat(file)).size).toBe(0);
  },
);

mysqlTest(
  "a chunk is one read view: rows and count are of the moment at which it began",
  async ({ mysql, database }) => {
    await database.run(
      "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)",
    );
    await using dir = await tempDir();
    await using session = await CaptureSession.open(mysql.url);
    const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
    const file = join(dir.path, "chunk");
    const change =
      "UPDATE t SET v = v + 1; DELETE FROM t WHERE id = 2; INSERT INTO t SELECT MAX(id) + 1, 0 FROM t";
    for (const statement of ["SELECT `id`", "SELECT COUNT"]) {
      await database.run("DELETE FROM t; INSERT INTO t VALUES (1, 1), (2, 1), (3, 1)");
      const connection = interposed(session.connection, statement, () => database.run(change));
      const read = await reader.read(connection, WHOLE, { file, now: Date.now });
      expect(read.rows).toBe(3);
      expect(await readFile(file, "utf8")).toBe(
        '{"n":0,"r":{"id":1,"v":1}}\n{"n":1,"r":{"id":2,"v":1}}\n{"n":2,"r":{"id":3,"v":1}}\n',
      );
    }
  },
);

mysqlTest("rows that are not as many as the server counts are refused", async ({ mysql, database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
  await using dir = await tempDir();
  await using session = await CaptureSession.open(mysql.url);
  const { connection } = session;
  const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
  // Ends the read view between the rows and the count, and changes the table.
  const torn = interposed(connection, "SELECT COUNT", async () => {
    await connection.query("COMMIT");
    await database.run("DELETE FROM t WHERE id = 2");
  });
  const file = join(dir.path, "chunk");
  await expect(reader.read(torn, WHOLE, { file, now: Date.now })).rejects.toMatchObject({
    code: "SNAPSHOT_COUNT",
    message: `chunk 0 of ${database.name}.t gave 3 rows, and the server counts 2 in the same read view`,
  });
  expect(await readdir(dir.path)).toEqual([]);
});

mysqlTest("DDL on the table shows as a changed schema", async ({ mysql, database }) => {
  await using dir = await tempDir();
  const options = { file: join(dir.path, "chunk"), now: Date.now };
  for (const ddl of ["ALTER TABLE t DROP COLUMN v", "ALTER TABLE t MODIFY v BIGINT, ADD w INT FIRST"]) {
    await database.run(
      "DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)",
    );
    await using session = await CaptureSession.open(mysql.url);
    const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
    const connection = interposed(session.connection, "SELECT `id`", () => database.run(ddl));
    expect(await codeOf(reader.read(connection, WHOLE, options))).toBe("TABLE_SCHEMA_CHANGED");
  }
  await database.run("DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY)");
  await using session = await CaptureSession.open(mysql.url);
  const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
  await database.run("DROP TABLE t");
  expect(await codeOf(reader.read(session.connection, WHOLE, options))).toBe("TABLE_ABSENT");
  expect(await readdir(dir.path)).toEqual([]);
});

mysqlTest("an abort, a kill and a full disk end a read and leave no file", async ({ mysql, database }) => {
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(5000)); CREATE TABLE n (n INT PRIMARY KEY)",
  );
  await database.run(`INSERT INTO n VALUES ${Array.from({ length: 100 }, (_, i) => `(${i})`).join(", ")}`);
  await database.run("INSERT INTO t SELECT a.n * 100 + b.n, REPEAT('x', 5000) FROM n a, n b");
  await using dir = await tempDir();
  const file = join(dir.path, "chunk");
  const outcome = async (act: (session: CaptureSession, abort: AbortController) => void): Promise<string> => {
    await using session = await CaptureSession.open(mysql.url);
    const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
    const abort = new AbortController();
    const connection = interposed(session.connection, "SELECT `id`", () => {
      setImmediate(() => act(session, abort));
      return Promise.resolve();
    });
    return await codeOf(reader.read(connection, WHOLE, { file, now: Date.now, signal: abort.signal }));
  };
  expect(await outcome((_, abort) => abort.abort())).toBe("stopped");
  expect(await outcome((session) => session.connection.destroy())).toBe("SOURCE_CONNECTION_LOST");
  expect(await readdir(dir.path)).toEqual([]);
  await using session = await CaptureSession.open(mysql.url);
  const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
  // By a link, since the file of a failed read is removed.
  await symlink("/dev/full", file);
  expect(await codeOf(reader.read(session.connection, WHOLE, { file, now: Date.now }))).toBe(
    "LAKE_DISK_FULL",
  );
  expect(await readdir(dir.path)).toEqual([]);
  await using next = await CaptureSession.open(mysql.url);
  const absent = reader.read(next.connection, WHOLE, { file: join(dir.path, "no/chunk"), now: Date.now });
  expect(await codeOf(absent)).toBe("LAKE_IO");
});

mysqlTest("rows of 10 MB are read in bounded memory", async ({ mysql, database }) => {
  const rows = 20;
  const rowBytes = 10_000_000;
  // A virtual column, since stored ones would take the server long to write.
  await database.run(
    "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT AS (REPEAT('0123456789', 1000000)) VIRTUAL)",
  );
  await database.run(
    `INSERT INTO t (id) VALUES ${Array.from({ length: rows }, (_, id) => `(${id})`).join(", ")}`,
  );
  await using dir = await tempDir();
  await using session = await CaptureSession.open(mysql.url);
  const file = join(dir.path, "chunk");
  const reader = new SnapshotReader(await session.schema({ database: database.name, table: "t" }));
  const before = process.memoryUsage().rss;
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
  const read = await reader.read(session.connection, WHOLE, { file, now: Date.now });
  clearInterval(sampler);
  expect(read.rows).toBe(rows);
  expect(read.bytes).toBe((await stat(file)).size);
  expect(read.bytes).toBeGreaterThan(rows * rowBytes);
  // Less than the rows together: the buffers of a few of them are what it takes.
  expect(peak - before).toBeLessThan(150e6);
});
