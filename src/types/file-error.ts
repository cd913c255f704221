import { codeOf, type SyncError } from "../util/errors.ts";
import { syncError, type ErrorCode } from "./errors.ts";

const CODES: ReadonlyMap<string, FileErrorCode> = new Map([
  ["ENOSPC", "LAKE_DISK_FULL"],
  ["EDQUOT", "LAKE_DISK_FULL"],
  ["EACCES", "LAKE_READ_ONLY"],
  ["EPERM", "LAKE_READ_ONLY"],
  ["EROFS", "LAKE_READ_ONLY"],
  ["EMFILE", "TOO_MANY_OPEN_FILES"],
  ["ENFILE", "TOO_MANY_OPEN_FILES"],
]);

/** What can be wrong with a file, of the lake or of the state folder. */
export type FileErrorCode = Extract<
  ErrorCode,
  "LAKE_DISK_FULL" | "LAKE_READ_ONLY" | "TOO_MANY_OPEN_FILES" | "LAKE_IO"
>;

/** Decided by errno alone, never by a message. */
export const fileErrorCode = (errno: string): FileErrorCode => CODES.get(errno) ?? "LAKE_IO";

const STATE_HINTS: Readonly<Record<FileErrorCode, string>> = {
  LAKE_DISK_FULL: "free some space on the disk of `stateDir`",
  LAKE_READ_ONLY: "make `stateDir` writable",
  TOO_MANY_OPEN_FILES: "raise the limit of open files (ulimit -n) to at least 1024",
  LAKE_IO: "look at the disk of `stateDir`",
};

/** A file of the state folder that cannot be written or read. Nothing there is worth more than the work to repeat it. */
export function stateFileError(error: unknown, what: string): SyncError {
  const code = fileErrorCode(codeOf(error));
  return syncError(code, what, {
    hint: `${STATE_HINTS[code]}, then start again: it goes on from here`,
    cause: error,
  });
}
