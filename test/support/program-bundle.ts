import { createHash } from "node:crypto";
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { withFileLock } from "../../scripts/file-lock.ts";
import { makeFolder } from "../../scripts/fresh-folder.ts";

/**
 * The program and what tests load into its processes, packed into a few files. The suite starts hundreds of
 * processes, and to find and load some six hundred modules takes longer than most of them live behind that; packed it
 * is half. Our modules and their packages are the same, and each is still there once, so that a preload changes the
 * very objects that the program uses.
 *
 * The folder is as deep below the repository as the folders of `src`, since modules find `migrations` and
 * `package.json` from where they are.
 */
const REPOSITORY = join(import.meta.dirname, "..", "..");
const BUNDLE = join(REPOSITORY, ".cache", "program");
/** Holds the digest of the sources that were packed. */
const STAMP = "sources";

const ENTRIES = {
  main: "src/main.ts",
  "binlog-worker": "src/capture/binlog-worker.ts",
  "step-hook": "test/crash/step-hook.ts",
  "module-hook": "test/crash/module-hook.ts",
  "seed-bug": "test/crash/seed-bug.ts",
} as const;

export type ProgramEntry = keyof typeof ENTRIES;

/** Compiled for this machine, or found by the program itself when it is installed. */
const EXTERNAL = [/^@duckdb\//, /^lz4-napi$/, /^chdb$/, /^@confluentinc\//];

export const programFile = (entry: ProgramEntry): string => join(BUNDLE, `${entry}.js`);

/** Packs the program, unless it is packed already from the sources as they are. Any number may ask at once. */
export async function buildProgram(): Promise<void> {
  const sources = await sourcesDigest();
  await withFileLock(`${BUNDLE}.lock`, async () => {
    if ((await readFile(join(BUNDLE, STAMP), "utf8").catch(() => "")) === sources) return;
    await makeFolder(BUNDLE, async (fresh) => {
      const bundle = await rolldown({
        cwd: REPOSITORY,
        input: ENTRIES,
        platform: "node",
        external: EXTERNAL,
        treeshake: false,
        logLevel: "warn",
      });
      await bundle.write({
        dir: fresh,
        format: "esm",
        entryFileNames: "[name].js",
        chunkFileNames: "[name]-[hash].js",
        keepNames: true,
      });
      await bundle.close();
      await writeFile(join(fresh, STAMP), sources);
    });
  });
}

/** Changes with every file that can come into the bundle, and with what packs it. */
async function sourcesDigest(): Promise<string> {
  const files = await Array.fromAsync(
    glob("{src,test/crash,test/support,scripts}/**/*.ts", { cwd: REPOSITORY }),
  );
  const hash = createHash("sha256");
  for (const file of [...files.sort(), "package-lock.json"]) {
    hash
      .update(`${file}\0`)
      .update(await readFile(join(REPOSITORY, file)))
      .update("\0");
  }
  return hash.digest("hex");
}
