/**
 * The content of a completed commit: Hudi's JSON, and under `extraMetadata` what makes the commit the only
 * truth about the table: checkpoint, schema, counts, fence. Keys of other tools are left alone.
 */
import { z } from "zod";
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from "../types/checkpoint.ts";
import { GtidSet } from "../types/gtid.ts";
import { decodeHopCounts, encodeHopCounts, type HopCount } from "../types/hop-count.ts";
import { ZERO_DATE_POLICIES, type ZeroDatePolicy } from "../types/lake-type.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { decodeTableSchema, encodeTableSchema } from "./table-schema-json.ts";

/** One base file of a commit. */
export interface WriteStat {
  readonly fileId: string;
  readonly path: string;
  /** Instant of the slice that was replaced; null for a new file group. */
  readonly previous: string | null;
  readonly rows: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly bytes: number;
}

export interface CommitMetadata {
  readonly operation: "BULK_INSERT" | "UPSERT";
  readonly stats: readonly WriteStat[];
  /** Avro schema of the rows, without the meta columns. */
  readonly avro: string;
  readonly checkpoint: Checkpoint;
  readonly schema: TableSchema;
  readonly counts: readonly HopCount[];
  /** Number of the writer that committed: each opening of the table takes the next one. */
  readonly fence: number;
  readonly buckets: number;
  readonly zeroDates: ZeroDatePolicy;
  /** Dates without a calendar day that this commit stored as NULL. */
  readonly zeroDateNulls: number;
  /** Digest of the latest slices after this commit, see `file-system-view.ts`. */
  readonly slices: string;
  readonly rowsAfter: number;
  /** Low watermark of the snapshot in a first commit; null in any other. */
  readonly snapshotFrom: GtidSet | null;
}

/** Of our keys below; a commit of another version is refused, not guessed at. */
const FORMAT_VERSION = "1";

export function encodeCommit(commit: CommitMetadata): string {
  const json = {
    partitionToWriteStats: { "": commit.stats.map(statJson) },
    compacted: false,
    extraMetadata: {
      schema: commit.avro,
      "tallylake.version": FORMAT_VERSION,
      "tallylake.checkpoint": encodeCheckpoint(commit.checkpoint),
      "tallylake.schema": encodeTableSchema(commit.schema),
      "tallylake.counts": encodeHopCounts(commit.counts),
      "tallylake.fence": String(commit.fence),
      "tallylake.buckets": String(commit.buckets),
      "tallylake.zeroDates": commit.zeroDates,
      "tallylake.zeroDateNulls": String(commit.zeroDateNulls),
      "tallylake.slices": commit.slices,
      "tallylake.rows": String(commit.rowsAfter),
      ...(commit.snapshotFrom === null ? {} : { "tallylake.snapshotFrom": commit.snapshotFrom.toString() }),
    },
    operationType: commit.operation,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

const statJson = (stat: WriteStat): object => ({
  fileId: stat.fileId,
  path: stat.path,
  cdcStats: null,
  // Hudi writes the word where there is no previous commit.
  prevCommit: stat.previous ?? "null",
  numWrites: stat.rows,
  numDeletes: stat.deleted,
  numUpdateWrites: stat.updated,
  numInserts: stat.inserted,
  totalWriteBytes: stat.bytes,
  totalWriteErrors: 0,
  tempPath: null,
  partitionPath: "",
  totalLogRecords: 0,
  totalLogFilesCompacted: 0,
  totalLogSizeCompacted: 0,
  totalUpdatedRecordsCompacted: 0,
  totalLogBlocks: 0,
  totalCorruptLogBlock: 0,
  totalRollbackBlocks: 0,
  fileSizeInBytes: stat.bytes,
  minEventTime: null,
  maxEventTime: null,
  runtimeStats: { totalScanTime: 0, totalUpsertTime: 0, totalCreateTime: 0 },
});

const natural = z
  .string()
  .regex(/^\d{1,16}$/)
  .transform(Number)
  .refine(Number.isSafeInteger);

const writeStatJson = z.object({
  fileId: z.string(),
  path: z.string(),
  prevCommit: z.string(),
  numWrites: z.number(),
  numInserts: z.number(),
  numUpdateWrites: z.number(),
  numDeletes: z.number(),
  fileSizeInBytes: z.number(),
});

const commitJson = z.object({
  partitionToWriteStats: z.object({ "": z.array(writeStatJson) }),
  operationType: z.enum(["BULK_INSERT", "UPSERT"]),
  extraMetadata: z.object({
    schema: z.string(),
    "tallylake.version": z.literal(FORMAT_VERSION),
    "tallylake.checkpoint": z.string().transform(decodeCheckpoint),
    "tallylake.schema": z.string().transform(decodeTableSchema),
    "tallylake.counts": z.string().transform(decodeHopCounts),
    "tallylake.fence": natural,
    "tallylake.buckets": natural,
    "tallylake.zeroDates": z.enum(ZERO_DATE_POLICIES),
    "tallylake.zeroDateNulls": natural,
    "tallylake.slices": z.string(),
    "tallylake.rows": natural,
    "tallylake.snapshotFrom": z
      .string()
      .transform((text) => GtidSet.parse(text))
      .optional(),
  }),
});

const anyCommitJson = z.object({ extraMetadata: z.record(z.string(), z.unknown()).nullish() });

/** What the text of a completed commit turns out to be. */
export type ReadCommit =
  | { readonly kind: "ours"; readonly commit: CommitMetadata }
  /** A well-formed commit of another writer. */
  | { readonly kind: "foreign" }
  | { readonly kind: "corrupt"; readonly reason: string };

export function decodeCommit(text: string): ReadCommit {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { kind: "corrupt", reason: error instanceof Error ? error.message : "not JSON" };
  }
  const any = anyCommitJson.safeParse(json);
  if (!any.success) return { kind: "corrupt", reason: z.prettifyError(any.error) };
  if (any.data.extraMetadata?.["tallylake.version"] === undefined) return { kind: "foreign" };
  try {
    return { kind: "ours", commit: commitOf(commitJson.parse(json)) };
  } catch (error) {
    return {
      kind: "corrupt",
      reason: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
    };
  }
}

function commitOf(json: z.infer<typeof commitJson>): CommitMetadata {
  const extra = json.extraMetadata;
  return {
    operation: json.operationType,
    stats: json.partitionToWriteStats[""].map((stat) => ({
      fileId: stat.fileId,
      path: stat.path,
      previous: stat.prevCommit === "null" ? null : stat.prevCommit,
      rows: stat.numWrites,
      inserted: stat.numInserts,
      updated: stat.numUpdateWrites,
      deleted: stat.numDeletes,
      bytes: stat.fileSizeInBytes,
    })),
    avro: extra.schema,
    checkpoint: extra["tallylake.checkpoint"],
    schema: extra["tallylake.schema"],
    counts: extra["tallylake.counts"],
    fence: extra["tallylake.fence"],
    buckets: extra["tallylake.buckets"],
    zeroDates: extra["tallylake.zeroDates"],
    zeroDateNulls: extra["tallylake.zeroDateNulls"],
    slices: extra["tallylake.slices"],
    rowsAfter: extra["tallylake.rows"],
    snapshotFrom: extra["tallylake.snapshotFrom"] ?? null,
  };
}
