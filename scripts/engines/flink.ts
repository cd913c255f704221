/**
 * Apache Flink with its SQL, as the jars of Maven's central repository: an engine that reads our Kafka topics. It is
 * installed like the others, beside the system, and other pins are another folder, which is complete or absent.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { findJava, type Java } from "../kafka/java.ts";
import { copyArgs, projectText, type Artifact } from "../maven-jars.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { mavenProblems } from "./prerequisites.ts";
import { outputOf, runInstallStep } from "./run-step.ts";

export const FLINK_VERSION = "2.2.1";
/** Each version of the connector is made for one line of Flink. */
const CONNECTOR_VERSION = "5.0.0-2.2";

const ofFlink = (name: string, version = FLINK_VERSION): Artifact => ({
  group: "org.apache.flink",
  name,
  version,
});

const ARTIFACTS: readonly Artifact[] = [
  ofFlink("flink-clients"),
  ofFlink("flink-connector-base"),
  ofFlink("flink-json"),
  ofFlink("flink-sql-connector-kafka", CONNECTOR_VERSION),
  ofFlink("flink-table-api-java-bridge"),
  // The planner itself and not its loader, which would unpack it anew for every run.
  ofFlink("flink-table-planner_2.12"),
  ofFlink("flink-table-runtime"),
];

export interface Flink {
  readonly java: Java;
  readonly jars: string;
  /** Beside the jars; all that is in it can be made anew. */
  readonly folder: string;
}

/**
 * The installed Flink. Installs nothing: for tests, which skip or fail by what is missing.
 * @throws SyncError (SETUP) that names what is missing.
 */
export async function findFlink(): Promise<Flink> {
  const flink = await layout();
  if (existsSync(flink.jars)) return flink;
  throw setupError(`Flink ${FLINK_VERSION} is not there: run \`node scripts/engines.ts\``, {
    hint: "it downloads 145 MB",
  });
}

/**
 * Installs it when it is not there: 145 MB of downloads, and about a minute.
 * @param log Takes progress lines, without a newline.
 * @throws SyncError (SETUP) at once when a tool that only the operating system can provide is absent.
 */
export async function installFlink(log: (line: string) => void): Promise<Flink> {
  const flink = await layout();
  if (existsSync(flink.jars)) return flink;
  const problems = await mavenProblems();
  if (problems.length > 0) throw setupError(problems.join(" | "), { hint: "do that, and try again" });
  await withFileLock(`${flink.folder}.lock`, async () => {
    // Another process may have brought them while we waited.
    if (!existsSync(flink.jars)) await makeFolder(flink.jars, (fresh) => download(fresh, flink, log));
  });
  return flink;
}

async function download(fresh: string, { folder }: Flink, log: (line: string) => void): Promise<void> {
  // A repository of its own: the user's is not made for two processes, and the jars would lie there twice.
  const work = join(fresh, "maven");
  const paths = { project: join(work, "pom.xml"), repository: join(work, "repository"), jars: fresh };
  await mkdir(work);
  await writeFile(paths.project, projectText("flink", ARTIFACTS));
  await runInstallStep({
    name: "Flink (145 MB)",
    command: "mvn",
    args: copyArgs(paths),
    lockPath: `${folder}-maven.lock`,
    log,
    signal: new AbortController().signal,
  });
  await rm(work, { recursive: true });
  // Jars that a power cut left half written would stay so for ever.
  await runCommand("sync", ["--file-system", fresh]);
}

async function layout(): Promise<Flink> {
  const java = await findJava();
  // The program that runs the statements is compiled when it is started.
  const modules = (await outputOf(java.command, ["--list-modules"])) ?? "";
  if (!/^jdk\.compiler@/m.test(modules)) {
    throw setupError(`${java.command} has no compiler, which Flink's tests need`, {
      hint: "apt-get install openjdk-17-jdk-headless, or set JAVA_HOME to a JDK",
    });
  }
  const folder = join(cacheFolder(), "engines", `flink-${FLINK_VERSION}_kafka-${CONNECTOR_VERSION}`);
  return { java, jars: join(folder, "jars"), folder };
}
