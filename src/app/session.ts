import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Account } from "../capture/account.ts";
import { requireSameServer } from "../capture/history.ts";
import { MysqlSource } from "../capture/mysql-source.ts";
import { preflight, type Preflight } from "../capture/preflight.ts";
import { tableSchema, type TableFacts } from "../capture/table-facts.ts";
import { bucketCountFor } from "../lake/bucket.ts";
import { LakeDatabase } from "../lake/duckdb.ts";
import { openHudiTable } from "../lake/hudi-table.ts";
import { TableReader } from "../lake/table-reader.ts";
import { openTraceStore } from "../trace/clickhouse-store.ts";
import { Recorder } from "../trace/recorder.ts";
import { isSyncError } from "../types/errors.ts";
import type { Checkpoint, SourceIdentity } from "../types/checkpoint.ts";
import type { LakeTable, Problem, TraceStore } from "../types/ports.ts";
import { formatTableId, quoteMysqlTable, tableKey, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import type { CommandContext } from "./command.ts";
import { settingsFor, type Config } from "./config.ts";
import { lakeTables } from "./lake-tables.ts";
import { Resources } from "./lifecycle.ts";
import { packageVersion } from "./package-info.ts";
import { requireHealthy } from "./problem-gate.ts";

/** A table of the config as the source has it now, opened in the lake. */
export interface SessionTable {
  readonly facts: TableFacts;
  readonly schema: TableSchema;
  readonly lake: LakeTable;
}

/** The tables that can be followed, and why the others cannot. */
export interface FollowedTables {
  readonly tables: readonly SessionTable[];
  /** One problem of each table that is left out. */
  readonly left: readonly TableProblem[];
}

export interface TableProblem extends Problem {
  readonly table: TableId;
}

/** How long a command that has an end waits for a source that went away while it worked. */
export const PATIENCE_MS = 120_000;

export const identityOf = (config: Config): SourceIdentity => ({
  source: config.source.name,
  epoch: config.source.epoch,
});

export function openSource({ config, log, now }: CommandContext, patienceMs?: number): MysqlSource {
  return new MysqlSource({
    endpoint: config.source,
    identity: identityOf(config),
    version: packageVersion(),
    serverId: config.source.serverId,
    chunkRows: config.snapshot.chunkRows,
    queueBytes: config.memory.queueBytes,
    log,
    now,
    random: Math.random,
    ...(patienceMs === undefined ? {} : { patienceMs }),
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
        async () => openSource(context, PATIENCE_MS),
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
    const { config, log } = this.#context;
    const standing = await this.#standing();
    const found = await this.#preflight();
    requireHealthy([...found.problems, ...earlierEpochs(standing, config)], log);
    const db = await this.#openDatabase();
    const tables: SessionTable[] = [];
    for (const facts of found.tables) tables.push(await this.#openTable(facts, db));
    return tables;
  }

  /**
   * Opens the tables that have a first commit and no problem of their own: what is wrong with one of them does
   * not keep the others from being followed.
   * @throws SyncError when the source as a whole has a problem, or no table is left
   */
  async openFollowedTables(): Promise<FollowedTables> {
    const { config, log } = this.#context;
    const standing = await this.#standing();
    const committed = standing.map(({ id }) => id);
    const found = await this.#preflight();
    const ofTables = [...found.problems.filter(isTableProblem), ...earlierEpochs(standing, config)];
    requireHealthy(
      found.problems.filter((problem) => !ofTables.some((other) => other === problem)),
      log,
    );
    const left = new Map<string, TableProblem>();
    const leave = (problem: TableProblem): void => {
      const key = tableKey(problem.table);
      if (!left.has(key)) left.set(key, problem);
    };
    ofTables.forEach(leave);
    const there = new Set(found.tables.map(({ id }) => tableKey(id)));
    committed.filter((id) => !there.has(tableKey(id))).forEach((id) => leave(goneTable(id, found.account)));
    const known = new Set(committed.map(tableKey));
    found.tables.filter(({ id }) => !known.has(tableKey(id))).forEach(({ id }) => leave(newTable(id)));
    const db = await this.#openDatabase();
    const tables: SessionTable[] = [];
    for (const facts of found.tables) {
      if (left.has(tableKey(facts.id))) continue;
      try {
        tables.push(await this.#openTable(facts, db));
      } catch (error) {
        leave(lakeProblem(facts.id, error));
      }
    }
    const problems = [...left.values()];
    if (tables.length === 0) requireHealthy(problems, log);
    return { tables, left: problems };
  }

  /**
   * Where the tables of the lake stand; what cannot be read is told when the table is opened. Another server is
   * refused before anything else is asked of it: the tables that it does not have would be told in its place.
   * @throws SyncError SOURCE_CHANGED
   */
  async #standing(): Promise<readonly Standing[]> {
    const { config, signal } = this.#context;
    const standing = await standingTables(config);
    if (standing.every(({ checkpoint }) => checkpoint === null)) return standing;
    const [row] = await this.source.pool.use((one) => one.query("SELECT @@server_uuid"), signal);
    for (const { checkpoint } of standing) requireSameServer(row?.[0] ?? "", checkpoint?.serverUuid ?? null);
    return standing;
  }

  #preflight(): Promise<Preflight> {
    const { config, signal } = this.#context;
    const { tables: include, exclude, source } = config;
    return this.source.pool.use(
      (connection) => preflight(connection, { include, exclude, host: source.host }),
      signal,
    );
  }

  async #openDatabase(): Promise<LakeDatabase> {
    const { config } = this.#context;
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
    return db;
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

/** A table of the lake and its newest checkpoint; null when that cannot be read. */
interface Standing {
  readonly id: TableId;
  readonly checkpoint: Checkpoint | null;
}

async function standingTables(config: Config): Promise<readonly Standing[]> {
  const standing: Standing[] = [];
  for (const id of await lakeTables(config)) {
    try {
      const last = await new TableReader(config.lakeDir, id).latest();
      standing.push({ id, checkpoint: last?.checkpoint ?? null });
    } catch (error) {
      if (!isSyncError(error)) throw error;
      standing.push({ id, checkpoint: null });
    }
  }
  return standing;
}

/** Positions of an earlier epoch are those of a history that is over: the same numbers are others now. */
function earlierEpochs(standing: readonly Standing[], { source }: Config): readonly TableProblem[] {
  return standing.flatMap(({ id, checkpoint }) => {
    if (checkpoint === null || checkpoint.epoch >= source.epoch) return [];
    return {
      code: "SOURCE_HISTORY_BROKEN",
      table: id,
      message: `${formatTableId(id)} is of epoch ${checkpoint.epoch} in the lake, and \`source.epoch\` is ${source.epoch}`,
      hint: "remove the table's folder from the lake and run `tallylake init` to take its snapshot again",
      severity: "error",
    };
  });
}

const isTableProblem = (problem: Problem): problem is TableProblem =>
  problem.table !== null && problem.severity === "error";

/** A table whose first commit is still to come cannot be followed. */
const newTable = (table: TableId): TableProblem => ({
  code: "LAKE_TABLE_MISSING",
  table,
  message: `${formatTableId(table)} has no first commit in the lake`,
  hint: "run `tallylake init`",
  severity: "error",
});

/** A table of the lake that the source does not show any more. */
const goneTable = (table: TableId, account: Account): TableProblem => ({
  code: "TABLE_ABSENT",
  table,
  message: `${formatTableId(table)} is in the lake, and the source does not have it, or does not show it to this user`,
  hint: `GRANT SELECT ON ${quoteMysqlTable(table)} TO ${account.quoted}; or leave the table out with \`exclude\` if it was dropped`,
  severity: "error",
});

/** What of the lake concerns one table alone; any other error is thrown on. */
function lakeProblem(table: TableId, error: unknown): TableProblem {
  if (!isSyncError(error) || !OF_ONE_LAKE_TABLE.has(error.code)) throw error;
  const { code, message, hint } = error;
  return { code, table, message, hint, severity: "error" };
}

const OF_ONE_LAKE_TABLE: ReadonlySet<string> = new Set([
  "LAKE_CORRUPT",
  "LAKE_FENCED",
  "LAKE_FOREIGN_TABLE",
  "LAKE_FOREIGN_WRITE",
]);
