/**
 * Who writes a table, seen from outside. Linux lists the locks that processes hold with the files that they are
 * on. Trying to take the lock would show it as well, but it could keep a writer out that starts at that moment.
 */
import { readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import type { TableId } from "../types/table-id.ts";
import { isAbsent } from "./io-error.ts";
import { tablePaths } from "./lake-path.ts";
import { LOCK_FILE } from "./lock.ts";

export type LockHolder =
  | { readonly state: "held"; readonly pid: number }
  | { readonly state: "free" }
  /** Not Linux, or a container, which sees its own processes only. */
  | { readonly state: "unknown" };

/** The first writer of any of these tables. */
export async function lockHolder(lakeDir: string, tables: readonly TableId[]): Promise<LockHolder> {
  const files: FileNumbers[] = [];
  for (const id of tables) {
    const file = await numbersOf(join(tablePaths(lakeDir, id).aux, LOCK_FILE));
    if (file === "unknown") return { state: "unknown" };
    // Without the file nobody can hold its lock.
    if (file !== "absent") files.push(file);
  }
  if (files.length === 0) return { state: "free" };
  let locks: string;
  try {
    locks = await readFile("/proc/locks", "utf8");
  } catch {
    return { state: "unknown" };
  }
  for (const file of files) {
    const pid = holderIn(locks, file);
    if (pid !== null) return { state: "held", pid };
  }
  return { state: (await seesAllProcesses()) ? "free" : "unknown" };
}

interface FileNumbers {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** By name alone: to open and close the file would make this process lose a lock of its own on it. */
async function numbersOf(path: string): Promise<FileNumbers | "absent" | "unknown"> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return { dev, ino };
  } catch (error) {
    return isAbsent(error) ? "absent" : "unknown";
  }
}

/** `1: POSIX  ADVISORY  WRITE 3621 fe:00:10166349 0 EOF`; a line with `->` waits for the lock above it. */
const LOCK_LINE = /^\d+: POSIX +ADVISORY +WRITE +(-?\d+) +([0-9a-f]+):([0-9a-f]+):(\d+) /;

/** The process that holds a lock on the file, from the text of `/proc/locks`. */
export function holderIn(locks: string, file: FileNumbers): number | null {
  for (const line of locks.split("\n")) {
    const [, pid, major = "", minor = "", inode = ""] = LOCK_LINE.exec(line) ?? [];
    if (pid === undefined || BigInt(inode) !== file.ino) continue;
    if (deviceNumber(BigInt(`0x${major}`), BigInt(`0x${minor}`)) === file.dev) return Number(pid);
  }
  return null;
}

/** As `stat` has it, from its two parts: Linux spreads both over the number. */
const deviceNumber = (major: bigint, minor: bigint): bigint =>
  ((major & 0xfffn) << 8n) | ((major & ~0xfffn) << 32n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n);

/** Linux's number for the namespace that holds all processes of the machine. */
const FIRST_NAMESPACE = "pid:[4026531836]";

async function seesAllProcesses(): Promise<boolean> {
  try {
    return (await readlink("/proc/self/ns/pid")) === FIRST_NAMESPACE;
  } catch {
    return false;
  }
}
