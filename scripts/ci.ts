/**
 * Every gate and every test, cheap ones first; the same here and in CI. Three lanes run side by side, since most
 * steps wait for a server or a process half of the time; what a step prints comes as a whole when it has ended.
 * What takes long to install is begun at once, beside the first steps, which leave the network alone. The last line
 * sums all.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installEngines } from "./engines.ts";
import { installFlink } from "./engines/flink.ts";
import { installLibrdkafka } from "./kafka/librdkafka.ts";
import { JVM_FLAGS } from "./kafka/java.ts";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  readonly name: string;
  readonly run: (run: Run) => Promise<Tally>;
}

interface Run {
  /** For files of this step. */
  readonly folder: string;
  /** Whether its output goes to the terminal as it comes. */
  readonly isAlone: boolean;
}

// With empty caches Maven starts some five times, each time for seconds, and looks for what others wait for.
process.env["MAVEN_OPTS"] ??= JVM_FLAGS.join(" ");

const only = process.argv.slice(2);

function command(name: string, args: readonly string[]): Step {
  return {
    name,
    run: async (run) => {
      const code = await exec(args, run);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}

function suite(...projects: readonly string[]): Step {
  const name = projects.join(" ");
  return {
    name,
    run: async (run) => {
      const file = join(run.folder, `${projects.join("-")}.json`);
      const chosen = projects.flatMap((project) => ["--project", project]);
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
      const code = await exec(["vitest", "run", ...chosen, ...reporters], run);
      return readTally(file, code);
    },
  };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly numFailedTestSuites: number;
}

/** A run that broke before or behind its tests counts as a failure of its own. */
async function readTally(file: string, code: number): Promise<Tally> {
  try {
    const report = JSON.parse(await readFile(file, "utf8")) as VitestReport;
    const broken = code !== 0 && report.numFailedTests === 0 ? 1 : 0;
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function exec([file = "", ...args]: readonly string[], { isAlone }: Run): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: ["ignore", isAlone ? "inherit" : "pipe", isAlone ? "inherit" : "pipe"],
    });
    const printed: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data: Buffer) => printed.push(data));
    child.on("error", () => {
      resolve(127);
    });
    child.on("close", (code, signal) => {
      process.stdout.write(Buffer.concat(printed));
      // All that it says may have gone well before.
      if (code !== 0) process.stdout.write(`${file} ended with ${signal ?? `code ${code}`}\n`);
      resolve(code ?? 1);
    });
  });
}

/** Of about the same length each. */
const lanes: readonly (readonly Step[])[] = [
  [
    command("types", ["tsc", "--noEmit"]),
    command("lint", ["oxlint"]),
    command("cases", ["node", "scripts/cases.ts"]),
    command("format", ["oxfmt", "--check", "."]),
    suite("unit"),
    suite("mysql", "clickhouse"),
    suite("faults"),
  ],
  [suite("lake"), suite("crash"), suite("engines")],
  [suite("kafka"), suite("e2e"), suite("mariadb")],
];

const isAsked = (step: Step): boolean =>
  only.length === 0 || step.name.split(" ").some((name) => only.includes(name));

async function runStep(step: Step, run: Run): Promise<Tally> {
  const startMs = performance.now();
  const tally = await step.run(run);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    `── ${step.name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped (${seconds} s)\n`,
  );
  return tally;
}

async function runLanes(folder: string): Promise<readonly Tally[]> {
  const asked = lanes.map((lane) => lane.filter(isAsked));
  const isAlone = asked.flat().length === 1;
  const isStep = (name: string): boolean => asked.flat().some((step) => step.name === name);
  const log = (line: string): void => void process.stderr.write(`installing: ${line}\n`);
  // A failed installation shows as a failure of the tests that need it, with its reason.
  const install = async (one: (notice: typeof log) => Promise<unknown>): Promise<void> => {
    await one(log).catch((error: unknown) => {
      log(String(error));
    });
  };
  // Its tests wait for it themselves; compiling it takes longer than what comes before them.
  const compiling = isStep("kafka") || isStep("faults") ? install(installLibrdkafka) : null;
  const installed = isStep("engines") ? Promise.all([installEngines, installFlink].map(install)) : null;
  const runLane = async (lane: readonly Step[]): Promise<readonly Tally[]> => {
    const tallies: Tally[] = [];
    for (const step of lane) {
      if (step.name === "engines") await installed;
      tallies.push(await runStep(step, { folder, isAlone }));
    }
    return tallies;
  };
  const tallies = (await Promise.all(asked.map(runLane))).flat();
  await compiling;
  return tallies;
}

const folder = await mkdtemp(join(tmpdir(), "tallylake-ci-"));
try {
  const tallies = await runLanes(folder);
  const sum = (of: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const [passed, failed, skipped] = [sum((t) => t.passed), sum((t) => t.failed), sum((t) => t.skipped)];
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  process.exitCode = failed > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
