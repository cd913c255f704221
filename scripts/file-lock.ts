import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setupError } from "./setup-error.ts";

/**
 * Runs `task` while holding an exclusive lock on `path`, waiting for other processes that hold it.
 * The kernel keeps the lock for a child process that ends when its stdin closes, so a killed holder
 * never leaves a stale lock behind.
 */
export async function withFileLock<T>(path: string, task: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo locked; exec cat >&2"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(holder, "close");
  try {
    const first = await Promise.race([once(holder.stdout, "data"), ended]);
    if (String(first[0]).trim() !== "locked") {
      throw setupError(`flock ended with code ${String(first[0])} before it held ${path}`, {
        hint: `make ${path} writable, on a file system that knows locks`,
      });
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    throw setupError("the program flock is missing", { hint: "install util-linux", cause: error });
  }
  try {
    return await task();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
