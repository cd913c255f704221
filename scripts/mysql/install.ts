import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../src/util/assert.ts";
import { codeOf, messageOf } from "../../src/util/errors.ts";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { debianMirror } from "./debian-mirror.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const KNOWN_VERSION = /^9\.7\./;
const LIBRARY_FOLDERS: Readonly<Partial<Record<NodeJS.Architecture, readonly [string, string]>>> = {
  x64: ["x86_64-linux-gnu", "ld-linux-x86-64.so.2"],
  arm64: ["aarch64-linux-gnu", "ld-linux-aarch64.so.1"],
};

/** A MySQL unpacked beside the system: what to run, and with which first arguments. */
export interface MysqlInstall {
  /** As mysqld prints it, with Debian's revision: `9.7.4-2`. */
  readonly version: string;
  readonly command: string;
  /** Loader arguments, mysqld itself, and where its own files are. */
  readonly args: readonly string[];
}

/**
 * Debian unstable's MySQL server, unpacked into the cache when it is not there yet. Nothing is
 * installed: mysqld runs with the loader and the libraries that came with it, so the host's libc does
 * not matter, and no root is needed. Unpacking goes to a folder of its own that is renamed into place
 * under a lock, so any number of callers may ask at once.
 *
 * @throws SyncError (SETUP) that names what this machine lacks.
 */
export async function installMysql(notice: Notice): Promise<MysqlInstall> {
  const root = join(cacheFolder(), "mysql");
  // A machine for which there is no recipe is told so first of all.
  libraryFolder();
  const present = await probe(root);
  const install =
    present ??
    (await withFileLock(join(cacheFolder(), "mysql.lock"), async () => {
      // Another process may have unpacked it while we waited.
      const now = await probe(root);
      if (now !== null) return now;
      notice(`unpacking MySQL into ${root} (60 MB to download)`);
      await unpack(root);
      return must(await probe(root), "mysqld in the package");
    }));
  const note = versionNote(install.version);
  if (note !== null) notice(note);
  return install;
}

/** Another program of the package, with the loader and the libraries that came with it. */
export function mysqlProgram(name: string): Pick<MysqlInstall, "command" | "args"> {
  const root = join(cacheFolder(), "mysql");
  return { command: loaderOf(root), args: [...libraryArgs(root), join(root, "usr/bin", name)] };
}

/** What to say of a version that this project was not tested with; null for one that it was. */
export function versionNote(version: string): string | null {
  return KNOWN_VERSION.test(version)
    ? null
    : `note: Debian's MySQL is now ${version}, while tallylake is tested with 9.7`;
}

function loaderOf(root: string): string {
  const [folder, loader] = libraryFolder();
  return join(root, "usr/lib", folder, loader);
}

function libraryArgs(root: string): readonly string[] {
  const [folder] = libraryFolder();
  return ["--library-path", `${join(root, "usr/lib", folder)}:${join(root, "usr/lib")}`];
}

function mysqldCommand(root: string): Omit<MysqlInstall, "version"> {
  return {
    command: loaderOf(root),
    args: [
      ...libraryArgs(root),
      join(root, "usr/sbin/mysqld"),
      "--no-defaults",
      `--lc-messages-dir=${join(root, "usr/share/mysql")}`,
      `--character-sets-dir=${join(root, "usr/share/mysql/charsets")}`,
      `--plugin-dir=${join(root, "usr/lib/mysql/plugin")}`,
    ],
  };
}

function libraryFolder(): readonly [string, string] {
  const found = process.platform === "linux" ? LIBRARY_FOLDERS[process.arch] : undefined;
  if (found !== undefined) return found;
  throw setupError(`no recipe for a MySQL on ${process.platform} ${process.arch}`, {
    hint: "set TEST_MYSQL_URL to a MySQL 9 that you run yourself",
  });
}

/** The install under `root`, or null when there is none. One that does not run is never replaced by itself. */
async function probe(root: string): Promise<MysqlInstall | null> {
  if (!(await isThere(join(root, "usr/sbin/mysqld")))) return null;
  const run = mysqldCommand(root);
  const output = await runCommand(run.command, [...run.args, "--version"]).catch((cause: unknown) => {
    throw setupError(`the MySQL in ${root} does not run: ${messageOf(cause)}`, {
      hint: "end what runs from that folder, remove it, and try again",
      cause,
    });
  });
  const version = must(/\bVer (\S+)/.exec(output)?.[1], "version of mysqld");
  return { ...run, version };
}

async function unpack(root: string): Promise<void> {
  const mirror = process.env["DEBIAN_MIRROR"] ?? debianMirror(await aptSources());
  if (mirror === null) {
    throw setupError("the apt sources of this machine name no Debian mirror", {
      hint: "set DEBIAN_MIRROR to the URL of one, or TEST_MYSQL_URL to a MySQL 9 that you run yourself",
    });
  }
  await readFile(KEYRING).catch((cause: unknown) => {
    throw setupError(`${KEYRING} is missing: packages could not be verified`, {
      hint: "apt-get install debian-archive-keyring",
      cause,
    });
  });
  const work = await mkdtemp(join(tmpdir(), "tallylake-apt-"));
  try {
    const debs = await download(mirror, work).catch((cause: unknown) => {
      throw setupError(`MySQL could not be downloaded from ${mirror}: ${messageOf(cause)}`, {
        hint: "check the network, or set TEST_MYSQL_URL to a MySQL 9 that you run yourself",
        cause,
      });
    });
    await makeFolder(root, async (fresh) => {
      for (const deb of debs) await runCommand("dpkg", ["-x", deb, fresh]);
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads the server's packages with apt's own checks of their signatures; their paths. */
async function download(mirror: string, work: string): Promise<string[]> {
  const lists = join(work, "lists");
  const archives = join(work, "debs");
  const sources = join(work, "sid.list");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${mirror} sid main\n`);
  // With an empty status file apt takes nothing for installed and fetches every library as well.
  const settings = {
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "-",
    "Dir::State::Lists": lists,
    "Dir::State::status": "/dev/null",
    "Dir::Cache": work,
    "Dir::Cache::archives": archives,
    "Debug::NoLocking": "1",
    "APT::Sandbox::User": "root",
    // Without this an unreachable mirror is only a warning of the update.
    "APT::Update::Error-Mode": "any",
    "Acquire::Languages": "none",
  };
  const options = ["-qq", ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
  await runCommand("apt-get", [...options, "update"]);
  const install = ["--no-install-recommends", "--download-only", "-y", "install", "mysql-server-core"];
  await runCommand("apt-get", [...options, ...install]);
  const names = await readdir(archives);
  return names.filter((name) => name.endsWith(".deb")).map((name) => join(archives, name));
}

async function aptSources(): Promise<string[]> {
  const folder = "/etc/apt/sources.list.d";
  const names = (await readdir(folder).catch(emptyWhenAbsent)).sort();
  const paths = ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))];
  const texts = await Promise.all(
    paths.map((path) => readFile(path, "utf8").catch((error: unknown) => emptyWhenAbsent(error).join(""))),
  );
  return texts.filter((text) => text !== "");
}

function emptyWhenAbsent(error: unknown): string[] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}
