/**
 * Every gate and every test, cheap ones first; the same here and in CI. The engines are installed beside the
 * first steps, which leave the network alone. The last line sums all of them.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installEngines } from "./engines.ts";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  readonly name: string;
  readonly run: (folder: string) => Promise<Tally>;
}

const only = process.argv.slice(2);

function command(name: string, args: readonly string[]): Step {
  return {
    name,
    run: async () => {
      const code = await exec(args[0] ?? "", args.slice(1));
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}

function suite(...projects: readonly string[]): Step {
  const name = projects.join(" ");
  return {
    name,
    run: async (folder) => {
      const file = join(folder, `${projects.join("-")}.json`);
      const args = projects.flatMap((project) => ["--project", project]);
      const code = await exec("vitest", [
        "run",
        ...args,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
      ]);
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

function exec(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", () => {
      resolve(127);
    });
    child.on("exit", (code) => {
      resolve(code ?? 1);
    });
  });
}

const gates: readonly Step[] = [
  command("types", ["tsc", "--noEmit"]),
  command("lint", ["eslint", "."]),
  command("format", ["prettier", "--check", "--log-level", "warn", "."]),
];
const steps: readonly Step[] = [
  ...gates,
  suite("unit"),
  suite("lake", "clickhouse"),
  suite("mysql"),
  suite("e2e"),
  suite("crash"),
  suite("engines"),
];

const isAsked = (step: Step): boolean =>
  only.length === 0 || step.name.split(" ").some((name) => only.includes(name));

async function runStep(step: Step, folder: string, total: Tally): Promise<void> {
  const startMs = performance.now();
  const tally = await step.run(folder);
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    `── ${step.name}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped (${seconds} s)\n`,
  );
}

const folder = await mkdtemp(join(tmpdir(), "tallylake-ci-"));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
try {
  const asked = steps.filter(isAsked);
  const needsEngines = asked.some((step) => step.name === "engines");
  // A failed installation shows as a failure of the tests that need it, with its reason.
  const installed = needsEngines
    ? installEngines((line) => process.stderr.write(`engines: ${line}\n`)).catch((error: unknown) => {
        process.stderr.write(`engines: ${String(error)}\n`);
      })
    : Promise.resolve();
  for (const step of asked) {
    if (step.name === "engines") await installed;
    await runStep(step, folder, total);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}\n`,
);
process.exitCode = total.failed > 0 ? 1 : 0;
