import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import { runCommand } from "../run-command.ts";
import type { MysqlInstall } from "./install.ts";
import type { ServerRelease } from "./release.ts";

// These can only be chosen when the data folder is made, so each choice has a template of its own.
const INITIAL_FLAG = /^--(lower[-_]case[-_]table[-_]names|innodb[-_]page[-_]size)=/;

/**
 * Fills the absent folder `path` with the data of a server that has never run, in a fraction of a
 * second: making such data takes several, so it is done once into the cache and copied.
 */
export async function newDataFolder(
  path: string,
  options: {
    readonly release: ServerRelease;
    readonly install: MysqlInstall;
    readonly flags: readonly string[];
  },
): Promise<void> {
  const { release, install } = options;
  const flags = options.flags.filter((flag) => INITIAL_FLAG.test(flag)).sort();
  const key = createHash("sha256").update(flags.join("\n")).digest("hex").slice(0, 8);
  const template = join(cacheFolder(), `${release.template}-template`, `${install.version}-${key}`);
  if (!(await isThere(template))) {
    await withFileLock(`${template}.lock`, async () => {
      if (await isThere(template)) return;
      await makeFolder(template, async (fresh) => {
        await release.initialize(fresh, { install, flags });
        // A template that a power cut left half written would stay so for ever.
        await runCommand("sync", ["--file-system", fresh]);
      });
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
