import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFlink, type Flink } from "../../scripts/engines/flink.ts";
import { isSetupError } from "../../scripts/setup-error.ts";
import type { EngineRow } from "./canonical-row.ts";
import { JVM_FLAGS } from "../../scripts/kafka/java.ts";

export interface FlinkStep {
  readonly sql: string;
  /** Whether the statement gives rows, and they are wanted. */
  readonly isQuery: boolean;
  /** For this statement and those that follow, as SET has it. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** `+I`, `-U`, `+U` or `-D`, and the row that it puts in or takes away. */
export interface FlinkChange {
  readonly kind: string;
  readonly row: EngineRow;
}

export interface FlinkResult {
  /** What Flink said when the step failed. */
  readonly error: string | null;
  readonly changes: readonly FlinkChange[];
  readonly seconds: number;
}

const PROGRAM = join(import.meta.dirname, "..", "engines", "FlinkSql.java");
const LOG_CHARS_MAX = 4000;

/** Flink, or the reason why this machine has none. Where everything must run (`CI=true`) that is an error instead. */
export async function flinkForTests(): Promise<
  { readonly flink: Flink; readonly missing: null } | { readonly flink: null; readonly missing: string }
> {
  try {
    return { flink: await findFlink(), missing: null };
  } catch (error) {
    if (!isSetupError(error) || process.env["CI"] === "true") throw error;
    return { flink: null, missing: `${error.message}; ${error.hint}` };
  }
}

/** Runs the statements one after another in one JVM; a failed one does not keep the next from running. */
export async function runFlink(flink: Flink, steps: readonly FlinkStep[]): Promise<readonly FlinkResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "tallylake-flink-"));
  try {
    const rowsFile = (index: number): string => join(folder, `${index}.ndjson`);
    const plan = join(folder, "plan.json");
    const results = join(folder, "results.json");
    await writeFile(
      plan,
      JSON.stringify({
        settings: SETTINGS,
        results,
        steps: steps.map(({ sql, isQuery, settings = {} }, index) => ({
          sql,
          settings,
          rows: isQuery ? rowsFile(index) : null,
        })),
      }),
    );
    await runProgram(flink, plan, folder);
    const said = JSON.parse(await readFile(results, "utf8")) as Omit<FlinkResult, "changes">[];
    return await Promise.all(
      said.map(async (result, index) => ({
        ...result,
        changes:
          result.error === null && steps[index]?.isQuery === true
            ? parseChanges(await readFile(rowsFile(index), "utf8"))
            : [],
      })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SETTINGS = {
  "parallelism.default": "2",
  // No reader of ours is there, and it differs from UTC by half an hour more than full ones.
  "table.local-time-zone": "America/St_Johns",
  "taskmanager.memory.network.min": "16mb",
  "taskmanager.memory.network.max": "16mb",
  "taskmanager.memory.managed.size": "64mb",
};

/**
 * Most of the time goes into loading classes. The JVM can keep them in a file as it has parsed and checked them, which
 * takes three quarters of that away; so the first run, which is slower by as much, leaves such a file behind.
 */
async function runProgram({ java, jars, folder }: Flink, plan: string, work: string): Promise<void> {
  const archive = join(folder, `classes-${java.fingerprint}.jsa`);
  const fresh = join(work, "classes.jsa");
  const isMade = existsSync(archive);
  await runJava(
    java.command,
    [
      ...[...JVM_FLAGS, "-Xmx768m", "-Xlog:disable", "-Xlog:all=error:stderr"],
      isMade ? `-XX:SharedArchiveFile=${archive}` : `-XX:ArchiveClassesAtExit=${fresh}`,
      `-Djava.io.tmpdir=${work}`,
      "-Duser.timezone=America/St_Johns",
      ...["-cp", join(jars, "*"), PROGRAM, plan],
    ],
    work,
  );
  if (isMade || !existsSync(fresh)) return;
  // Only a file of the same disk comes into place at once.
  const beside = `${archive}.${process.pid}`;
  await writeFile(beside, await readFile(fresh));
  await rename(beside, archive);
}

// JSON escapes every line end inside a value, so a line is a change.
const parseChanges = (text: string): readonly FlinkChange[] =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [kind, ...row] = JSON.parse(line) as [string, ...EngineRow];
      return { kind, row };
    });

function runJava(command: string, args: readonly string[], folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // The pipe to stdin tells the child when this process ends, even by a kill.
    const child = spawn(command, args, { cwd: folder, stdio: ["pipe", "pipe", "pipe"] });
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (log = (log + chunk).slice(-LOG_CHARS_MAX)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Flink ended with ${String(code)}:\n${log}`));
    });
  });
}
