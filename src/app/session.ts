import { availableParallelism } from "node:os";
import { join } from "node:path";
import { MysqlSource } from "../capture/mysql-source.ts";
import { preflight } from "../capture/preflight.ts";
import { tableSchema, type TableFacts } from "../capture/table-facts.ts";
import { bucketCountFor } from "../lake/bucket.ts";
import { LakeDatabase } from "../lake/duckdb.ts";
import { openHudiTable } from "../lake/hudi-table.ts";
import { TableReader } from "../lake/table-reader.ts";
import { openTraceStore } from "../trace/clickhouse-store.ts";
import { Recorder } from "../trace/recorder.ts";
import { syncError } from "../types/errors.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import type { LakeTable, TraceStore } from "../types/ports.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import type { CommandContext } from "./command.ts";
import { settingsFor, type Config } from "./config.ts";
import { Resources } from "./lifecycle.ts";
import { requireHealthy } from "./problem-gate.ts";

/** A table of the config as the source has it now, opened in the lake. */
export interface SessionTable {
  readonly facts: TableFacts;
  readonly schema: TableSchema;
  readonly lake: LakeTable;
}

export const identityOf = (config: Config): SourceIdentity => ({
  source: config.source.name,
  epoch: config.source.epoch,
});

export function openSource({ config, log, now }: CommandContext): MysqlSource {
  return new MysqlSource({
    endpoint: config.source,
    identity: identityOf(config),
    serverId: config.source.serverId,
    chunkRows: config.snapshot.chunkRows,
    queueBytes: config.memory.queueBytes,
    log,
    now,
    random: Math.random,
  });
}

/** What `init` and `follow` work with: the source, checked, and the tables of the lake, locked. */
export class Session {
  readonly #context: CommandContext;
  readonly #resources: Resources;
  readonly source: MysqlSource;
  #db: LakeDatabase | null = null;

  private constructor(context: CommandContext, resources: Resources, source: MysqlSource) {
    this.#context = context;
    this.#resources = resources;
    this.source = source;
  }

  /** Runs `body` with an open session and closes it, whatever happens. */
  static async use<T>(context: CommandContext, body: (session: Session) => Promise<T>): Promise<T> {
    const resources = new Resources((name, error) => {
      context.log.warn(`${name} could not be closed`, {
        cause: error instanceof Error ? error.message : String(error),
      });
    });
    return resources.use(async () => {
      const source = await resources.open(
        "the source",
        async () => openSource(context),
        (opened) => opened.close(),
      );
      return body(new Session(context, resources, source));
    });
  }

  /** Open once the tables are. */
  get db(): LakeDatabase {
    return must(this.#db, "DuckDB");
  }

  /**
   * Checks the source as a whole and opens its tables in the lake.
   * @throws SyncError with all problems, when one of them is an error
   */
  async openTables(): Promise<readonly SessionTable[]> {
    const { config, signal, log } = this.#context;
    const { tables: include, exclude, source } = config;
    const found = await this.source.pool.use(
      (connection) => preflight(connection, { include, exclude, host: source.host }),
      signal,
    );
    requireHealthy(found.problems, log);
    const db = await this.#resources.open(
      "DuckDB",
      () =>
        LakeDatabase.open({
          memoryBytesMax: config.memory.duckdbBytes,
          threads: availableParallelism(),
          tempDir: join(config.stateDir, "tmp"),
        }),
      (opened) => opened.close(),
    );
    this.#db = db;
    const tables: SessionTable[] = [];
    for (const facts of found.tables) tables.push(await this.#openTable(facts, db));
    return tables;
  }

  #openTable(facts: TableFacts, db: LakeDatabase): Promise<SessionTable> {
    const { config, log, now } = this.#context;
    const schema = must(tableSchema(facts), `the schema of ${formatTableId(facts.id)}`);
    const settings = settingsFor(config, facts.id);
    return this.#resources.open(
      formatTableId(facts.id),
      async () => ({
        facts,
        schema,
        lake: await openHudiTable({
          db,
          lakeDir: config.lakeDir,
          id: facts.id,
          identity: identityOf(config),
          schema,
          zeroDates: settings.zeroDates,
          buckets: settings.buckets ?? bucketCountFor(facts.dataBytes ?? 0),
          now,
          log,
        }),
      }),
      (table) => table.lake.close(),
    );
  }

  /** Starts to bring the counts of commits to the trace store; it never holds up anybody. */
  async openRecorder(tables: readonly LakeTable[]): Promise<Recorder> {
    const { config, log, now } = this.#context;
    const stop = new AbortController();
    const recorder = new Recorder({
      source: config.source.name,
      tables: tables.map((table) => table.id),
      open: traceOpener(config, now),
      commits: (id: TableId, after) => new TableReader(config.lakeDir, id).commits(after),
      log,
      now,
      random: Math.random,
    });
    const running = recorder.run(stop.signal);
    // An error that is no operating one ends the program when the recorder is closed.
    running.catch(() => undefined);
    return this.#resources.open(
      "the trace store",
      async () => recorder,
      async () => {
        stop.abort();
        await running;
      },
    );
  }
}

/** How the trace store of the config is opened; null when there is none. */
export function traceOpener({ trace }: Config, now: () => number): (() => Promise<TraceStore>) | null {
  switch (trace.kind) {
    case "off":
      return null;
    case "path":
      return () => openTraceStore({ target: { kind: "path", path: trace.path }, now });
    case "url": {
      const { url, user, password, database } = trace;
      return () => openTraceStore({ target: { kind: "url", url, user, password }, database, now });
    }
  }
}

/** A table whose first commit is still to come cannot be followed. */
export function requireFirstCommit(table: SessionTable): void {
  if (table.lake.checkpoint !== null) return;
  throw syncError("LAKE_TABLE_MISSING", `${formatTableId(table.schema.id)} has no first commit in the lake`, {
    hint: "run `tallylake init`",
  });
}
