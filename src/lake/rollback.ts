import { join } from "node:path";
import { step } from "../util/step.ts";
import type { TablePaths } from "./lake-path.ts";
import { parseBaseFileName } from "./file-name.ts";
import { TEMP_PREFIX } from "./storage-local.ts";
import type { Storage } from "./storage.ts";
import type { TimelineFolder } from "./timeline.ts";

/**
 * Removes what an instant of ours has left that never completed, before anything new is committed: hudi-rs
 * takes any base file for committed once a later instant has completed. Data files go first and the timeline
 * files last, so a crash in between finds the instant still pending and begins again.
 */
export async function rollBack(
  storage: Storage,
  paths: TablePaths,
  at: { readonly timeline: TimelineFolder; readonly instant: string },
): Promise<void> {
  const { timeline, instant } = at;
  step("lake.recover.begin");
  for (const name of await storage.list(paths.root)) {
    if (parseBaseFileName(name)?.instant !== instant) continue;
    await storage.remove(join(paths.root, name));
    step("lake.recover.file");
  }
  await storage.syncFolder(paths.root);
  step("lake.recover.files");
  await storage.removeFolder(paths.markers(instant));
  step("lake.recover.markers");
  await timeline.forget(instant);
}

/** Removes files that were still being written when their writer ended. Only under the lock. */
export async function removeTempFiles(storage: Storage, paths: TablePaths): Promise<void> {
  for (const name of await storage.list(paths.aux)) {
    if (!name.startsWith(TEMP_PREFIX)) continue;
    await storage.remove(join(paths.aux, name));
    step("lake.recover.temp");
  }
}
