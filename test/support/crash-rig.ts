import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { seededRandom } from "../../scripts/random.ts";
import { ClickHouseBridge } from "./clickhouse-bridge.ts";
import { CRASH_TABLES, fillCrashTables, SMALL, writeTransactions, type CrashSize } from "./crash-tables.ts";
import { isThere } from "../../scripts/is-there.ts";
import { Oracle, placeIn, type Place } from "./oracle.ts";
import { formatPoint, withSteps, type Gate, type StepPlan, type StepPoint } from "./step-plan.ts";
import { TallylakeProcess, type ProcessEnd } from "./tallylake-process.ts";
import { tempDir, type TempDir } from "./temp-dir.ts";
import type { TestDatabase, TestMysql } from "./test-mysql.ts";
import { runTool } from "./tool-run.ts";
import { waitFor } from "./wait-for.ts";

/** Few rows make many units, chunks, files and commits. */
const UNIT_ROWS = 25;
export const CRASH_CONFIG = `
lake: ./lake
defaults: { buckets: 2 }
snapshot: { parallel: 2, chunkRows: 25 }
commit: { every: 60s, rows: 60 }
clean: { retain: 0s, everyCommits: 2 }
memory: { duckdb: 256MiB, queue: 1MiB }
`;

/** What of a config can differ from place to place. */
export interface PlaceOptions {
  /** Below \`source\` and \`tables\`. */
  readonly config?: string;
  /** The trace store inside the program, in place of the shared one. */
  readonly ownTrace?: boolean;
}

export interface CrashRun {
  readonly args: readonly string[];
  readonly kill?: StepPoint | undefined;
  readonly gates?: readonly StepPoint[];
  /** Called while the process waits at a gate. */
  readonly onGate?: () => Promise<void>;
  /** Ends the process at a time instead of a step. */
  readonly killAfterMs?: number;
  /** See `StepPlan`; few by default. */
  readonly unitRows?: number;
}

export interface CrashRunEnd extends ProcessEnd {
  /** The steps that were passed, in their order, of both threads. */
  readonly steps: readonly string[];
  /** By the run's own kill. */
  readonly isKilled: boolean;
  readonly ms: number;
}

/** What scenarios share: a MySQL, a trace store, folders, and the oracle. */
export class CrashRig implements AsyncDisposable {
  readonly mysql: TestMysql;
  readonly oracle: Oracle;
  readonly #bridge: ClickHouseBridge;
  readonly #folder: TempDir;
  #places = 0;

  private constructor(
    mysql: TestMysql,
    parts: { oracle: Oracle; bridge: ClickHouseBridge; folder: TempDir },
  ) {
    this.mysql = mysql;
    this.oracle = parts.oracle;
    this.#bridge = parts.bridge;
    this.#folder = parts.folder;
  }

