import { constants } from "node:os";
import { syncError } from "../types/errors.ts";
import { fileErrorCode, type FileErrorCode } from "../types/file-error.ts";
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

/** What is the matter, for the message, and the remedy. */
const REMEDIES: Readonly<Record<FileErrorCode, { readonly matter: string; readonly hint: string }>> = {
  LAKE_DISK_FULL: {
    matter: ", the disk is full",
    hint: "Free space on the disk of the lake. What is committed stays readable, and the next start goes on from there.",
  },
  LAKE_READ_ONLY: {
    matter: ", the lake cannot be written",
    hint: "Give the user of this process write permission on the folder, or mount the disk writable.",
  },
  TOO_MANY_OPEN_FILES: {
    matter: ", too many files are open",
    hint: "Raise the limit of open files (ulimit -n) to at least 1024 and start again.",
  },
  LAKE_IO: {
    matter: "",
    hint: "Check the disk and the kernel log, then start again: what is committed is not affected.",
  },
};

/** Turns a failed file operation into the operating error that it is, decided by errno alone. */
export function ioError(error: unknown, { action, path }: IoStep, errno = codeOf(error)): SyncError {
  const code = fileErrorCode(errno);
  const { matter, hint } = REMEDIES[code];
  const reason = errno === "" ? "unknown error" : errno;
  return syncError(code, `cannot ${action} ${JSON.stringify(path)}: ${reason}${matter}`, {
    hint,
    cause: error,
  });
}
