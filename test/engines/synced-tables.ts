import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LakeDatabase } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import { tablePaths } from "../../src/lake/lake-path.ts";
import type { SourceIdentity } from "../../src/types/checkpoint.ts";
import type { CommitInfo, LakeTable } from "../../src/types/ports.ts";
import type { SourcePosition } from "../../src/types/source-position.ts";
import { tableKey, type TableId } from "../../src/types/table-id.ts";
import type { StagedChunk } from "../../src/types/ports.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { Log } from "../../src/util/log.ts";
import { setStepHook } from "../../src/util/step.ts";
import {
  canonicalRow,
  canonicalSelect,
  engineColumns,
  type EngineColumn,
  type EngineRow,
} from "../support/canonical-row.ts";
import type { TestDatabase } from "../support/test-mysql.ts";
import { SourceFeed } from "../support/source-feed.ts";
import { TableModel } from "../support/table-model.ts";
import { BUCKETS, type TableSpec } from "./table-specs.ts";

const IDENTITY: SourceIdentity = { source: "proof", epoch: 1 };
export const ZERO_DATES = "null";
const LOG = new Log({ level: "error", format: "text", now: () => 0, write: () => undefined });

/** A table of MySQL that has become a Hudi table, with what each of its commits must hold. */
export interface SyncedTable {
  readonly name: string;
  readonly path: string;
  readonly schema: TableSchema;
  /** The source's, without those that the lake adds. */
  readonly columns: readonly EngineColumn[];
  readonly model: TableModel;
}

interface Growing extends SyncedTable {
  readonly spec: TableSpec;
  readonly table: LakeTable;
}

export const openLakeDatabase = (folder: string): Promise<LakeDatabase> =>
  LakeDatabase.open({ memoryBytesMax: 256 << 20, threads: 2, tempDir: join(folder, "duckdb") });

/** Opens one of the tables, under this lake folder, as its next writer would. */
export function openSynced(
  db: LakeDatabase,
  lakeDir: string,
  synced: Pick<SyncedTable, "schema">,
): Promise<LakeTable> {
  return openHudiTable({
    db,
    lakeDir,
    id: synced.schema.id,
    identity: IDENTITY,
    schema: synced.schema,
    zeroDates: ZERO_DATES,
    buckets: BUCKETS,
    now: Date.now,
    log: LOG,
  });
}

/**
 * Takes the tables through their histories, by the capture stage and the lake stage as they are: each is made
 * in MySQL, read in chunks while it changes, loaded, and brought up to date commit by commit. What MySQL says
 * at each of these positions is what the model remembers. The lake is `<folder>/lake`.
 */
