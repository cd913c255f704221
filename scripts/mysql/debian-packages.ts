import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf } from "../../src/util/errors.ts";
import { makeFolder } from "../fresh-folder.ts";
import { runCommand } from "../run-command.ts";
import { setupError } from "../setup-error.ts";
import { debianMirror } from "./debian-mirror.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const HOSTS: Readonly<Partial<Record<NodeJS.Architecture, DebianHost>>> = {
  x64: { folder: "x86_64-linux-gnu", loader: "ld-linux-x86-64.so.2" },
  arm64: { folder: "aarch64-linux-gnu", loader: "ld-linux-aarch64.so.1" },
};

/** Where Debian's packages for this machine keep their libraries, and the loader that runs programs with them. */
export interface DebianHost {
  readonly folder: string;
  readonly loader: string;
}

/**
 * @throws SyncError (SETUP) on a machine for which Debian has no packages that we know
 */
export function debianHost(what: string, wayOut: string): DebianHost {
  const found = process.platform === "linux" ? HOSTS[process.arch] : undefined;
  if (found !== undefined) return found;
  throw setupError(`no recipe for ${what} on ${process.platform} ${process.arch}`, { hint: wayOut });
}

export interface DebianPackages {
  /** Names it in messages. */
  readonly what: string;
  readonly suite: string;
  /** They come with all that they depend on. */
  readonly packages: readonly string[];
  /** These come alone. */
  readonly alone?: readonly string[];
  /** What to do on a machine that cannot have them. */
  readonly wayOut: string;
}

/**
 * Packages of the Debian archive, unpacked into the folder `root` as a whole; nothing is installed.
 *
 * @throws SyncError (SETUP) that names what this machine lacks
 */
export async function unpackDebian(root: string, wanted: DebianPackages): Promise<void> {
  const mirror = process.env["DEBIAN_MIRROR"] ?? debianMirror(await aptSources());
  if (mirror === null) {
    throw setupError("the apt sources of this machine name no Debian mirror", {
      hint: `set DEBIAN_MIRROR to the URL of one, or ${wanted.wayOut}`,
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
    const debs = await download(mirror, { work, wanted }).catch((cause: unknown) => {
      throw setupError(`${wanted.what} could not be downloaded from ${mirror}: ${messageOf(cause)}`, {
        hint: `check the network, or ${wanted.wayOut}`,
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

/** Downloads the packages with apt's own checks of their signatures; their paths. */
async function download(
  mirror: string,
  { work, wanted }: { readonly work: string; readonly wanted: DebianPackages },
): Promise<string[]> {
  const lists = join(work, "lists");
  const archives = join(work, "debs");
  const sources = join(work, "apt.list");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${mirror} ${wanted.suite} main\n`);
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
  const install = ["--no-install-recommends", "--download-only", "-y", "install", ...wanted.packages];
  await runCommand("apt-get", [...options, ...install]);
  const { alone = [] } = wanted;
  if (alone.length > 0) await runCommand("apt-get", [...options, "download", ...alone], { cwd: archives });
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
