import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../src/util/errors.ts";
import { setupError } from "../setup-error.ts";

const MARK = ".tallylake-quickstart";

/**
 * Makes an empty folder, in place of what an earlier quickstart left there.
 * @throws SyncError (SETUP) when it holds anything else, which stays untouched
 */
export async function emptyFolder(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown): string[] => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  if (names.length > 0 && !names.includes(MARK)) {
    throw setupError(`${path} is not empty, and no quickstart made it`, {
      hint: "name another one with --folder",
    });
  }
  // The mark goes last, so that an interrupted removal can be taken up again.
  for (const name of names) if (name !== MARK) await rm(join(path, name), { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  await writeFile(join(path, MARK), "");
}
