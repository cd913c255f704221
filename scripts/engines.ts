/**
 * The engines that prove our tables: Spark with two versions of Hudi's own bundle, and hudi-rs. They are
 * installed beside the system, into the user's cache folder, by the ordinary clients of their registries:
 * pip in a virtual environment, and Maven's dependency plugin. All versions are pinned here.
 *
 * Each piece is complete or absent: the environment has a marker that is written last, a bundle is moved
 * into place. So an interrupted install goes on where it stopped, and a second one at the same time waits
 * for the first instead of downloading again.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join, basename } from "node:path";
import { messageOf, type SyncError } from "../src/util/errors.ts";
import { cacheFolder } from "./cache-folder.ts";
import { installFlink } from "./engines/flink.ts";
import { javaProblems, mavenProblems, pythonProblems } from "./engines/prerequisites.ts";
import { outputOf, runInstallStep } from "./engines/run-step.ts";
import { withFileLock } from "./file-lock.ts";
import { isSetupError, setupError } from "./setup-error.ts";

/** The oldest and the newest line of Hudi that reads our table version on Spark 3.5. */
export const HUDI_VERSIONS = ["0.15.0", "1.2.0"] as const;
export type HudiVersion = (typeof HUDI_VERSIONS)[number];

const BUNDLE = "hudi-spark3.5-bundle_2.12";
const PYTHON_PACKAGES = ["hudi==0.5.0", "pyarrow==26.0.1", "pyarrow-hotfix==0.7", "py4j==0.10.9.9"];
const PYSPARK = "pyspark==3.5.8";
/** PySpark comes as a source package, which pip builds with this. */
const PYSPARK_BUILD = "setuptools==84.2.1";
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";

export interface Engines {
  /** Interpreter of the virtual environment. */
  readonly python: string;
  /** The bundle's jar. */
  readonly bundles: ReadonlyMap<HudiVersion, string>;
}

interface Layout {
  readonly root: string;
  readonly venv: string;
  readonly marker: string;
  readonly engines: Engines;
}

type RunStep = (name: string, command: string, args: readonly string[]) => Promise<void>;

/**
 * The installed engines. Installs nothing: for tests, which skip or fail by what is missing.
 * @throws SyncError (SETUP) that names all that is missing.
 */
export async function findEngines(): Promise<Engines> {
  const { engines, marker } = layout();
  const missing: string[] = [];
  // The environment leans on the interpreter that made it, which may have gone since.
  if (!existsSync(marker) || (await outputOf(engines.python, ["-c", ""])) === null)
    missing.push("Spark and hudi-rs for Python: run `node scripts/engines.ts`");
  for (const [version, jar] of engines.bundles)
    if (!existsSync(jar)) missing.push(`Hudi's Spark bundle ${version}: run \`node scripts/engines.ts\``);
  missing.push(...(await javaProblems()));
  if (missing.length > 0) throw missingError(missing);
  return engines;
}

/**
 * Installs what is missing: 600 MB of downloads and about a minute when nothing is there. Meant to be
 * started early, beside tests that do not need the engines.
 * @param log Takes progress lines, without a newline.
 * @throws SyncError (SETUP) at once when a tool that only the operating system can provide is absent.
 */
export async function installEngines(log: (line: string) => void): Promise<Engines> {
  try {
    return await findEngines();
  } catch (error) {
    if (!isSetupError(error)) throw error;
  }
  const at = layout();
  const hasBundles = [...at.engines.bundles.values()].every((jar) => existsSync(jar));
  const problems = [
    ...(existsSync(at.marker) ? [] : await pythonProblems()),
    ...(hasBundles ? [] : await mavenProblems()),
    ...(await javaProblems()),
  ];
  if (problems.length > 0) throw missingError(problems);
  await withFileLock(`${at.root}.lock`, async () => {
    await mkdir(at.root, { recursive: true });
    const abort = new AbortController();
    const runAs =
      (part: string): RunStep =>
      (name, command, args) =>
        runInstallStep({
          name,
          command,
          args,
          lockPath: `${at.root}-${part}.lock`,
          log,
          signal: abort.signal,
        });
    const parts = [installPython(at, runAs("python")), installBundles(at, runAs("bundles"))];
    try {
      await Promise.all(parts);
    } finally {
      // A failed install must not go on downloading behind its error.
      abort.abort();
      await Promise.allSettled(parts);
    }
  });
  return findEngines();
}

const missingError = (missing: readonly string[]): SyncError =>
  setupError(`Spark and hudi-rs are not complete:${missing.map((line) => `\n  - ${line}`).join("")}`, {
    hint: "do what stands behind each line, and try again",
  });

async function installPython(at: Layout, run: RunStep): Promise<void> {
  const { python } = at.engines;
  const runs = (await outputOf(python, ["-m", "pip", "--version"])) !== null;
  if (runs && existsSync(at.marker)) return;
  if (!runs) await run("Python environment", "python3", ["-m", "venv", "--clear", at.venv]);
  // A cache of its own would take pip another 600 MB, which nothing reads again.
  const pip = ["-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-compile", "--no-input"];
  await run("hudi-rs (95 MB)", python, [...pip, ...PYTHON_PACKAGES, PYSPARK_BUILD]);
  await run("Spark (317 MB)", python, [...pip, "--no-build-isolation", PYSPARK]);
  await writeFile(at.marker, "");
}

async function installBundles(at: Layout, run: RunStep): Promise<void> {
  // A repository of its own: the user's is not made for two processes, and the jars would lie there twice.
  const repository = join(at.root, "maven");
  const staged = join(at.root, "staged");
  for (const [version, jar] of at.engines.bundles) {
    if (existsSync(jar)) continue;
    await run(`Hudi's Spark bundle ${version} (about 100 MB)`, "mvn", [
      "--batch-mode",
      "--quiet",
      "--strict-checksums",
      "-Dstyle.color=never",
      `-Dmaven.repo.local=${repository}`,
      MAVEN_COPY,
      `-Dartifact=org.apache.hudi:${BUNDLE}:${version}`,
      `-DoutputDirectory=${staged}`,
    ]);
    await rename(join(staged, basename(jar)), jar);
  }
  for (const folder of [repository, staged]) await rm(folder, { recursive: true, force: true });
}

function layout(): Layout {
  const root = join(cacheFolder(), "engines");
  // The versions are in the name, so that other pins are another environment.
  const pins = [PYSPARK, ...PYTHON_PACKAGES].map((pin) => pin.replace("==", "-"));
  const venv = join(root, pins.join("_"));
  const jarOf = (version: HudiVersion): string => join(root, `${BUNDLE}-${version}.jar`);
  return {
    root,
    venv,
    marker: join(venv, "install-complete"),
    engines: {
      python: join(venv, "bin", "python"),
      bundles: new Map(HUDI_VERSIONS.map((version) => [version, jarOf(version)])),
    },
  };
}

if (import.meta.main) {
  const startMs = performance.now();
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  try {
    await Promise.all([installEngines(log), installFlink(log)]);
    log(`engines: ready after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  } catch (error) {
    log(isSetupError(error) ? `${error.message}\n${error.hint}` : messageOf(error));
    process.exitCode = 69;
  }
}
