import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { LakeDatabase, literal, type SqlRow } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import type { HudiTableOptions } from "../../src/lake/table-options.ts";
import type { SourceIdentity } from "../../src/types/checkpoint.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { CommitInfo, LakeTable, StagedChunk } from "../../src/types/ports.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { Log } from "../../src/util/log.ts";
import { ChangeWriter } from "./change-writer.ts";
import { rowColumns } from "./row-columns.ts";
import { tempDir } from "./temp-dir.ts";

export const IDENTITY: SourceIdentity = { source: "shop", epoch: 1 };
export const QUIET = new Log({ level: "error", format: "text", now: () => 0, write: () => undefined });

/** A lake in a folder of its own, with its own DuckDB: `await using lake = await testLake()`. */
export interface TestLake extends AsyncDisposable {
  readonly db: LakeDatabase;
  readonly dir: string;
  readonly lakeDir: string;
  /** Folder of a table whose names need no encoding. */
  tableDir(schema: TableSchema): string;
  options(schema: TableSchema, change?: Partial<HudiTableOptions>): HudiTableOptions;
  open(schema: TableSchema, change?: Partial<HudiTableOptions>): Promise<LakeTable>;
  /** Stages rows, given as JSON of each value, as one chunk. */
  stage(
    table: LakeTable,
    schema: TableSchema,
    chunk: { readonly index: number; readonly rows: readonly (readonly string[])[] },
  ): Promise<StagedChunk>;
  rows(sql: string): Promise<readonly SqlRow[]>;
}

export const READ_AT_MS = 1_780_000_000_000;

export async function testLake(): Promise<TestLake> {
  const dir = await tempDir();
  const db = await LakeDatabase.open({
    memoryBytesMax: 256 << 20,
    threads: 2,
    tempDir: join(dir.path, "temp"),
  });
  const lakeDir = join(dir.path, "lake");
  const options = (schema: TableSchema, change: Partial<HudiTableOptions> = {}): HudiTableOptions => ({
    db,
    lakeDir,
    id: schema.id,
    identity: IDENTITY,
    schema,
    zeroDates: "null",
    buckets: 2,
    now: Date.now,
    log: QUIET,
    ...change,
  });
  return {
    db,
    dir: dir.path,
    lakeDir,
    tableDir: ({ id }) => join(lakeDir, id.database, id.table),
    options,
    open: (schema, change) => openHudiTable(options(schema, change)),
    stage: async (table, schema, { index, rows }) => {
      const folder = join(dir.path, "staged");
      await mkdir(folder, { recursive: true });
      const json = new ChangeWriter(schema);
      const writer = table.chunkWriter(index, join(folder, `${index}.parquet`));
      await writer.begin(READ_AT_MS + index);
      await writer.write(
        rowColumns(
          schema,
          rows.map((row) => json.rowJson(row)),
        ),
      );
      return writer.finish();
    },
    rows: (sql) => db.use((connection) => connection.rows(sql)),
    [Symbol.asyncDispose]: async () => {
      await db.close();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** What a commit says that reaches the writer's last transaction. */
export const commitInfo = (writer: ChangeWriter): CommitInfo => ({
  checkpoint: {
    ...IDENTITY,
    serverUuid: "0c6af1f1-e54f-11f1-9974-02fc00000001",
    position: {
      gtids: GtidSet.parse(writer.gtids),
      file: "binlog.000001",
      offset: 4 + writer.gtidNumber,
      seq: writer.seq,
      last: null,
    },
  },
  counts: [],
});

/**
 * The base files of a table as any reader of Hudi finds them, by nothing but the names on disk: of each file
 * id the one with the greatest instant that has a `.commit` file, up to `asOf`.
 */
export async function latestFiles(tableDir: string, asOf = "99999999999999999"): Promise<readonly string[]> {
  const timeline = await readdir(join(tableDir, ".hoodie"));
  const completed = new Set(
    timeline.filter((name) => name.endsWith(".commit")).map((name) => name.slice(0, 17)),
  );
  const latest = new Map<string, string>();
  for (const name of (await readdir(tableDir)).filter((file) => file.endsWith(".parquet")).sort()) {
    const [fileId = "", , instant = ""] = name.slice(0, -".parquet".length).split("_");
    if (completed.has(instant) && instant <= asOf) latest.set(fileId, name);
  }
  return [...latest.values()].map((name) => join(tableDir, name));
}

/** SQL of a table's rows, the way a reader of Hudi sees them. */
export async function tableSql(tableDir: string, asOf?: string): Promise<string> {
  const files = await latestFiles(tableDir, asOf);
  must(files[0], "a base file");
  return `read_parquet([${files.map(literal).join(", ")}])`;
}
