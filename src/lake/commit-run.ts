/** One commit, step by step as the header of `hudi-table.ts` has them. */
import type { ColumnMapping } from "../types/column-change.ts";
import type { CommitInfo, CommitResult } from "../types/ports.ts";
import { assert, must } from "../util/assert.ts";
import { step } from "../util/step.ts";
import { BucketWriter, type BucketWork, type CommitPlan, type CountedSlice } from "./bucket-writer.ts";
import { writeRecord } from "./checkpoint.ts";
import { chunkRelation } from "./chunk-stage.ts";
import { avroOf, createTable, writeProperties } from "./create-table.ts";
import { encodeCommit, type WriteStat } from "./commit-metadata.ts";
import { withPreparedRows, type CommitRows, type PreparedRows } from "./commit-tables.ts";
import { parseBaseFileName } from "./file-name.ts";
import { slicesDigest } from "./file-system-view.ts";
import { nextInstant } from "./instant.ts";
import { lakeCounts, zeroDateNulls, type RowTotals } from "./lake-counts.ts";
import type { RowShape } from "./row-shape.ts";
import type { HudiTableOptions, TableFolder } from "./table-options.ts";
import { totalRows, type OwnCommit, type TableState } from "./table-state.ts";
import { assertFence, assertTimeline, assertUndisturbed } from "./undisturbed.ts";
import {
  selectDeletedRows,
  selectEvolved,
  selectKept,
  selectLoaded,
  selectMinusZero,
  selectMinusZeroOf,
  selectNothing,
  selectUpserts,
  type BucketFile,
} from "./upsert.ts";

export interface CommitInput extends CommitRows {
  readonly info: CommitInfo;
  /** Of a commit that gives all rows other columns. */
  readonly mapping?: ColumnMapping;
}

export interface CommitOutcome {
  readonly state: TableState;
  readonly result: CommitResult;
}

/** `onPrepared` is called when the rows are known to fit: what fails before that has changed nothing. */
export function runCommit(
  options: HudiTableOptions,
  folder: TableFolder,
  from: { readonly state: TableState; readonly input: CommitInput; readonly onPrepared: () => void },
): Promise<CommitOutcome> {
  const { state, input, onPrepared } = from;
  step("lake.commit.start");
  return withPreparedRows(options.db, input, async (prepared) => {
    onPrepared();
    step("lake.commit.prepared");
    await assertUndisturbed(folder, state);
    const instant = nextInstant(options.now(), state.completed.at(-1) ?? null);
    await writeRecord(folder.storage, folder.paths.aux, { ...state, pending: instant });
    step("lake.commit.recorded");
    if (state.last === null) await createTable(folder, input.shape, instant);
    await folder.timeline.begin(instant);
    const stats = await writeFiles(options, folder, { state, input, prepared, instant });
    return finish(folder, { state, input, prepared, instant, stats });
  });
}

interface RunningCommit {
  readonly state: TableState;
  readonly input: CommitInput;
  readonly prepared: PreparedRows;
  readonly instant: string;
}

function writeFiles(
  options: HudiTableOptions,
  { storage, paths }: TableFolder,
  running: RunningCommit,
): Promise<readonly WriteStat[]> {
  const writer = new BucketWriter({ db: options.db, storage, paths });
  return writer.write(bucketWorks(running), commitPlan(running));
}

function bucketWorks({ state, input, prepared }: RunningCommit): readonly BucketWork[] {
  const slices = new Map(state.slices.map((slice) => [slice.bucket, slice]));
  if (input.chunks !== null && (input.chunks.length > 0 || slices.size > 0)) {
    return Array.from({ length: input.shape.buckets }, (_, bucket) => ({
      bucket,
      old: slices.get(bucket) ?? null,
      changes: null,
    }));
  }
  if (input.mapping !== undefined) {
    return state.slices.map((old) => ({ bucket: old.bucket, old, changes: { upserts: 0, deletes: 0 } }));
  }
  return [...prepared.touched]
    .map(([bucket, changes]) => ({ bucket, old: slices.get(bucket) ?? null, changes }))
    .filter(({ old, changes }) => old !== null || changes.upserts > 0);
}

function commitPlan({ input, prepared, instant }: RunningCommit): CommitPlan {
  const { shape, changes, chunks, mapping } = input;
  if (mapping !== undefined) return evolvingPlan(shape, mapping, instant);
  const { winners, touched } = prepared;
  const loaded = chunkRelation(shape, chunks);
  return {
    instant,
    avro: avroOf(shape, "with"),
    columns: shape.columns.length,
    select: (to, old) => {
      const parts: string[] = [];
      if (loaded !== null) parts.push(selectLoaded(shape, { chunks: loaded, winners }, to));
      if (old !== null) parts.push(selectKept(shape, must(winners, "the changes of a merge"), { old, to }));
      if (changes !== null && winners !== null && (touched.get(to.bucket)?.upserts ?? 0) > 0) {
        parts.push(selectUpserts(changes, winners, to));
      }
      return parts.length === 0 ? selectNothing(shape, to) : parts.join(" UNION ALL ");
    },
    selectMinusZero: (bucket, old) =>
      selectMinusZero(shape, {
        old,
        staged: [loaded, changes?.relation ?? null].filter((relation) => relation !== null),
        bucket,
      }),
    selectDeleted: (bucket, old) =>
      selectDeletedRows(shape, must(winners, "the changes of a merge"), { old, bucket }),
  };
}

