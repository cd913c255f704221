import { syncError, type ErrorCode } from "../types/errors.ts";
import { codeOf, type SyncError } from "../util/errors.ts";

const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ["ENOSPC", "LAKE_DISK_FULL"],
  ["EDQUOT", "LAKE_DISK_FULL"],
  ["EACCES", "LAKE_READ_ONLY"],
  ["EPERM", "LAKE_READ_ONLY"],
  ["EROFS", "LAKE_READ_ONLY"],
  ["EMFILE", "TOO_MANY_OPEN_FILES"],
  ["ENFILE", "TOO_MANY_OPEN_FILES"],
]);

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  LAKE_DISK_FULL:
    "free some space on the disk of `stateDir`, then run `tallylake init` again: it goes on from here",
  LAKE_READ_ONLY: "make `stateDir` writable, then run `tallylake init` again: it goes on from here",
  TOO_MANY_OPEN_FILES: "raise the limit of open files (ulimit -n) to at least 1024 and start again",
};

/** A file of a snapshot that cannot be written, decided by errno alone. */
export function stateFileError(error: unknown, what: string): SyncError {
  const code = CODES.get(codeOf(error)) ?? "LAKE_IO";
  const hint =
    HINTS[code] ?? "look at the disk of `stateDir`, then run `tallylake init` again: it goes on from here";
  return syncError(code, what, { hint, cause: error });
}
