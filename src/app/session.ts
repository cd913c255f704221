import { availableParallelism } from "node:os";
import { join } from "node:path";
import { requireSameServer } from "../capture/history.ts";
import { MysqlSource, type MysqlSourceOptions } from "../capture/mysql-source.ts";
import { preflight, type Preflight } from "../capture/preflight.ts";
import type { ChoicesOf } from "../capture/table-problems.ts";
import { tableSchema, type TableFacts } from "../capture/table-facts.ts";
import { bucketCountFor } from "../lake/bucket.ts";
import { LakeDatabase } from "../lake/duckdb.ts";
import { openHudiTable } from "../lake/hudi-table.ts";
import { TableReader } from "../lake/table-reader.ts";
import { Recorder } from "../trace/recorder.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { syncError } from "../types/errors.ts";
import type { LakeTable } from "../types/ports.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import type { CommandContext } from "./command.ts";
import { settingsFor, type Config } from "./config.ts";
import { Resources } from "./lifecycle.ts";
import { traceOpener } from "./open-trace.ts";
import { packageVersion } from "./package-info.ts";
import { requireHealthy } from "./problem-gate.ts";
import {
  earlierEpochs,
  goneTable,
  isTableProblem,
  lakeProblem,
  newTable,
  standingTables,
  type Standing,
  type TableProblem,
} from "./standing-tables.ts";
import type { FollowedTable } from "./follow.ts";

/** A table of the config as the source has it now, opened in the lake. */
export interface SessionTable {
  readonly facts: TableFacts;
  readonly schema: TableSchema;
  readonly lake: LakeTable;
}

/** The tables whose first commit is to come, of so many. */
export interface NewTables {
  readonly tables: readonly SessionTable[];
  readonly total: number;
}

/** The tables that can be followed, and why the others cannot. */
export interface FollowedTables {
  readonly tables: readonly SessionTable[];
  /** One problem of each table that is left out. */
  readonly left: readonly TableProblem[];
}

/** Tables to capture, as the lake has them. */
export interface CapturedTables {
  readonly tables: readonly FollowedTable[];
  readonly left: readonly TableProblem[];
}

/** Tables to apply changes to. */
export interface AppliedTables {
  readonly tables: readonly LakeTable[];
  readonly left: readonly TableProblem[];
}

interface Followable {
  readonly standing: readonly Standing[];
  readonly found: Preflight;
  readonly left: ReadonlyMap<string, TableProblem>;
  readonly leave: (problem: TableProblem) => void;
}

/** How long a command that has an end waits for a source that went away while it worked. */
export const PATIENCE_MS = 120_000;

/** `reader` is whose replica number the streams of the source get; two at once with the same would cut each other off. */
export interface SourceOptions extends Pick<MysqlSourceOptions, "patienceMs" | "limits"> {
  readonly reader?: keyof typeof READERS;
}

const READERS = { follow: 0, report: 1, renewal: 2 } as const;

export const serverIdOf = ({ source }: Config, reader: keyof typeof READERS): number =>
  source.serverId + READERS[reader];

export const identityOf = (config: Config): SourceIdentity => ({
  source: config.source.name,
  epoch: config.source.epoch,
});

