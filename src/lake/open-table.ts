/** Opening a table: refuses what is not ours, takes the lock, recovers what a crash left, reads the state. */
import { syncError } from "../types/errors.ts";
import { formatTableId } from "../types/table-id.ts";
import { step } from "../util/step.ts";
import { readRecord, RECORD_FILE, writeRecord, type WriterRecord } from "./checkpoint.ts";
import { decodeCommit } from "./commit-metadata.ts";
import { writeProperties } from "./create-table.ts";
import { FileSystemView } from "./file-system-view.ts";
import { corruptFile, foreignTable } from "./foreign.ts";
import { lakeName } from "./lake-name.ts";
import { LOCK_FILE, TableLock } from "./lock.ts";
import { removeTempFiles, rollBack } from "./rollback.ts";
import { rowShape, type RowShape } from "./row-shape.ts";
import { TEMP_PREFIX } from "./storage-local.ts";
import type { HudiTableOptions, TableFolder } from "./table-options.ts";
import {
  checkProperties,
  checkSlices,
  checkTimeline,
  countSlices,
  readCommit,
  totalRows,
  type OwnCommit,
  type TableState,
} from "./table-state.ts";

export interface OpenedTable {
  readonly lock: TableLock;
  readonly state: TableState;
}

export async function openTable(options: HudiTableOptions, folder: TableFolder): Promise<OpenedTable> {
  const { storage, paths } = folder;
  await refuseStrangers(folder);
  await storage.createFolder(paths.aux);
  step("lake.open.folder");
  const lock = await TableLock.acquire(options.db, paths.aux);
  try {
    step("lake.open.locked");
    return { lock, state: await openLocked(options, folder) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Before anything is written: a folder is empty, or it is ours. */
async function refuseStrangers(folder: TableFolder): Promise<void> {
  const { storage, paths } = folder;
  if ((await readRecord(storage, paths.aux)) !== null) return;
  const names = await storage.list(paths.root);
  if (names.length === 0 || (await isBarelyBegun(folder, names))) return;
  if ((await storage.read(paths.properties)) === null) {
    throw syncError(
      "LAKE_NOT_EMPTY",
      `the folder ${paths.root} holds something that is not a table of tallylake`,
      {
        hint: "Choose another `lake` folder, or move what is there away.",
      },
    );
  }
  if ((await newestOwn(folder)) === null) {
    throw foreignTable(paths.root, "it is a Hudi table that tallylake did not make");
  }
}

/** A crash before the first record: there is nothing but our folder with its lock. */
async function isBarelyBegun({ storage, paths }: TableFolder, names: readonly string[]): Promise<boolean> {
  if (names.some((name) => name !== ".hoodie")) return false;
  if ((await storage.list(paths.hoodie)).some((name) => name !== ".aux")) return false;
  const own = await storage.list(paths.aux);
  return own.every((name) => name.startsWith(LOCK_FILE) || name.startsWith(TEMP_PREFIX));
}

/** The newest completed commit when it is ours, for a table whose record is gone. */
async function newestOwn({ timeline, paths }: TableFolder): Promise<OwnCommit | null> {
  const instant = (await timeline.load()).completed.at(-1);
  if (instant === undefined) return null;
  const read = decodeCommit(await timeline.read(instant));
  if (read.kind === "corrupt") throw corruptFile(timeline.path(instant), read.reason);
  return read.kind === "foreign" ? null : readCommit(timeline, paths.root, instant);
}

async function openLocked(options: HudiTableOptions, folder: TableFolder): Promise<TableState> {
  const { storage, paths, timeline } = folder;
  const record = (await readRecord(storage, paths.aux)) ?? (await newRecord(options, folder));
  checkTimeline(paths.root, await timeline.load(), record);
  await recover(options, folder, record);
  const { completed } = await timeline.load();
  const instant = completed.at(-1);
  const last = instant === undefined ? null : await readCommit(timeline, paths.root, instant);
  if (last !== null) {
    checkOptions(options, paths.root, last);
    // A crash between a commit with another primary key and the properties that follow it.
    if (record.pending === last.instant) await writeProperties(folder, shapeOf(last));
    await checkProperties(storage, paths, last.schema.primaryKey.map(lakeName));
  }
  const view = FileSystemView.of(await storage.list(paths.root), completed);
  checkSlices(paths.root, view, last);
  const slices = await countSlices(options.db, paths.root, view);
  if (last !== null && totalRows(slices) !== last.rowsAfter) {
    const found = `${totalRows(slices)} rows instead of the ${last.rowsAfter}`;
    throw corruptFile(paths.root, `its base files have ${found} of its last commit`);
  }
  const fence = Math.max(record.fence, last?.fence ?? 0) + 1;
  step("lake.open.record");
  await writeRecord(storage, paths.aux, { fence, last, pending: null });
  step("lake.open.done");
  return { fence, last, completed, slices };
}

/** For a table that is made now, or whose record was lost with the commits still there. */
async function newRecord(options: HudiTableOptions, folder: TableFolder): Promise<WriterRecord> {
  const last = await newestOwn(folder);
  const record = { fence: last?.fence ?? 0, last, pending: null };
  if (last !== null) {
    options.log.warn("the writer's record of a table was missing and is made anew from its last commit", {
      table: formatTableId(options.id),
      instant: last.instant,
      file: RECORD_FILE,
    });
  }
  await writeRecord(folder.storage, folder.paths.aux, record);
  return record;
}

async function recover(options: HudiTableOptions, folder: TableFolder, record: WriterRecord): Promise<void> {
  const { storage, paths, timeline } = folder;
  const { pending } = record;
  if (pending !== null) {
    if ((await timeline.load()).pending.includes(pending)) {
      options.log.info("a commit that did not complete is rolled back", {
        table: formatTableId(options.id),
        instant: pending,
      });
      await rollBack(storage, paths, { timeline, instant: pending });
    } else {
      await storage.removeFolder(paths.markers(pending));
    }
  }
  await removeTempFiles(storage, paths);
}

const shapeOf = ({ schema, zeroDates, buckets }: OwnCommit): RowShape =>
  rowShape(schema, { zeroDates, buckets });

function checkOptions(options: HudiTableOptions, root: string, last: OwnCommit): void {
  const { id, identity, zeroDates } = options;
  const { checkpoint, schema } = last;
  if (schema.id.database !== id.database || schema.id.table !== id.table) {
    throw foreignTable(root, `it is the table ${formatTableId(schema.id)}, and not ${formatTableId(id)}`);
  }
  if (checkpoint.source !== identity.source || checkpoint.epoch > identity.epoch) {
    const theirs = `source ${checkpoint.source}, epoch ${checkpoint.epoch}`;
    throw foreignTable(
      root,
      `it belongs to ${theirs}, and not to ${identity.source}, epoch ${identity.epoch}`,
    );
  }
  // `null` and `stop` make the same columns, `text` others.
  if ((last.zeroDates === "text") !== (zeroDates === "text")) {
    throw syncError(
      "CONFIG_INVALID",
      `${formatTableId(id)} was made with zeroDates: ${last.zeroDates}, which cannot become ${zeroDates}`,
      { hint: `Set zeroDates: ${last.zeroDates} for this table, or move it away and run init again.` },
    );
  }
}
