import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Engines, HudiVersion } from "../../scripts/engines.ts";
import { tablePaths } from "../../src/lake/lake-path.ts";
import { must } from "../../src/util/assert.ts";
import type { EngineColumn, EngineRow } from "../support/canonical-row.ts";
import {
  runHudiRs,
  runSpark,
  type ReadStep,
  type StepResult,
  type TableView,
  type WriteStep,
} from "../support/engines.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { TestMysql } from "../support/test-mysql.ts";
import { CARELESS, CO_WRITES, coWriterOptions, readAgain, writeSteps, type CoWrite } from "./co-writes.ts";
import { syncTables, type SyncedTable } from "./synced-tables.ts";
import { TABLE_SPECS, type TableSpec } from "./table-specs.ts";

/** One reading of one table. */
export interface Check {
  readonly spec: string;
  readonly label: string;
  readonly view: (instants: readonly string[]) => TableView;
}

export const CHECKS: readonly Check[] = TABLE_SPECS.flatMap(checksOf);

function checksOf({ name, commits, isCleaned }: TableSpec): readonly Check[] {
  const last = commits.length;
  const at = (instants: readonly string[], i: number): string => must(instants[i], `instant ${i}`);
  const range = (after: number, through: number): Check => ({
    spec: name,
    label: `rows changed after commit ${after} and through commit ${through}`,
    view: (instants) => ({ kind: "incremental", after: at(instants, after), through: at(instants, through) }),
  });
  const latest: Check = { spec: name, label: "latest state", view: () => ({ kind: "snapshot" }) };
  const state = (commit: number): Check => ({
    spec: name,
    label: `state of commit ${commit}`,
    view: (instants) => ({ kind: "asOf", instant: at(instants, commit) }),
  });
  // The files of earlier states are gone.
  if (isCleaned) return [latest, state(last - 1), range(last - 1, last)];
  return [
    latest,
    ...commits.map((_, commit) => state(commit)),
    range(0, 1),
    ...(last > 1 ? [range(0, last), range(last - 1, last)] : []),
  ];
}

/** Read beside the source's columns: which commit wrote a row. */
export const COMMIT_COLUMN: EngineColumn = { name: "_hoodie_commit_time", kind: "string" };

export interface SparkResults {
  /** One for each check. */
  readonly reads: readonly StepResult[];
  /** Errors of the commits of each co-write, and how Spark then reads the table. */
  readonly coWrites: ReadonlyMap<
    CoWrite,
    { readonly errors: readonly string[]; readonly rows: readonly EngineRow[] }
  >;
  readonly carelessError: string | null;
  /** The copy of the lake that it has written to. */
  readonly lakeDir: string;
}

/**
 * The tables, and what the engines make of them. Each engine runs when it is first asked for, and then once:
 * starting Spark costs more than all that it does here.
 */
export class Proof implements AsyncDisposable {
  readonly tables: ReadonlyMap<string, SyncedTable>;
  readonly folder: string;
  readonly #engines: Engines;
  readonly #stack: AsyncDisposableStack;
  readonly #spark = new Map<HudiVersion, Promise<SparkResults>>();
  #hudiRs: Promise<readonly StepResult[]> | null = null;

  private constructor(parts: {
    readonly tables: readonly SyncedTable[];
    readonly folder: string;
    readonly engines: Engines;
    readonly stack: AsyncDisposableStack;
  }) {
    this.tables = new Map(parts.tables.map((table) => [table.name, table]));
    this.folder = parts.folder;
    this.#engines = parts.engines;
    this.#stack = parts.stack;
  }

  static async begin(mysql: TestMysql, engines: Engines): Promise<Proof> {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await tempDir());
    const database = stack.use(await mysql.database());
    const tables = await syncTables(database, TABLE_SPECS, folder);
    return new Proof({ tables, folder, engines, stack: stack.move() });
  }

  table(spec: string): SyncedTable {
    return must(this.tables.get(spec), spec);
  }

  /** One result for each check. */
  hudiRs(): Promise<readonly StepResult[]> {
    return (this.#hudiRs ??= runHudiRs(this.#engines, this.#readSteps()));
  }

  spark(version: HudiVersion): Promise<SparkResults> {
    const run = this.#spark.get(version) ?? this.#runSpark(version);
    this.#spark.set(version, run);
    return run;
  }

  /** How hudi-rs reads the tables that Spark has written to. */
  async hudiRsAfter({ lakeDir }: SparkResults): Promise<readonly StepResult[]> {
    return runHudiRs(
      this.#engines,
      CO_WRITES.map(({ spec }) => readAgain(this.table(spec), this.#pathIn(lakeDir, spec))),
    );
  }

  async #runSpark(version: HudiVersion): Promise<SparkResults> {
    const lakeDir = join(this.folder, `lake-${version}`);
    await cp(join(this.folder, "lake"), lakeDir, { recursive: true });
    const reads = this.#readSteps();
    const steps: (ReadStep | WriteStep)[] = [...reads];
    const ranges = new Map<CoWrite, { readonly from: number; readonly to: number }>();
    for (const coWrite of CO_WRITES) {
      const table = this.table(coWrite.spec);
      const path = this.#pathIn(lakeDir, coWrite.spec);
      const from = steps.length;
      steps.push(...(await writeSteps(coWrite, table, { path, options: coWriterOptions(version) })));
      ranges.set(coWrite, { from, to: steps.length });
      steps.push(readAgain(table, path));
    }
    const careless = { path: this.#pathIn(lakeDir, CARELESS.spec), options: {} };
    steps.push(...(await writeSteps(CARELESS, this.table(CARELESS.spec), careless)));

    const results = await runSpark(this.#engines, version, steps);
    const coWrites = new Map(
      [...ranges].map(([coWrite, { from, to }]) => {
        const read = must(results[to], "read after a co-write");
        const errors = results.slice(from, to + 1).flatMap(({ error }) => (error === null ? [] : [error]));
        return [coWrite, { errors, rows: read.rows }] as const;
      }),
    );
    const carelessError = must(results.at(-1), "careless co-write").error;
    return { reads: results.slice(0, reads.length), coWrites, carelessError, lakeDir };
  }

  #readSteps(): readonly ReadStep[] {
    return CHECKS.map(({ spec, view }) => {
      const table = this.table(spec);
      const columns = [...table.columns, COMMIT_COLUMN];
      return { do: "read", path: table.path, columns, view: view(instantsOf(table)) };
    });
  }

  #pathIn(lakeDir: string, spec: string): string {
    return tablePaths(lakeDir, this.table(spec).schema.id).root;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export const instantsOf = ({ model }: SyncedTable): readonly string[] =>
  model.commits.map((commit) => commit.instant);
