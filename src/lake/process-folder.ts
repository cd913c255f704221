import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../util/errors.ts";
import { ioError } from "./io-error.ts";

const NAME = /^lake-(\d+)-(\d+)-[0-9a-f]+$/;
/** The start of a process is found from two clocks, which differ a little from call to call. */
const START_TOLERANCE_MS = 10_000;

/**
 * Makes a folder below `tempDir` that belongs to this process alone, since DuckDB's spill files have fixed
 * names, and removes those that killed processes have left. A process that only looks dead, because it runs
 * in another container, keeps the files that it has open.
 */
export async function processFolder(tempDir: string): Promise<string> {
  const startMs = Math.round(Date.now() - process.uptime() * 1000);
  const folder = join(tempDir, `lake-${process.pid}-${startMs}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(tempDir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(tempDir)) {
      const match = NAME.exec(name);
      if (match === null || isInUse(Number(match[1]), Number(match[2]), startMs)) continue;
      await rm(join(tempDir, name), { recursive: true, force: true });
    }
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    throw ioError(error, { action: "create folder", path: folder });
  }
  return folder;
}

function isInUse(pid: number, processStartMs: number, ownStartMs: number): boolean {
  // In a container the process id is the same in each life.
  if (pid === process.pid) return Math.abs(processStartMs - ownStartMs) < START_TOLERANCE_MS;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}
