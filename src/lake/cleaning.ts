import { join } from "node:path";
import { step } from "../util/step.ts";
import { FileSystemView, type FileSlice } from "./file-system-view.ts";
import { instantTimeMs } from "./instant.ts";
import type { TableFolder } from "./table-options.ts";

/** Readers of the table may still be in the middle of the latest slice but one. */
const SLICES_KEPT_MIN = 2;

/**
 * The slices that may go: replaced before `beforeMs`, and not among the last two of their file group. Cleaning
 * goes by age and not by number, since a Spark query whose slice vanishes before its first action returns no
 * rows and no error. Oldest first, so that what is left of a group never has a hole.
 *
 * A slice was replaced when the commit of its successor completed. Instants name the beginning of a commit, so
 * the first one after that commit is the earliest proof that it had completed.
 */
export function removableSlices(
  groups: readonly (readonly FileSlice[])[],
  completed: readonly string[],
  beforeMs: number,
): readonly FileSlice[] {
  const provedBefore = (instant: string): boolean => {
    const next = completed.find((other) => other > instant);
    return next !== undefined && instantTimeMs(next) < beforeMs;
  };
  return groups
    .flatMap((slices) =>
      slices
        .slice(0, Math.max(0, slices.length - SLICES_KEPT_MIN))
        .filter((_slice, i) => provedBefore(slices[i + 1]?.instant ?? "")),
    )
    .sort((a, b) => (a.instant === b.instant ? (a.file < b.file ? -1 : 1) : a.instant < b.instant ? -1 : 1));
}

/** Removes what may go. A crash in between leaves less to do for the next time. */
export async function cleanTable(
  { storage, paths }: TableFolder,
  completed: readonly string[],
  beforeMs: number,
): Promise<{ readonly filesRemoved: number; readonly bytesRemoved: number }> {
  const view = FileSystemView.of(await storage.list(paths.root), completed);
  let filesRemoved = 0;
  let bytesRemoved = 0;
  for (const slice of removableSlices(view.groups(), completed, beforeMs)) {
    const path = join(paths.root, slice.file);
    bytesRemoved += (await storage.size(path)) ?? 0;
    step("lake.clean.remove");
    await storage.remove(path);
    filesRemoved++;
  }
  if (filesRemoved > 0) await storage.syncFolder(paths.root);
  step("lake.clean.done");
  return { filesRemoved, bytesRemoved };
}
