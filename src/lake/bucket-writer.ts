/** Writes the base files of one commit: for each bucket a marker, the file, its place. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { syncError } from "../types/errors.ts";
import { assert } from "../util/assert.ts";
import { step } from "../util/step.ts";
import { writeBaseFile } from "./base-file.ts";
import type { WriteStat } from "./commit-metadata.ts";
import { literal, type LakeDatabase, type Sql } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { formatBaseFileName, newFileId } from "./file-name.ts";
import type { FileSlice } from "./file-system-view.ts";
import type { TablePaths } from "./lake-path.ts";
import { TEMP_PREFIX } from "./storage-local.ts";
import type { Storage } from "./storage.ts";
import type { BucketFile } from "./upsert.ts";

/** A slice with the number of its rows, from its footer. */
export interface CountedSlice extends FileSlice {
  readonly rows: number;
}

/** A bucket that a commit touches. */
export interface BucketWork {
  readonly bucket: number;
  /** Null when the bucket has no file yet. */
  readonly old: CountedSlice | null;
  /** Keys that the commit upserts and deletes; null when it replaces whatever the bucket had. */
  readonly changes: { readonly upserts: number; readonly deletes: number } | null;
}

export interface CommitPlan {
  readonly instant: string;
  /** Avro schema with the meta columns. */
  readonly avro: string;
  /** How many columns the source has. */
  readonly columns: number;
  /** All rows of the bucket's new file. `old` is the path of the slice whose rows it keeps, if any. */
  readonly select: (to: BucketFile, old: string | null) => string;
  /** A row for each number that is -0.0 in what the bucket's rows come from; null where there are no such columns. */
  readonly selectMinusZero: (bucket: number, old: string | null) => string | null;
  /** How many rows of the old slice go. */
  readonly selectDeleted: (bucket: number, old: string) => string;
}

export interface BucketWriterOptions {
  readonly db: LakeDatabase;
  readonly storage: Storage;
  readonly paths: TablePaths;
}

export class BucketWriter {
  readonly #options: BucketWriterOptions;

  constructor(options: BucketWriterOptions) {
    this.#options = options;
  }

  /** Writes all files, durably. After an error no file is still being written. */
  async write(works: readonly BucketWork[], plan: CommitPlan): Promise<readonly WriteStat[]> {
    const { db, storage, paths } = this.#options;
    if (works.length === 0) return [];
    await storage.createFolder(paths.markers(plan.instant));
    const queue = [...works];
    const stats: WriteStat[] = [];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const work = next;
        const stat = await db.use((sql) => this.#writeBucket(sql, work, plan));
        if (stat !== null) stats.push(stat);
      }
    };
    const workers = Array.from({ length: Math.min(db.threads, works.length) }, () =>
      worker().catch((error: unknown) => {
        queue.length = 0;
        throw error;
      }),
    );
    for (const end of await Promise.allSettled(workers)) {
      if (end.status === "rejected") throw end.reason;
    }
    await storage.syncFolder(paths.root);
    step("lake.files.durable");
    return stats.sort((a, b) => (a.fileId < b.fileId ? -1 : 1));
  }

  async #writeBucket(sql: Sql, work: BucketWork, plan: CommitPlan): Promise<WriteStat | null> {
    const { storage, paths } = this.#options;
    const { bucket, old, changes } = work;
    const { instant } = plan;
    const fileId = old?.fileId ?? newFileId(bucket, randomUUID());
    const file = formatBaseFileName({ fileId, writeToken: `${bucket}-0-0`, instant });
    const oldPath = old === null || changes === null ? null : join(paths.root, old.file);
    await storage.createEmpty(
      join(paths.markers(instant), `${file}.marker.${old === null ? "CREATE" : "MERGE"}`),
    );
    step("lake.file.marker");
    // Not a name that ends in .parquet: ClickHouse takes every such file below the table for a base file.
    const temp = join(paths.aux, `${TEMP_PREFIX}${fileId}-${instant}`);
    const select = plan.select({ bucket, instant, file }, oldPath);
    const rows = await this.#guarded(sql, oldPath, async () => {
      const minusZero = plan.selectMinusZero(bucket, oldPath);
      const hasMinusZero = minusZero !== null && (await sql.rows(`${minusZero} LIMIT 1`)).length > 0;
      return writeBaseFile(sql, { select, path: temp, avro: plan.avro, columns: plan.columns, hasMinusZero });
    });
    step("lake.file.written");
    if (rows === 0 && old === null) {
      await storage.remove(temp);
      return null;
    }
    const deleted = await this.#deletedRows(sql, work, plan);
    const bytes = await storage.adopt(temp, join(paths.root, file));
    step("lake.file.renamed");
    return {
      fileId,
      path: file,
      previous: old?.instant ?? null,
      rows,
      bytes,
      ...split(work, { rows, deleted }),
    };
  }

  async #deletedRows(sql: Sql, { bucket, old, changes }: BucketWork, plan: CommitPlan): Promise<number> {
    if (old === null || changes === null || changes.deletes === 0) return 0;
    const path = join(this.#options.paths.root, old.file);
    const [[deleted] = []] = await sql.rows(plan.selectDeleted(bucket, path));
    return Number(deleted);
  }

  /** Finds out, by reading it as a whole, whether it is the old slice that cannot be read. */
  async #guarded<T>(sql: Sql, oldPath: string | null, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DuckFailure) || oldPath === null) throw error;
      try {
        await sql.rows(`SELECT max(hash(o)) FROM read_parquet(${literal(oldPath)}) o`);
      } catch (cause) {
        throw corruptBaseFile(oldPath, cause);
      }
      throw error;
    }
  }
}

/** What became of the bucket's rows, from the numbers of rows before and after. */
function split(
  { old, changes }: BucketWork,
  written: { readonly rows: number; readonly deleted: number },
): { readonly inserted: number; readonly updated: number; readonly deleted: number } {
  const { rows, deleted } = written;
  if (old === null || changes === null) return { inserted: rows, updated: 0, deleted: 0 };
  const updated = old.rows + changes.upserts - deleted - rows;
  const inserted = changes.upserts - updated;
  assert(
    updated >= 0 && inserted >= 0,
    `a merge of ${old.rows} rows with ${changes.upserts} upserts gave ${rows}`,
  );
  return { inserted, updated, deleted };
}

export const corruptBaseFile = (path: string, cause: unknown): Error =>
  syncError("LAKE_CORRUPT", `the base file ${path} cannot be read`, {
    hint: "Restore the file from a backup, or move the table away and run init again.",
    cause,
  });
