import { syncError } from "../types/errors.ts";

/** The table is of another kind, or of another tool or source. */
export const foreignTable = (root: string, reason: string, cause?: unknown): Error =>
  syncError("LAKE_FOREIGN_TABLE", `${root} is not a table that tallylake may write: ${reason}`, {
    hint: "Choose another `lake` folder, or move this table away and run init again.",
    cause,
  });

/** The table was ours, and somebody else has written to it. */
export const foreignWrite = (root: string, reason: string): Error =>
  syncError("LAKE_FOREIGN_WRITE", `${root} was changed by another program: ${reason}`, {
    hint: "tallylake must be the only writer. Undo the other program's changes, or move the table away and run init again.",
  });

export const corruptFile = (path: string, reason: string, cause?: unknown): Error =>
  syncError("LAKE_CORRUPT", `${path} is corrupt: ${reason}`, {
    hint: "Restore the table's folder from a backup, or move it away and run init again.",
    cause,
  });