function evolvingPlan(shape: RowShape, mapping: ColumnMapping, instant: string): CommitPlan {
  const select = (to: BucketFile, old: string | null): string =>
    selectEvolved(shape, mapping, { old: must(old, "a slice that is to have other columns"), to });
  return {
    instant,
    avro: avroOf(shape, "with"),
    columns: shape.columns.length,
    select,
    selectMinusZero: (bucket, old) => selectMinusZeroOf(shape, select({ bucket, instant, file: "" }, old)),
    selectDeleted: () => {
      throw new Error("columns are changed, and no rows");
    },
  };
}

async function finish(
  folder: TableFolder,
  running: RunningCommit & { readonly stats: readonly WriteStat[] },
): Promise<CommitOutcome> {
  const { storage, paths, timeline } = folder;
  const { state, instant, stats } = running;
  const slices = slicesAfter(state.slices, stats);
  const last = newCommit(running, slices);
  // Whoever opened the table in the meantime has removed the files of this commit.
  await assertFence(folder, state.fence);
  await timeline.complete(instant, encodeCommit(last));
  const completed = [...state.completed, instant];
  await assertTimeline(folder, completed);
  if (hasOtherKeys(state, last)) await writeProperties(folder, running.input.shape);
  // The record names the instant as pending until its markers are gone, so that somebody removes them.
  await storage.removeFolder(paths.markers(instant));
  step("lake.commit.tidied");
  await writeRecord(storage, paths.aux, { fence: state.fence, last, pending: null });
  step("lake.commit.done");
  return {
    state: { fence: state.fence, last, completed, slices },
    result: {
      instant,
      checkpoint: last.checkpoint,
      counts: last.counts,
      rowsAfter: last.rowsAfter,
      bytesWritten: stats.reduce((sum, stat) => sum + stat.bytes, 0),
      filesWritten: stats.length,
    },
  };
}

const hasOtherKeys = ({ last }: TableState, next: OwnCommit): boolean =>
  last !== null && last.schema.primaryKey.join() !== next.schema.primaryKey.join();

function slicesAfter(before: readonly CountedSlice[], stats: readonly WriteStat[]): readonly CountedSlice[] {
  const byFileId = new Map(before.map((slice) => [slice.fileId, slice]));
  for (const { fileId, path, rows } of stats) {
    byFileId.set(fileId, {
      ...must(parseBaseFileName(path), "a base file's name"),
      file: path,
      rows,
    });
  }
  return [...byFileId.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}

function newCommit(
  { state, input, prepared, instant, stats }: RunningCommit & { readonly stats: readonly WriteStat[] },
  slices: readonly CountedSlice[],
): OwnCommit {
  const { shape, info } = input;
  assert(input.chunks !== null || info.snapshotFrom === undefined, "a commit of changes has no snapshot");
  const sum = (of: (stat: WriteStat) => number): number => stats.reduce((total, stat) => total + of(stat), 0);
  const totals: RowTotals = {
    inserted: sum((stat) => stat.inserted),
    updated: sum((stat) => stat.updated),
    deleted: sum((stat) => stat.deleted),
    // What a snapshot replaces is not among what its changes are held against.
    rowsBefore: input.chunks === null ? totalRows(state.slices) : 0,
    rowsAfter: totalRows(slices),
  };
  const upserted = prepared.groups
    .filter((group) => group.applied && group.isUpsert)
    .reduce((rows, group) => rows + group.rows, 0);
  assert(
    upserted === totals.inserted + totals.updated &&
      totals.rowsAfter === totals.rowsBefore + totals.inserted - totals.deleted,
    `${upserted} rows to upsert, but ${JSON.stringify(totals)} written`,
  );
  return {
    instant,
    operation: input.chunks === null ? "UPSERT" : "BULK_INSERT",
    stats,
    avro: avroOf(shape, "without"),
    checkpoint: info.checkpoint,
    schema: shape.schema,
    counts: [...info.counts, ...lakeCounts(prepared.groups, totals)],
    fence: state.fence,
    buckets: shape.buckets,
    zeroDates: shape.zeroDates,
    zeroDateNulls: zeroDateNulls(prepared.groups),
    slices: slicesDigest(slices),
    rowsAfter: totals.rowsAfter,
    snapshotFrom: info.snapshotFrom ?? null,
  };
}
