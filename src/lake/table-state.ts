/**
 * What is on disk of a table, read and judged: nothing is changed here. Opening trusts no memory of earlier
 * runs but the writer's record, and a commit looks again before it begins.
 */
import { join } from "node:path";
import type { CommitRecord } from "../types/ports.ts";
import { assert } from "../util/assert.ts";
import { corruptBaseFile, type CountedSlice } from "./bucket-writer.ts";
import { decodeCommit, type CommitMetadata } from "./commit-metadata.ts";
import type { WriterRecord } from "./checkpoint.ts";
import { literal, type LakeDatabase } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { slicesDigest, type FileSystemView } from "./file-system-view.ts";
import { corruptFile, foreignTable, foreignWrite } from "./foreign.ts";
import type { TablePaths } from "./lake-path.ts";
import type { Storage } from "./storage.ts";
import { parseProperties, propertiesProblem } from "./table-properties.ts";
import type { Timeline, TimelineFolder } from "./timeline.ts";

/** A completed commit of ours. */
export interface OwnCommit extends CommitMetadata {
  readonly instant: string;
}

/** What a writer knows of its table: what it found when it opened it, and what it committed since. */
export interface TableState {
  readonly fence: number;
  /** Null before the first commit. */
  readonly last: OwnCommit | null;
  /** Instants of all commits, oldest first. */
  readonly completed: readonly string[];
  /** The latest slices, by bucket. */
  readonly slices: readonly CountedSlice[];
}

/** What is kept of a commit where there may be very many: not its files, nor its schema. */
export const commitRecord = ({
  instant,
  checkpoint,
  counts,
  operation,
  snapshotFrom,
}: OwnCommit): CommitRecord => ({ instant, checkpoint, counts, operation, snapshotFrom });

/** @throws SyncError LAKE_CORRUPT, or LAKE_FOREIGN_WRITE when the commit is somebody else's. */
export async function readCommit(
  timeline: TimelineFolder,
  root: string,
  instant: string,
): Promise<OwnCommit> {
  const read = decodeCommit(await timeline.read(instant));
  if (read.kind === "corrupt") throw corruptFile(timeline.path(instant), read.reason);
  if (read.kind === "foreign") throw foreignWrite(root, `the commit ${instant} is not tallylake's`);
  return { instant, ...read.commit };
}

/** Holds the timeline against what we know to have done; `pending` may be on it in any state, or not at all. */
export function checkTimeline(root: string, timeline: Timeline, record: WriterRecord): void {
  const [other] = timeline.others;
  if (other !== undefined) throw foreignWrite(root, `its timeline has ${other}`);
  const stranger = timeline.pending.find((instant) => instant !== record.pending);
  if (stranger !== undefined) throw foreignWrite(root, `the instant ${stranger} is pending and not ours`);
  const last = record.last?.instant ?? null;
  if (last !== null && !timeline.completed.includes(last)) {
    throw foreignWrite(root, `its timeline has lost our commit ${last}, and the checkpoint with it`);
  }
  const newer = timeline.completed.find(
    (instant) => (last === null || instant > last) && instant !== record.pending,
  );
  if (newer !== undefined) throw foreignWrite(root, `the commit ${newer} is not one that we know of`);
}

/** Holds the files of the table against its last commit. */
export function checkSlices(root: string, view: FileSystemView, last: CommitMetadata | null): void {
  const [unknown] = view.unknown;
  if (unknown !== undefined) throw foreignWrite(root, `there is ${unknown}, which is no base file of ours`);
  const [uncommitted] = view.uncommitted;
  if (uncommitted !== undefined) {
    throw foreignWrite(root, `the base file ${uncommitted.file} belongs to no commit`);
  }
  const latest = view.latest();
  const misplaced = latest.find(
    (slice, i) => slice.bucket >= (last?.buckets ?? 0) || slice.bucket === latest[i + 1]?.bucket,
  );
  if (misplaced !== undefined) {
    throw foreignWrite(root, `the bucket of ${misplaced.file} is beyond the last or has two file groups`);
  }
  if (last !== null && slicesDigest(latest) !== last.slices) {
    throw corruptFile(
      root,
      "its base files are not those of the last commit; some are missing or were replaced",
    );
  }
}

export async function checkProperties(
  storage: Storage,
  paths: TablePaths,
  recordKeys: readonly string[] | null,
): Promise<void> {
  const bytes = await storage.read(paths.properties);
  if (bytes === null) throw foreignTable(paths.root, `${paths.properties} is missing`);
  const values = parseProperties(new TextDecoder().decode(bytes));
  const problem = propertiesProblem(values, recordKeys);
  if (problem !== null) throw foreignTable(paths.root, problem);
  if ((await storage.list(join(paths.hoodie, "metadata"))).length > 0) {
    throw foreignTable(paths.root, "it has a metadata table, which our commits would not keep up to date");
  }
}

/** Rows of the latest slices, from their footers, which shows at the same time that they can be read. */
export async function countSlices(
  db: LakeDatabase,
  root: string,
  view: FileSystemView,
): Promise<readonly CountedSlice[]> {
  const latest = view.latest();
  if (latest.length === 0) return [];
  const rowsOf = (paths: readonly string[]): Promise<readonly (readonly unknown[])[]> =>
    db.use((sql) =>
      sql.rows(`SELECT file_name, num_rows FROM parquet_file_metadata([${paths.map(literal).join(", ")}])`),
    );
  const paths = latest.map((slice) => join(root, slice.file));
  let found: readonly (readonly unknown[])[];
  try {
    found = await rowsOf(paths);
  } catch (error) {
    if (!(error instanceof DuckFailure)) throw error;
    for (const path of paths) {
      await rowsOf([path]).catch((cause: unknown) => {
        throw cause instanceof DuckFailure ? corruptBaseFile(path, cause) : cause;
      });
    }
    throw error;
  }
  const rowsByPath = new Map(found.map(([path, rows]) => [String(path), Number(rows)]));
  return latest.map((slice) => {
    const rows = rowsByPath.get(join(root, slice.file));
    assert(rows !== undefined, `no footer was read for ${slice.file}`);
    return { ...slice, rows };
  });
}

export const totalRows = (slices: readonly CountedSlice[]): number =>
  slices.reduce((sum, slice) => sum + slice.rows, 0);
