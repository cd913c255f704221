import { join } from "node:path";
import { readRecord, RECORD_FILE } from "./checkpoint.ts";
import { FileSystemView, slicesDigest } from "./file-system-view.ts";
import { foreignWrite } from "./foreign.ts";
import { lakeName } from "./lake-name.ts";
import type { TableFolder } from "./table-options.ts";
import { checkProperties, checkSlices, type TableState } from "./table-state.ts";
import { fenced } from "./timeline.ts";

/**
 * Holds the table on disk against what its writer knows, before it changes anything: another writer has not
 * taken its place, no instant is there that it did not write, and its latest base files are where it left
 * them. The lock should make all of this impossible; a lock can be lost, and a table can be copied over.
 */
export async function assertUndisturbed(folder: TableFolder, state: TableState): Promise<void> {
  const { storage, paths } = folder;
  await assertFence(folder, state.fence);
  await assertTimeline(folder, state.completed);
  if (state.last !== null) await checkProperties(storage, paths, state.last.schema.primaryKey.map(lakeName));
  const view = FileSystemView.of(await storage.list(paths.root), state.completed);
  checkSlices(paths.root, view, state.last);
  if (slicesDigest(view.latest()) !== slicesDigest(state.slices)) {
    throw foreignWrite(paths.root, "its latest base files are not those that we wrote");
  }
}

/** @throws SyncError LAKE_FENCED when the table was opened by another writer after us. */
export async function assertFence({ storage, paths }: TableFolder, fence: number): Promise<void> {
  const record = await readRecord(storage, paths.aux);
  if (record?.fence !== fence) throw fenced(join(paths.aux, RECORD_FILE));
}

/** @throws SyncError LAKE_FENCED when the timeline holds more or less than these commits. */
export async function assertTimeline(folder: TableFolder, completed: readonly string[]): Promise<void> {
  const { timeline, paths } = folder;
  const found = await timeline.load();
  const known = new Set(completed);
  const stranger =
    found.others[0] ?? found.pending[0] ?? found.completed.find((instant) => !known.has(instant));
  if (stranger !== undefined) throw fenced(join(paths.hoodie, stranger));
  if (found.completed.length !== completed.length) {
    throw foreignWrite(paths.root, "its timeline has lost commits");
  }
}
