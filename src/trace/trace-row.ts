import { createHash } from "node:crypto";
import { z } from "zod";
import { mergeCounts } from "../types/batch-count.ts";
import { COUNT_CLASSES, encodeHopCounts, HOPS, type HopCount } from "../types/hop-count.ts";
import type { TraceRecord } from "../types/ports.ts";
import type { TableId } from "../types/table-id.ts";

/** A row as ClickHouse takes it in JSONCompactEachRow; 64-bit integers are text. */
export type InsertRow = readonly (string | number | boolean | null)[];

/** Columns of an INSERT, in the order of the rows made here. */
export const COUNT_COLUMNS =
  "source, hop, `database`, `table`, commit, minute, class, recording, " +
  "rows, ids_sum, ids_xor, has_content, content_sum, content_xor, committed_at, recorded_at";
export const COMMIT_COLUMNS =
  "source, `database`, `table`, commit, recording, count_rows, from_gtids, to_gtids, snapshot_gtids, committed_at, recorded_at";

/** A record that is ready to insert: its counts first, then the commit row that makes them valid. */
export interface RecordRows {
  readonly counts: readonly InsertRow[];
  readonly commit: InsertRow;
  /** Rows with the same partition may share an INSERT, which is then one atomic part. */
  readonly partition: string;
}

export const isInstant = (commit: string): boolean => /^\d{17}$/.test(commit);

/** `2026-11-21 01:02:03.456`, in UTC. */
export const storedTime = (ms: number): string =>
  new Date(ms).toISOString().replace("T", " ").replace("Z", "");

export function encodeRecord(record: TraceRecord, recordedAtMs: number): RecordRows {
  const { source, table, commit } = record;
  const counts = orderedCounts(record.counts);
  const recording = recordingOf(record, counts);
  const committedAt = storedTime(record.committedAtMs);
  const recordedAt = storedTime(recordedAtMs);
  const key = [source, table.database, table.table, commit] as const;
  return {
    partition: isInstant(commit) ? commit.slice(0, 6) : "arm",
    counts: counts.map(({ hop, class: countClass, minute, rows, ids, content }) => [
      ...[source, hop, table.database, table.table, commit, minute, countClass, recording],
      ...[rows, ids.sum.toString(), ids.xor.toString()],
      ...[content !== null, (content?.sum ?? 0n).toString(), (content?.xor ?? 0n).toString()],
      ...[committedAt, recordedAt],
    ]),
    commit: [
      ...[...key, recording, counts.length, record.fromGtids, record.toGtids],
      ...[record.snapshotGtids, committedAt, recordedAt],
    ],
  };
}

/** One count for each hop, class and minute, which is what the sorting key tells apart, in a fixed order. */
export const orderedCounts = (counts: readonly HopCount[]): readonly HopCount[] =>
  [...mergeCounts(counts)].sort(compareCounts);

const compareCounts = (a: HopCount, b: HopCount): number =>
  HOPS.indexOf(a.hop) - HOPS.indexOf(b.hop) ||
  a.minute - b.minute ||
  COUNT_CLASSES.indexOf(a.class) - COUNT_CLASSES.indexOf(b.class);

/**
 * Names what was recorded, so that the same record gives the same rows whoever sends it again, and other
 * counts for the same commit never mix with it.
 */
function recordingOf(record: TraceRecord, counts: readonly HopCount[]): string {
  const text = JSON.stringify([
    record.committedAtMs,
    record.fromGtids,
    record.toGtids,
    record.snapshotGtids,
    encodeHopCounts(counts),
  ]);
  return BigInt(`0x${createHash("sha256").update(text).digest("hex").slice(0, 16)}`).toString();
}

const commitRow = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.string(),
]);

/** In the order of the tuple that `decodeCommit` reads. */
export const COMMIT_SELECT =
  "`database`, `table`, commit, toString(recording), count_rows, from_gtids, to_gtids, snapshot_gtids, " +
  "toString(toUnixTimestamp64Milli(committed_at))";

export interface StoredCommit extends Omit<TraceRecord, "source" | "counts"> {
  readonly recording: string;
  readonly countRows: number;
}

export function decodeCommit(row: unknown): StoredCommit {
  const [database, table, commit, recording, countRows, ...rest] = commitRow.parse(row);
  const [fromGtids, toGtids, snapshotGtids, ms] = rest;
  const positions = { fromGtids, toGtids, snapshotGtids };
  return {
    table: { database, table },
    commit,
    recording,
    countRows,
    ...positions,
    committedAtMs: Number(ms),
  };
}

const digits = z.string().regex(/^\d{1,20}$/);
const countRow = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.enum(HOPS),
  z.enum(COUNT_CLASSES),
  z.number(),
  digits,
  digits,
  digits,
  z.boolean(),
  digits,
  digits,
]);

/** In the order of the tuple that `decodeCount` reads. */
export const COUNT_SELECT =
  "`database`, `table`, commit, toString(recording), hop, class, minute, toString(rows), " +
  "toString(ids_sum), toString(ids_xor), has_content, toString(content_sum), toString(content_xor)";

export interface StoredCount {
  readonly key: string;
  readonly count: HopCount;
}

export function decodeCount(row: unknown): StoredCount {
  const [database, table, commit, recording, hop, countClass, minute, rows, ...digests] = countRow.parse(row);
  const [idsSum, idsXor, hasContent, contentSum, contentXor] = digests;
  return {
    key: recordingKey({ table: { database, table }, commit, recording }),
    count: {
      hop,
      class: countClass,
      minute,
      rows: Number(rows),
      ids: { sum: BigInt(idsSum), xor: BigInt(idsXor) },
      content: hasContent ? { sum: BigInt(contentSum), xor: BigInt(contentXor) } : null,
    },
  };
}

export const recordingKey = (of: {
  readonly table: TableId;
  readonly commit: string;
  readonly recording: string;
}): string => JSON.stringify([of.table.database, of.table.table, of.commit, of.recording]);
