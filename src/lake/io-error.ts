import { constants } from "node:os";
import { syncError } from "../types/errors.ts";
import { codeOf } from "../util/errors.ts";
import type { SyncError } from "../util/errors.ts";

/** What failed: "write base file", and the path it failed on. */
export interface IoStep {
  readonly action: string;
  readonly path: string;
}

/** The symbolic name of an errno that DuckDB gives as a number: 28 to ENOSPC. */
export function errnoName(errno: number): string {
  for (const [name, value] of Object.entries(constants.errno)) if (value === errno) return name;
  return "";
}

/** Whether the error says that a file or folder is not there. */
export const isAbsent = (error: unknown): boolean =>
  codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";

/** Turns a failed file operation into the operating error that it is, decided by errno alone. */
export function ioError(error: unknown, step: IoStep, errno = codeOf(error)): SyncError {
  const where = `cannot ${step.action} ${JSON.stringify(step.path)}: ${errno === "" ? "unknown error" : errno}`;
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
      return syncError("LAKE_DISK_FULL", `${where}, the disk is full`, {
        hint: "Free space on the disk of the lake. What is committed stays readable, and the next start goes on from there.",
        cause: error,
      });
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return syncError("LAKE_READ_ONLY", `${where}, the lake cannot be written`, {
        hint: "Give the user of this process write permission on the folder, or mount the disk writable.",
        cause: error,
      });
    case "EMFILE":
    case "ENFILE":
      return syncError("TOO_MANY_OPEN_FILES", `${where}, too many files are open`, {
        hint: "Raise the limit of open files (ulimit -n) to at least 1024 and start again.",
        cause: error,
      });
    default:
      return syncError("LAKE_IO", where, {
        hint: "Check the disk and the kernel log, then start again: what is committed is not affected.",
        cause: error,
      });
  }
}