  static async open(mysql: TestMysql): Promise<CrashRig> {
    const folder = await tempDir();
    const bridge = await ClickHouseBridge.start(join(folder.path, "trace"));
    return new CrashRig(mysql, { folder, bridge, oracle: await Oracle.open() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.oracle[Symbol.asyncDispose]();
    await this.#bridge[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }

  /** What the configs of the places refer to. */
  get env(): Readonly<Record<string, string>> {
    return { TRACE_PASSWORD: this.#bridge.password };
  }

  /** A folder with a config for the tables of a database. */
  async place(database: string, options: PlaceOptions = {}): Promise<Place> {
    const place = await this.#newPlace();
    const config = `source: ${this.mysql.url}\ntables: ["${database}.*"]\n${options.config ?? CRASH_CONFIG}`;
    if (options.ownTrace === true) {
      await writeFile(join(place.dir, "tallylake.yaml"), config);
      return place;
    }
    await writeFile(join(place.dir, "base.yaml"), config);
    await this.#writeConfig(place);
    return place;
  }

  /** The same lake and state once more, with a trace store of its own. */
  async copy(from: Place): Promise<Place> {
    const place = await this.#newPlace();
    await cp(from.dir, place.dir, { recursive: true });
    await this.#writeConfig(place);
    return place;
  }

  async remove(place: Place): Promise<void> {
    await rm(place.dir, { recursive: true, force: true });
  }

  async #newPlace(): Promise<Place> {
    const place = placeIn(join(this.#folder.path, `place_${++this.#places}`));
    await mkdir(place.dir);
    return place;
  }

  async #writeConfig(place: Place): Promise<void> {
    const base = await readFile(join(place.dir, "base.yaml"), "utf8");
    const { url, user } = this.#bridge;
    const trace = { url, user, password: "${env:TRACE_PASSWORD}", database: basename(place.dir) };
    await writeFile(join(place.dir, "tallylake.yaml"), `${base}\ntrace: ${JSON.stringify(trace)}\n`);
  }

  /** A new database with the tables of `crash-tables.ts`. */
  async database(size: CrashSize = SMALL): Promise<TestDatabase> {
    const database = await this.mysql.database();
    await fillCrashTables(database.connection, size);
    return database;
  }

  /** Runs the program until it ends, is killed, or passes all that there is to pass. */
  async run(place: Place, run: CrashRun): Promise<CrashRunEnd> {
    const scratch = await tempDir();
    try {
      const record = join(scratch.path, "steps");
      const gates = (run.gates ?? []).map((point, i) => ({
        ...point,
        reached: join(scratch.path, `reached-${i}`),
        open: join(scratch.path, `open-${i}`),
      }));
      const plan: StepPlan = {
        record,
        gates,
        unitRows: run.unitRows ?? UNIT_ROWS,
        ...(run.kill === undefined ? {} : { kill: run.kill }),
      };
      const startMs = performance.now();
      await using child = this.start(place, run.args, plan);
      if (run.killAfterMs !== undefined) setTimeout(() => child.signal("SIGKILL"), run.killAfterMs).unref();
      // Each by itself: a resumed process may pass the second one alone.
      await Promise.all(gates.map((gate) => passGate(child, gate, run.onGate)));
      const end = await child.ended;
      const ms = performance.now() - startMs;
      const steps = await readFile(record, "utf8").catch(() => "");
      const isKilled = end.signal === "SIGKILL" && !end.isOverdue;
      return { ...end, steps: steps.split("\n").slice(0, -1), isKilled, ms };
    } finally {
      await scratch[Symbol.asyncDispose]();
    }
  }

  /** Runs the program to its end in this process, without a record of its steps. */
  async runHere(place: Place, args: readonly string[]): Promise<CrashRunEnd> {
    const startMs = performance.now();
    const { exitCode, out, log } = await runTool(place, args, { env: this.env });
    const ms = performance.now() - startMs;
    const stderr = log.map(({ message }) => message).join("\n");
    const end = { code: exitCode, signal: null, stdout: out, stderr, isOverdue: false };
    return { ...end, steps: [], isKilled: false, ms };
  }

  /** Starts the program with a plan for its steps, and leaves it running. */
  start(place: Place, args: readonly string[], plan: StepPlan = {}): TallylakeProcess {
    const { preload, env } = withSteps(plan);
    return TallylakeProcess.start(place.dir, args, {
      preload,
      env: { ...env, ...this.env },
    });
  }

  /** Whether the lake holds what MySQL holds at this moment. */
  async isExact(place: Place, database: TestDatabase): Promise<boolean> {
    for (const table of CRASH_TABLES) {
      const id = { database: database.name, table };
      if ((await this.oracle.cells(database.connection, place, id)).length > 0) return false;
    }
    return true;
  }

  /** All that is wrong with the lake at a place, when nobody writes any more. */
  judge(
    place: Place,
    database: TestDatabase,
    names: readonly string[] = CRASH_TABLES,
  ): Promise<readonly string[]> {
    const tables = names.map((table) => ({ database: database.name, table }));
    return this.oracle.judge(database.connection, place, tables, this.env);
  }
}

/** Waits until the process is at the gate, lets the caller work, and opens it; no gate is reached by a dead one. */
async function passGate(
  child: TallylakeProcess,
  gate: Gate,
  work: (() => Promise<void>) | undefined,
): Promise<void> {
  const what = `${formatPoint(gate)} or the end`;
  await waitFor(what, async () => !child.isRunning || (await isThere(gate.reached)), { intervalMs: 3 });
  if (!(await isThere(gate.reached))) return;
  if (child.isRunning) await work?.();
  await writeFile(gate.open, "");
}

/** A writer of random transactions whose sequence follows from the seed. */
export function seededWriter(
  database: TestDatabase,
  options: { readonly seed: number; readonly size?: CrashSize },
) {
  const random = seededRandom(options.seed);
  const size = options.size ?? SMALL;
  return (count: number): Promise<void> => writeTransactions(database.connection, { count, size, random });
}
