import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../src/util/errors.ts";
import { cacheFolder } from "../cache-folder.ts";
import { mavenProblems } from "../engines/prerequisites.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import { copyArgs } from "../maven-jars.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { findJava, type Java } from "./java.ts";
import { JARS_NAME, KAFKA_VERSION, kafkaProject } from "./maven-project.ts";

const HINT = "set TEST_KAFKA_BROKERS to the host:port list of brokers that you run yourself";

/** A Kafka beside the system: its jars, and the Java that runs them. */
export interface KafkaInstall {
  readonly version: string;
  readonly java: Java;
  /** Holds the jars and what is prepared with them; all of it can be made anew. */
  readonly folder: string;
  /** First arguments for Java: where the classes are, and where to log. */
  readonly args: readonly string[];
}

/**
 * The jars of Apache Kafka, which Maven brings from its central repository into the cache when they are not there
 * yet. They come into place as a whole, under a lock, so any number of callers may ask at once.
 *
 * @throws SyncError (SETUP) that names what this machine lacks.
 */
export async function installJars(notice: Notice): Promise<KafkaInstall> {
  const java = await findJava();
  const folder = join(cacheFolder(), "kafka", JARS_NAME);
  const jars = join(folder, "jars");
  if (!(await isThere(jars))) {
    await withFileLock(join(cacheFolder(), "kafka.lock"), async () => {
      // Another process may have brought them while we waited.
      if (await isThere(jars)) return;
      notice(`bringing Kafka ${KAFKA_VERSION} into ${folder} (50 MB to download)`);
      await makeFolder(jars, download);
    });
  }
  const log4j = join(import.meta.dirname, "log4j2.properties");
  return {
    version: KAFKA_VERSION,
    java,
    folder,
    args: [`-Dlog4j2.configurationFile=${log4j}`, "-cp", join(jars, "*")],
  };
}

async function download(fresh: string): Promise<void> {
  const problems = await mavenProblems();
  if (problems.length > 0) throw setupError(problems.join(" | "), { hint: HINT });
  // A repository of its own: the user's is not made for two processes, and the jars would lie there twice.
  const work = join(fresh, "maven");
  const paths = { project: join(work, "pom.xml"), repository: join(work, "repository"), jars: fresh };
  await mkdir(work);
  await writeFile(paths.project, kafkaProject());
  try {
    await runCommand("mvn", copyArgs(paths));
  } catch (cause) {
    throw setupError(`Kafka could not be downloaded: ${messageOf(cause)}`, {
      hint: `see that Maven reaches its repository, or ${HINT}`,
      cause,
    });
  }
  await rm(work, { recursive: true });
  // Jars that a power cut left half written would stay so for ever.
  await runCommand("sync", ["--file-system", fresh]);
}
