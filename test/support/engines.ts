import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../src/util/assert.ts";
import { findEngines, type Engines, type HudiVersion } from "../../scripts/engines.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import type { EngineColumn, EngineRow } from "./canonical-row.ts";
import { JVM_FLAGS } from "../../scripts/kafka/java.ts";

/** What of a table is read: its latest state, an earlier one, or the rows of a range of instants. */
export type TableView =
  | { readonly kind: "snapshot" }
  | { readonly kind: "asOf"; readonly instant: string }
  /** `after` is exclusive, `through` is inclusive. */
  | { readonly kind: "incremental"; readonly after: string; readonly through: string };

export interface ReadStep {
  readonly do: "read";
  readonly path: string;
  readonly columns: readonly EngineColumn[];
  readonly view: TableView;
}

/** Another writer's commit. */
export interface WriteStep {
  readonly do: "write";
  readonly path: string;
  /** Makes the rows to write out of the view `current`, the table as it is without Hudi's columns. */
  readonly select: string;
  /** Of the Spark session; they stay for the steps that follow. */
  readonly settings: Readonly<Record<string, string>>;
  /** Of Hudi's data source. */
  readonly options: Readonly<Record<string, string>>;
}

export interface StepResult {
  /** What the engine said when the step failed. */
  readonly error: string | null;
  readonly rows: readonly EngineRow[];
  /** The engine's own type of each column; null where it saw no such column, or no row at all. */
  readonly types: readonly (string | null)[];
  readonly seconds: number;
}

const PYTHON_FOLDER = join(import.meta.dirname, "..", "engines");
const LOG_CHARS_MAX = 4000;

/**
 * The engines, or null when this machine lacks some of them, with the reason in `missing`. Where everything
 * must run (`CI=true`) that is an error instead.
 */
export async function enginesForTests(): Promise<
  { readonly engines: Engines; readonly missing: null } | { readonly engines: null; readonly missing: string }
> {
  try {
    return { engines: await findEngines(), missing: null };
  } catch (error) {
    if (!isSetupError(error) || process.env["CI"] === "true") throw error;
    return { engines: null, missing: error.message };
  }
}

/** Runs the steps one after another in one JVM with the bundle of this version. */
export function runSpark(
  engines: Engines,
  version: HudiVersion,
  steps: readonly (ReadStep | WriteStep)[],
): Promise<readonly StepResult[]> {
  const bundle = must(engines.bundles.get(version), `bundle ${version}`);
  return runPlan(engines, "spark-engine.py", steps, { spark: sparkSettings(bundle) });
}

export function runHudiRs(engines: Engines, steps: readonly ReadStep[]): Promise<readonly StepResult[]> {
  return runPlan(engines, "hudi-rs-engine.py", steps, {});
}

function sparkSettings(bundle: string): Readonly<Record<string, string>> {
  return {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    // On the class path from the start: `spark.jars` would copy 100 MB first.
    "spark.driver.extraClassPath": bundle,
    // Short queries on small tables: what counts is the start of the JVM. The time zone is one that no
    // reader of ours is in, and that differs from UTC by half an hour more than full ones.
    "spark.driver.extraJavaOptions": `${JVM_FLAGS.join(" ")} -Xshare:auto -Duser.timezone=America/St_Johns`,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.default.parallelism": "2",
    "spark.sql.shuffle.partitions": "2",
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.kryo.registrator": "org.apache.spark.HoodieSparkKryoRegistrar",
    "spark.sql.extensions": "org.apache.spark.sql.hudi.HoodieSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.hudi.catalog.HoodieCatalog",
  };
}

async function runPlan(
  engines: Engines,
  script: string,
  steps: readonly (ReadStep | WriteStep)[],
  extra: object,
): Promise<readonly StepResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "tallylake-engines-"));
  try {
    const rowsFile = (index: number): string => join(folder, `${index}.ndjson`);
    const planFile = join(folder, "plan.json");
    const results = join(folder, "results.json");
    const numbered = steps.map((step, index) => ({ ...step, rows: rowsFile(index) }));
    await writeFile(planFile, JSON.stringify({ ...extra, results, steps: numbered }));
    await runPython(engines.python, [join(PYTHON_FOLDER, script), planFile], folder);
    const said = JSON.parse(await readFile(results, "utf8")) as (Partial<StepResult> & { seconds: number })[];
    return await Promise.all(
      said.map(async ({ error = null, types = [], seconds }, index) => {
        const hasRows = error === null && steps[index]?.do === "read";
        return {
          error,
          types,
          seconds,
          rows: hasRows ? parseRows(await readFile(rowsFile(index), "utf8")) : [],
        };
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// JSON escapes every line end inside a value, so a line is a row.
const parseRows = (text: string): readonly EngineRow[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as EngineRow);

function runPython(python: string, args: readonly string[], folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, {
      cwd: folder,
      // The pipe to stdin tells the child when this process ends, even by a kill.
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, PYTHONUTF8: "1", PYTHONDONTWRITEBYTECODE: "1", SPARK_LOCAL_DIRS: folder },
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (log = (log + chunk).slice(-LOG_CHARS_MAX)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${args.join(" ")} ended with ${String(code)}:\n${log}`));
    });
  });
}