export function openSource(
  { config, log, now }: CommandContext,
  { patienceMs, limits, reader = "follow" }: SourceOptions = {},
): MysqlSource {
  return new MysqlSource({
    endpoint: config.source,
    identity: identityOf(config),
    version: packageVersion(),
    serverId: serverIdOf(config, reader),
    chunkRows: config.snapshot.chunkRows,
    queueBytes: config.memory.queueBytes,
    log,
    now,
    random: Math.random,
    ...(patienceMs === undefined ? {} : { patienceMs }),
    ...(limits === undefined ? {} : { limits }),
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
  static async use<T>(
    context: CommandContext,
    body: (session: Session) => Promise<T>,
    source: Pick<SourceOptions, "limits"> = {},
  ): Promise<T> {
    const resources = new Resources((name, error) => {
      context.log.warn(`${name} could not be closed`, {
        cause: error instanceof Error ? error.message : String(error),
      });
    });
    return resources.use(async () => {
      const opened = await resources.open(
        "the source",
        async () => openSource(context, { patienceMs: PATIENCE_MS, ...source }),
        (one) => one.close(),
      );
      return body(new Session(context, resources, opened));
    });
  }

  /** Open once the tables are. */
  get db(): LakeDatabase {
    return must(this.#db, "DuckDB");
  }

  /**
   * Checks the source as a whole and opens those of its tables in the lake whose first commit is to come.
   * @throws SyncError with all problems, when one of them is an error
   */
  async openNewTables(): Promise<NewTables> {
    const { config, log } = this.#context;
    const standing = await this.#standing();
    const found = await this.#preflight();
    requireHealthy([...found.problems, ...earlierEpochs(standing, config)], log);
    const done = new Set(
      standing.filter(({ checkpoint }) => checkpoint !== null).map(({ id }) => tableKey(id)),
    );
    const tables = await this.#openEach(found.tables.filter(({ id }) => !done.has(tableKey(id))));
    return { tables, total: found.tables.length };
  }

  /**
   * Opens tables of the source whose rows are to be read, whatever the lake has of them.
   * @throws SyncError when one of them cannot be kept, or when none is meant
   */
  async openTables(isMeant: (id: TableId) => boolean): Promise<readonly SessionTable[]> {
    const { config, log } = this.#context;
    const found = await this.#preflight();
    requireHealthy(
      found.problems.filter(({ table }) => table === null || isMeant(table)),
      log,
    );
    const meant = found.tables.filter(({ id }) => isMeant(id));
    if (meant.length > 0) return this.#openEach(meant);
    throw syncError("TABLE_ABSENT", "no table of the config has such a name at the source", {
      hint: `\`tallylake check\` lists the tables that ${config.file} means`,
    });
  }

  async #openEach(meant: readonly TableFacts[]): Promise<readonly SessionTable[]> {
    const db = await this.#openDatabase();
    const tables: SessionTable[] = [];
    for (const facts of meant) tables.push(await this.#openTable(facts, db));
    return tables;
  }

  /**
   * Opens the tables that have a first commit and no problem of their own: what is wrong with one of them does
   * not keep the others from being followed.
   * @throws SyncError when the source as a whole has a problem, or no table is left
   */
  async openFollowedTables(): Promise<FollowedTables> {
    const { found, left, leave } = await this.#followable();
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
    return this.#requireSome(tables, left);
  }

  /**
   * The same tables without their locks, for who only reads the source: they are as the lake has them.
   * @throws SyncError as `openFollowedTables`
   */
  async capturedTables(): Promise<CapturedTables> {
    const { standing, left, leave } = await this.#followable();
    const tables: FollowedTable[] = [];
    for (const { id, schema, checkpoint } of standing) {
      if (left.has(tableKey(id))) continue;
      if (schema !== null && checkpoint !== null) tables.push({ schema, checkpoint });
      else leave(newTable(id));
    }
    return this.#requireSome(tables, left);
  }

  /** The tables of the config as the source has them now, and what is wrong with them. */
  look(): Promise<Preflight> {
    return this.#preflight();
  }

  /**
   * Opens the tables of the lake without a look at the source, for who gets their changes from elsewhere.
   * @throws SyncError when no table is left
   */
  async openAppliedTables(): Promise<AppliedTables> {
    const { config } = this.#context;
    const left = new Map<string, TableProblem>();
    const standing = await this.#standingTables();
    const ofEarlier = earlierEpochs(standing, config);
    for (const problem of ofEarlier) left.set(tableKey(problem.table), problem);
    const db = await this.#openDatabase();
    const tables: LakeTable[] = [];
    for (const { id, schema } of standing) {
      if (left.has(tableKey(id))) continue;
      try {
        if (schema === null) left.set(tableKey(id), newTable(id));
        else tables.push(await this.#openLake({ id, schema, dataBytes: 0 }, db));
      } catch (error) {
        left.set(tableKey(id), lakeProblem(id, error));
      }
    }
    return this.#requireSome(tables, left);
  }

  #requireSome<T>(
    tables: readonly T[],
    left: ReadonlyMap<string, TableProblem>,
  ): { readonly tables: readonly T[]; readonly left: readonly TableProblem[] } {
    const problems = [...left.values()];
    if (tables.length === 0) requireHealthy(problems, this.#context.log);
    return { tables, left: problems };
  }

  /** What the source and the lake have, and which tables cannot be followed, each with one problem. */
  async #followable(): Promise<Followable> {
    const { config, log } = this.#context;
    const standing = await this.#standing();
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
    const known = new Set(standing.map(({ id }) => tableKey(id)));
    standing
      .filter(({ id }) => !there.has(tableKey(id)))
      .forEach(({ id }) => {
        leave(goneTable(id, found.account));
      });
    found.tables
      .filter(({ id }) => !known.has(tableKey(id)))
      .forEach(({ id }) => {
        leave(newTable(id));
      });
    return { standing, found, left, leave };
  }

  /**
   * Where the tables of the lake stand; what cannot be read is told when the table is opened. Another server is
   * refused before anything else is asked of it: the tables that it does not have would be told in its place.
   * @throws SyncError SOURCE_CHANGED
   */
  async #standing(): Promise<readonly Standing[]> {
    const { signal } = this.#context;
    const standing = await this.#standingTables();
    if (standing.every(({ checkpoint }) => checkpoint === null)) return standing;
    const found = await this.source.pool.use((one) => one.dialect.readIdentity(one), signal);
    for (const { checkpoint } of standing) requireSameServer(found, checkpoint?.serverUuid ?? null);
    return standing;
  }

  #standingTables(): Promise<readonly Standing[]> {
    return standingTables(this.#context.config);
  }

  #preflight(): Promise<Preflight> {
    const { config, signal } = this.#context;
    const { tables: include, exclude, source } = config;
    return this.source.pool.use((connection) => {
      const choices: ChoicesOf = (id) => settingsFor(config, id);
      return preflight(connection, { include, exclude, host: source.host, choices });
    }, signal);
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

  async #openTable(facts: TableFacts, db: LakeDatabase): Promise<SessionTable> {
    const { id, dataBytes } = facts;
    const settings = settingsFor(this.#context.config, id);
    const schema = must(tableSchema(facts, settings), `the schema of ${formatTableId(id)}`);
    return { facts, schema, lake: await this.#openLake({ id, schema, dataBytes: dataBytes ?? 0 }, db) };
  }

  #openLake(
    {
      id,
      schema,
      dataBytes,
    }: { readonly id: TableId; readonly schema: TableSchema; readonly dataBytes: number },
    db: LakeDatabase,
  ): Promise<LakeTable> {
    const { config, log, now } = this.#context;
    const settings = settingsFor(config, id);
    return this.#resources.open(
      formatTableId(id),
      () =>
        openHudiTable({
          db,
          lakeDir: config.lakeDir,
          id,
          identity: identityOf(config),
          schema,
          zeroDates: settings.zeroDates,
          buckets: settings.buckets ?? bucketCountFor(dataBytes),
          now,
          log,
        }),
      (table) => table.close(),
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
