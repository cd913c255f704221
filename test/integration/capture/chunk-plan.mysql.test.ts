import fc from "fast-check";
import { expect } from "vitest";
import { planChunks } from "../../../src/capture/chunk-plan.ts";
import { boundColumns, chunkSource } from "../../../src/capture/key-range.ts";
import type { SnapshotChunk } from "../../../src/types/ports.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { KEY_TYPES, type KeyTypeName } from "../../support/key-values.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

interface KeyColumn {
  readonly type: KeyTypeName;
  readonly descending?: boolean;
}

/** Keys of one column, of each type, and of several with the types that are bounded in different ways. */
const KEYS: readonly (readonly KeyColumn[])[] = [
  ...(Object.keys(KEY_TYPES) as KeyTypeName[]).map((type) => [{ type }]),
  [{ type: "varchar" }, { type: "enum" }, { type: "datetime" }],
  [{ type: "enum" }, { type: "tinyint" }],
  [{ type: "enum" }, { type: "set" }, { type: "enum" }],
  [{ type: "tinyint" }, { type: "longSet" }, { type: "tinyint" }],
  [{ type: "longSet" }, { type: "tinyint" }],
  [{ type: "year" }, { type: "double" }],
  [{ type: "tinyint", descending: true }, { type: "padded" }],
  [
    { type: "binary", descending: true },
    { type: "bit", descending: true },
  ],
  [{ type: "year" }, { type: "tinyint" }, { type: "timeOfSeconds" }, { type: "german" }],
];

const nameOf = (key: readonly KeyColumn[]): string =>
  key.map(({ type, descending }) => (descending === true ? `${type} desc` : type)).join(", ");

async function createTable(database: TestDatabase, key: readonly KeyColumn[]): Promise<void> {
  const columns = key.map(({ type }, i) => `k${i} ${KEY_TYPES[type].definition} NOT NULL`);
  const parts = key.map(({ descending }, i) => `k${i}${descending === true ? " DESC" : ""}`);
  await database.run(
    `CREATE TABLE t (n INT NOT NULL AUTO_INCREMENT UNIQUE, ${columns.join(", ")}, PRIMARY KEY (${parts.join(", ")}))`,
  );
}

async function planned(plan: AsyncIterable<SnapshotChunk>): Promise<readonly SnapshotChunk[]> {
  const chunks: SnapshotChunk[] = [];
  for await (const chunk of plan) chunks.push(chunk);
  return chunks;
}

/** Which rows each chunk has, by their number. */
async function rowsOfChunks(
  session: CaptureSession,
  schema: TableSchema,
  chunks: readonly SnapshotChunk[],
): Promise<readonly (readonly number[])[]> {
  const rows: number[][] = [];
  for (const chunk of chunks) {
    const found = await session.connection.query(`SELECT n ${chunkSource(schema, chunk)}`);
    rows.push(found.map(([n]) => Number(n)));
  }
  return rows;
}

for (const key of KEYS) {
  mysqlTest(`E160 E161 E162: chunks hold every row once: ${nameOf(key)}`, async ({ mysql, database }) => {
    await database.run("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
    await createTable(database, key);
    await using session = await CaptureSession.open(mysql.url);
    const schema = await session.schema({ database: database.name, table: "t" });
    const isWhole = boundColumns(schema).length === key.length;
    const row = fc.tuple(...key.map(({ type }): fc.Arbitrary<string> => KEY_TYPES[type].literal));
    const property = fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      async (rows, chunkRows) => {
        const columns = key.map((_, i) => `k${i}`).join(", ");
        const values = rows.map((literals) => `(${literals.join(", ")})`).join(", ");
        await database.run(`DELETE FROM t; INSERT IGNORE INTO t (${columns}) VALUES ${values}`);
        const all = (await database.rows("SELECT n FROM t ORDER BY n")).map(([n]) => Number(n));
        const chunks = await planned(planChunks(session.connection, schema, { chunkRows }));
        const found = await rowsOfChunks(session, schema, chunks);
        expect(found.flat().sort((a, b) => a - b)).toEqual(all);
        expect(chunks.map((chunk) => chunk.index)).toEqual(chunks.map((_, i) => i));
        if (!isWhole) return;
        expect(found.map((part) => part.length)).toEqual(
          chunks.map((_, i) => Math.min(chunkRows, all.length - i * chunkRows)),
        );
      },
    );
    await fc.assert(property, { numRuns: 8, endOnFailure: true });
  });
}

mysqlTest("E164: an empty table is one chunk without rows", async ({ mysql, database }) => {
  await database.run("CREATE TABLE t (n INT PRIMARY KEY)");
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const chunks = await planned(planChunks(session.connection, schema, { chunkRows: 10 }));
  expect(chunks).toEqual([{ index: 0, after: null, through: null }]);
  expect(await rowsOfChunks(session, schema, chunks)).toEqual([[]]);
});

mysqlTest("the last chunk ends at the greatest key of the plan", async ({ mysql, database }) => {
  await database.run("CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (10), (20), (30), (40), (50)");
  await using session = await CaptureSession.open(mysql.url);
  const schema = await session.schema({ database: database.name, table: "t" });
  const plan = planChunks(session.connection, schema, { chunkRows: 2 });
  const first = await plan.next();
  // The table grows and shrinks while it is planned and read.
  await database.run("INSERT INTO t VALUES (5), (35), (60), (70); DELETE FROM t WHERE n = 50");
  const chunks = [first.value, ...(await planned(plan))].filter((chunk) => chunk !== undefined);
  expect(chunks).toEqual([
    { index: 0, after: null, through: ["20"] },
    { index: 1, after: ["20"], through: ["35"] },
    { index: 2, after: ["35"], through: ["50"] },
  ]);
  expect(await rowsOfChunks(session, schema, chunks)).toEqual([[5, 10, 20], [30, 35], [40]]);
});

mysqlTest(
  "E159: bounds are read by ranges of the primary key, for the walk and for the rows",
  async ({ mysql, database }) => {
    await database.run("SET SESSION cte_max_recursion_depth = 100000");
    // A secondary index that a plan may find cheaper, since it covers the key.
    await database.run(
      "CREATE TABLE t (e ENUM('c', 'a', 'b') NOT NULL, v VARCHAR(20) NOT NULL, d DATETIME(6) NOT NULL, n INT NOT NULL, filler CHAR(200), PRIMARY KEY (e, v, d), KEY small (n))",
    );
    await database.run(
      "INSERT INTO t WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < 19999) SELECT 1 + i MOD 3, CONCAT('k', i MOD 50), '2024-01-01' + INTERVAL i MICROSECOND, i, 'x' FROM s; ANALYZE TABLE t",
    );
    await using session = await CaptureSession.open(mysql.url);
    const { connection } = session;
    const schema = await session.schema({ database: database.name, table: "t" });
    const chunkRows = 1000;
    const chunks = await planned(planChunks(connection, schema, { chunkRows }));
    expect(chunks).toHaveLength(20);
    for (const chunk of chunks) {
      await connection.query("FLUSH STATUS");
      const rows = await connection.query(`SELECT n ${chunkSource(schema, chunk)}`);
      expect(rows).toHaveLength(chunkRows);
      const status = await connection.query("SHOW SESSION STATUS LIKE 'Handler_read%'");
      const touched = status.reduce((sum, [, count]) => sum + Number(count), 0);
      // One step more for each range that the condition falls into.
      expect(touched).toBeLessThan(chunkRows + 30);
    }
  },
);