export async function syncTables(
  database: TestDatabase,
  specs: readonly TableSpec[],
  folder: string,
): Promise<readonly SyncedTable[]> {
  await database.run("SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
  for (const spec of specs) await run(database, [spec.create, ...spec.snapshot]);
  const db = await openLakeDatabase(folder);
  const tables: Growing[] = [];
  try {
    await using feed = await SourceFeed.open(database.server.url, IDENTITY);
    const ids = specs.map(({ name }): TableId => ({ database: database.name, table: name }));
    for (const [i, schema] of (await feed.schemas(ids)).entries())
      tables.push(await beginTable(db, folder, { schema, spec: must(specs[i], "spec") }));
    const rounds = new Rounds({ database, feed, tables });
    await rounds.load(folder);
    const count = Math.max(...specs.map((spec) => spec.commits.length));
    for (let i = 0; i < count; i++) await rounds.commit(i);
    for (const { spec, table } of tables) if (spec.isCleaned) await table.clean(Date.now());
    for (const growing of tables) if (growing.spec.brokenOff) await rounds.breakOff(growing);
  } finally {
    for (const { table } of tables) await table.close();
    await db.close();
  }
  return tables;
}

async function beginTable(
  db: LakeDatabase,
  folder: string,
  { schema, spec }: { readonly schema: TableSchema; readonly spec: TableSpec },
): Promise<Growing> {
  const columns = engineColumns(schema, ZERO_DATES);
  const keyIndexes = schema.primaryKey.map((name) =>
    schema.columns.findIndex((column) => column.name === name),
  );
  const lakeDir = join(folder, "lake");
  return {
    spec,
    name: spec.name,
    path: tablePaths(lakeDir, schema.id).root,
    schema,
    columns,
    model: new TableModel(keyIndexes),
    table: await openSynced(db, lakeDir, { schema }),
  };
}

/** Brings all tables on together, so that the source is read once for each round of commits. */
class Rounds {
  readonly #database: TestDatabase;
  readonly #feed: SourceFeed;
  readonly #tables: readonly Growing[];
  #position: SourcePosition | null = null;
  #serverUuid = "";

  constructor(parts: {
    readonly database: TestDatabase;
    readonly feed: SourceFeed;
    readonly tables: readonly Growing[];
  }) {
    this.#database = parts.database;
    this.#feed = parts.feed;
    this.#tables = parts.tables;
  }

  async load(folder: string): Promise<void> {
    const low = await this.#feed.now();
    this.#position = low.position;
    this.#serverUuid = low.serverUuid;
    const staged = new Map<
      Growing,
      { readonly chunks: readonly StagedChunk[]; readonly rows: readonly EngineRow[] }
    >();
    for (const growing of this.#tables) {
      const chunkFolder = join(folder, "chunks", growing.name);
      await mkdir(chunkFolder, { recursive: true });
      const chunks = await this.#feed.snapshot(growing.schema, (index) =>
        growing.table.chunkWriter(index, join(chunkFolder, `${index}.parquet`)),
      );
      staged.set(growing, { chunks, rows: await this.#rows(growing) });
      await run(this.#database, growing.spec.duringSnapshot);
    }
    const info = await this.#catchUp(this.#tables);
    for (const growing of this.#tables) {
      const { chunks, rows } = must(staged.get(growing), "snapshot");
      const { instant } = await growing.table.load(growing.schema, chunks, info);
      growing.model.commit(instant, await this.#rows(growing), rows);
    }
  }

  async commit(index: number): Promise<void> {
    const tables = this.#tables.filter(({ spec }) => index < spec.commits.length);
    for (const { spec } of tables) await run(this.#database, spec.commits[index] ?? []);
    const info = await this.#catchUp(tables);
    for (const growing of tables) {
      const { instant } = await growing.table.commit(info);
      growing.model.commit(instant, await this.#rows(growing));
    }
  }

  /** Leaves behind what a crash would leave before the last step of a commit. */
  async breakOff(growing: Growing): Promise<void> {
    await run(this.#database, growing.spec.brokenOff ?? []);
    const info = await this.#catchUp([growing]);
    const crash = new Error("broken off");
    setStepHook((name) => {
      if (name === "lake.commit.complete") throw crash;
    });
    try {
      await growing.table.commit(info);
    } catch (error) {
      if (error === crash) return;
      throw error;
    } finally {
      setStepHook(null);
    }
    throw new Error("the commit was not broken off");
  }

  /** Appends what has changed since the last round. */
  async #catchUp(tables: readonly Growing[]): Promise<CommitInfo> {
    const from = must(this.#position, "position");
    const changes = await this.#feed.changesSince(
      from,
      tables.map(({ schema }) => schema),
    );
    for (const { table, schema } of tables)
      for (const batch of changes.batches.get(tableKey(schema.id)) ?? []) await table.append(batch);
    this.#position = changes.position;
    const checkpoint = { ...IDENTITY, position: changes.position, serverUuid: this.#serverUuid };
    return { checkpoint, counts: [] };
  }

  async #rows({ schema }: Growing): Promise<readonly EngineRow[]> {
    const [rows] = await this.#database.connection.raw.execute({
      sql: canonicalSelect(schema),
      rowsAsArray: true,
    });
    return (rows as unknown[][]).map((row) => canonicalRow(schema, ZERO_DATES, row));
  }
}

async function run(database: TestDatabase, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await database.run(statement);
}
