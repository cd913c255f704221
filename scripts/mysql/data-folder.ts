import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf } from "../../src/util/errors.ts";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import type { MysqlInstall } from "./install.ts";

// These can only be chosen when the data folder is made, so each choice has a template of its own.
const INITIAL_FLAG = /^--(lower[-_]case[-_]table[-_]names|innodb[-_]page[-_]size)=/;

/** mysqld refuses to run as root unless told so, and any other user needs no such flag. */
export function userFlags(): string[] {
  return process.getuid?.() === 0 ? ["--user=root"] : [];
}

/**
 * Fills the absent folder `path` with the data of a server that has never run, in a fraction of a
 * second: `mysqld --initialize-insecure` takes several, so it runs once into the cache and is copied.
 */
export async function newDataFolder(
  path: string,
  options: { readonly install: MysqlInstall; readonly flags: readonly string[] },
): Promise<void> {
  const flags = options.flags.filter((flag) => INITIAL_FLAG.test(flag)).sort();
  const key = createHash("sha256").update(flags.join("\n")).digest("hex").slice(0, 8);
  const template = join(cacheFolder(), "mysql-template", `${options.install.version}-${key}`);
  if (!(await isThere(template))) {
    await withFileLock(`${template}.lock`, async () => {
      if (await isThere(template)) return;
      await makeFolder(template, (fresh) => initialize(fresh, { install: options.install, flags }));
    });
  }
  // The server's identity, auto.cnf, is made anew at its first start.
  await copyDataFolder({ from: template, to: path, without: ["auto.cnf"] });
}

/** Copies the data of a stopped server; a killed copy leaves nothing at `to`. */
export async function copyDataFolder(options: {
  readonly from: string;
  readonly to: string;
  readonly without?: readonly string[];
}): Promise<void> {
  await mkdir(dirname(options.to), { recursive: true });
  const fresh = await mkdtemp(`${options.to}.new-`);
  try {
    await runCommand("cp", ["--reflink=auto", "-a", "--", `${options.from}/.`, fresh]);
    for (const name of options.without ?? []) await rm(join(fresh, name), { force: true });
    await rename(fresh, options.to);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Whether `path` holds the data of a server. */
export const isDataFolder = (path: string): Promise<boolean> => isThere(join(path, "mysql.ibd"));

async function initialize(
  folder: string,
  options: { readonly install: MysqlInstall; readonly flags: readonly string[] },
): Promise<void> {
  try {
    await runCommand(options.install.command, [
      ...options.install.args,
      ...userFlags(),
      ...options.flags,
      "--initialize-insecure",
      `--datadir=${folder}`,
      "--innodb-flush-method=nosync",
      "--innodb-doublewrite=OFF",
      // Less to copy; a server makes its redo log as large as its own flags say.
      "--innodb-redo-log-capacity=8M",
    ]);
  } catch (cause) {
    throw setupError(`mysqld could not make a data folder: ${messageOf(cause)}`, {
      hint: "check the flags and the free space of the disk",
      cause,
    });
  }
  // A template that a power cut left half written would stay so for ever.
  await runCommand("sync", ["--file-system", folder]);
}
