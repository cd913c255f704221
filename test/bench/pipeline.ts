import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig, type Config } from "../../src/app/config.ts";
import { runFollow } from "../../src/app/follow.ts";
import { runInit, snapshotDir } from "../../src/app/init.ts";
import { ProgressTracker } from "../../src/app/progress-tracker.ts";
import { identityOf } from "../../src/app/session.ts";
import { MysqlSource, type MysqlSourceOptions } from "../../src/capture/mysql-source.ts";
import { readTables } from "../../src/capture/schema-reader.ts";
import { tableSchema } from "../../src/capture/table-facts.ts";
import { bucketCountFor } from "../../src/lake/bucket.ts";
import { LakeDatabase } from "../../src/lake/duckdb.ts";
import { openHudiTable } from "../../src/lake/hudi-table.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { LakeTable } from "../../src/types/ports.ts";
import { BY_PRIMARY_KEY } from "../../src/types/key-choice.ts";
import { tableKey, type TableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { Log } from "../../src/util/log.ts";
import type { BenchServer, BenchWorkload } from "./data.ts";
import { measure, type Figure } from "./measure.ts";

const SNAP: TableId = { database: "snap", table: "orders" };
export const SHOP: TableId = { database: "shop", table: "orders" };
export const log = new Log({
  level: "warn",
  format: "text",
  now: Date.now,
  write: (line) => process.stderr.write(line),
});
export const never = new AbortController().signal;

/** A prepared server as another process can be told of it. */
export interface BenchPlace {
  readonly port: number;
  readonly workload: BenchWorkload;
}

/** A folder of its own, a config for it, and the parts that a command would open. */
export class Bench {
  readonly config: Config;
  readonly source: MysqlSource;
  readonly db: LakeDatabase;

  private constructor(config: Config, source: MysqlSource, db: LakeDatabase) {
    this.config = config;
    this.source = source;
    this.db = db;
  }

  static async open(
    dir: string,
    port: number,
    settings = "",
    limits: MysqlSourceOptions["limits"] = {},
  ): Promise<Bench> {
    const text = `source: {url: "mysql://root@127.0.0.1:${port}"}\ntables: ["*.orders"]\nlake: lake\n${settings}`;
    const config = parseConfig(text, { env: {}, hostname: "bench", file: join(dir, "tallylake.yaml") });
    const source = new MysqlSource({
      endpoint: config.source,
      identity: identityOf(config),
      version: "0.0.0",
      serverId: config.source.serverId,
      chunkRows: config.snapshot.chunkRows,
      queueBytes: config.memory.queueBytes,
      log,
      now: Date.now,
      random: Math.random,
      limits,
    });
    const db = await LakeDatabase.open({
      memoryBytesMax: config.memory.duckdbBytes,
      threads: availableParallelism(),
      tempDir: join(config.stateDir, "tmp"),
    });
    return new Bench(config, source, db);
  }

  async schemaOf(id: TableId): Promise<{ readonly schema: TableSchema; readonly dataBytes: number }> {
    const facts = await this.source.pool.use((connection) => readTables(connection, [id]));
    const table = must(facts.get(tableKey(id)), "the bench table");
    return {
      schema: must(tableSchema(table, BY_PRIMARY_KEY), "its schema"),
      dataBytes: table.dataBytes ?? 0,
    };
  }

  openTable(schema: TableSchema, dataBytes: number): Promise<LakeTable> {
    return openHudiTable({
      db: this.db,
      lakeDir: this.config.lakeDir,
      id: schema.id,
      identity: identityOf(this.config),
      schema,
      zeroDates: "null",
      buckets: bucketCountFor(dataBytes),
      now: Date.now,
      log,
    });
  }

  async close(): Promise<void> {
    await this.source.close();
    await this.db.close();
  }
}

export async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "tallylake-bench-"));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** `snap.orders`, from the first question to MySQL to the committed table. */
export function benchSnapshot(prepared: BenchServer): Promise<Figure> {
  return inFolder(async (dir) => {
    const bench = await Bench.open(dir, prepared.server.port);
    const { schema, dataBytes } = await bench.schemaOf(SNAP);
    const lake = await bench.openTable(schema, dataBytes);
    const figure = await measure(
      { bench: "snapshot", unit: "rows", serverPid: must(prepared.server.pid, "the server's pid") },
      async () => {
        const outcome = await runInit({
          config: bench.config,
          source: bench.source,
          dir: snapshotDir(bench.config),
          tables: [{ schema, lake, rowsEstimated: null, dir: join(snapshotDir(bench.config), "orders") }],
          progress: new ProgressTracker(Date.now),
          log,
          signal: never,
          now: Date.now,
        });
        return { rows: must(outcome.committed[0], "the first commit").rowsAfter };
      },
    );
    await lake.close();
    await bench.close();
    return figure;
  });
}

/** The backlog of changes onto `shop.orders` as it was before them, from the first packet to the last commit. */
export function benchStream(
  prepared: BenchServer,
  options: { readonly commitRows: number; readonly makeBase: (dir: string) => Promise<unknown> },
): Promise<Figure> {
  const { commitRows } = options;
  return inFolder(async (dir) => {
    await options.makeBase(dir);
    const bench = await Bench.open(dir, prepared.server.port, `commit: {every: 10m, rows: ${commitRows}}\n`);
    const { schema, dataBytes } = await bench.schemaOf(SHOP);
    const lake = await bench.openTable(schema, dataBytes);
    const { workload, server } = prepared;
    const name = `stream-${commitRows >= 1e6 ? `${commitRows / 1e6}M` : `${commitRows / 1e3}k`}`;
    const figure = await measure(
      { bench: name, unit: "changes", serverPid: must(server.pid, "the server's pid") },
      async () => {
        await runFollow({
          config: bench.config,
          source: bench.source,
          tables: [lake],
          target: GtidSet.parse(workload.end.gtids),
          log,
          signal: never,
          now: Date.now,
          onRunning: () => undefined,
          onCommit: () => undefined,
          onStop: (stop) => {
            throw new Error(stop.message);
          },
        });
        return { rows: workload.changes };
      },
    );
    await lake.close();
    await bench.close();
    return figure;
  });
}

/**
 * The table before the changes, made from `snap.orders`, which has the same rows. It runs in a process of its
 * own, so that the bench's peak of memory is not that of making it.
 */
export async function makeBase(place: BenchPlace, dir: string): Promise<void> {
  const bench = await Bench.open(dir, place.port);
  const { schema, dataBytes } = await bench.schemaOf(SNAP);
  const lake = await bench.openTable({ ...schema, id: SHOP }, dataBytes);
  const { serverUuid } = await bench.source.facts();
  const chunks = [];
  for await (const chunk of bench.source.planChunks(schema, never)) {
    const sink = lake.chunkWriter(chunk.index, join(dir, `${chunk.index}.parquet`));
    await bench.source.readChunk(schema, chunk, { sink, signal: never });
    chunks.push(await sink.finish());
  }
  const { start } = place.workload;
  const position = {
    gtids: GtidSet.parse(start.gtids),
    file: start.file,
    offset: start.position,
    seq: 0,
    last: null,
  };
  const checkpoint = { ...identityOf(bench.config), serverUuid, position };
  await lake.load({ ...schema, id: SHOP }, chunks, { checkpoint, counts: [] });
  await lake.close();
  await bench.close();
}
