import { join } from "node:path";
import { must } from "../../src/util/assert.ts";
import { messageOf } from "../../src/util/errors.ts";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { isThere } from "../is-there.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { debianHost, unpackDebian, type DebianHost } from "./debian-packages.ts";

const KNOWN_VERSION = /^9\.7\./;
/** The server and all of its libraries, from the one suite that has it. */
const PACKAGES = { suite: "sid", packages: ["mysql-server-core"] } as const;
const WAY_OUT = "set TEST_MYSQL_URL to a MySQL 9 that you run yourself";

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
  const host = debianHost("a MySQL", WAY_OUT);
  const present = await probe(root, host);
  const install =
    present ??
    (await withFileLock(join(cacheFolder(), "mysql.lock"), async () => {
      // Another process may have unpacked it while we waited.
      const now = await probe(root, host);
      if (now !== null) return now;
      notice(`unpacking MySQL into ${root} (60 MB to download)`);
      await unpackDebian(root, { ...PACKAGES, what: "MySQL", wayOut: WAY_OUT });
      return must(await probe(root, host), "mysqld in the package");
    }));
  const note = versionNote(install.version);
  if (note !== null) notice(note);
  return install;
}

/** Another program of the package, with the loader and the libraries that came with it. */
export function mysqlProgram(name: string): Pick<MysqlInstall, "command" | "args"> {
  const root = join(cacheFolder(), "mysql");
  const host = debianHost("a MySQL", WAY_OUT);
  return { command: loaderOf(root, host), args: [...libraryArgs(root, host), join(root, "usr/bin", name)] };
}

/** What to say of a version that this project was not tested with; null for one that it was. */
export function versionNote(version: string): string | null {
  return KNOWN_VERSION.test(version)
    ? null
    : `note: Debian's MySQL is now ${version}, while tallylake is tested with 9.7`;
}

const loaderOf = (root: string, host: DebianHost): string => join(root, "usr/lib", host.folder, host.loader);

const libraryArgs = (root: string, host: DebianHost): readonly string[] => [
  "--library-path",
  `${join(root, "usr/lib", host.folder)}:${join(root, "usr/lib")}`,
];

function mysqldCommand(root: string, host: DebianHost): Omit<MysqlInstall, "version"> {
  return {
    command: loaderOf(root, host),
    args: [
      ...libraryArgs(root, host),
      join(root, "usr/sbin/mysqld"),
      "--no-defaults",
      `--lc-messages-dir=${join(root, "usr/share/mysql")}`,
      `--character-sets-dir=${join(root, "usr/share/mysql/charsets")}`,
      `--plugin-dir=${join(root, "usr/lib/mysql/plugin")}`,
    ],
  };
}

/** The install under `root`, or null when there is none. One that does not run is never replaced by itself. */
async function probe(root: string, host: DebianHost): Promise<MysqlInstall | null> {
  if (!(await isThere(join(root, "usr/sbin/mysqld")))) return null;
  const run = mysqldCommand(root, host);
  return { ...run, version: await versionOf(run, { name: "MySQL", root }) };
}

/** What the unpacked server says it is. */
export async function versionOf(
  run: Omit<MysqlInstall, "version">,
  { name, root }: { readonly name: string; readonly root: string },
): Promise<string> {
  const output = await runCommand(run.command, [...run.args, "--version"]).catch((cause: unknown) => {
    throw setupError(`the ${name} in ${root} does not run: ${messageOf(cause)}`, {
      hint: "end what runs from that folder, remove it, and try again",
      cause,
    });
  });
  return must(/\bVer (\S+)/.exec(output)?.[1], `version of ${name}`);
}
