import { z } from "zod";
import { decodeHopCounts, encodeHopCounts } from "../types/hop-count.ts";
import type { TraceQuery, TraceRecord } from "../types/ports.ts";

/** What the daemon is asked: one line of JSON, answered by one line. */
export type DaemonRequest =
  | { readonly method: "status" }
  | { readonly method: "records"; readonly query: TraceQuery }
  /** Brings all counts to the store first, for at most so long. */
  | { readonly method: "settle"; readonly timeoutMs: number }
  /** Takes the snapshots of tables again, given by patterns; answered by the names of those. */
  | { readonly method: "resnapshot"; readonly tables: readonly string[] };

const tableId = z.strictObject({ database: z.string(), table: z.string() });

export const daemonRequest = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("status") }),
  z.strictObject({
    method: z.literal("records"),
    query: z.strictObject({
      source: z.string(),
      tables: z.array(tableId),
      sinceMs: z.number(),
    }),
  }),
  z.strictObject({ method: z.literal("settle"), timeoutMs: z.number().min(0).max(60_000) }),
  z.strictObject({ method: z.literal("resnapshot"), tables: z.array(z.string()) }),
]);

/** A table that stopped. */
export const daemonStop = z.strictObject({
  database: z.string(),
  table: z.string(),
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  file: z.string(),
  offset: z.number(),
  /** The same position as a GTID set. */
  gtids: z.string(),
});

export type DaemonStop = Readonly<z.infer<typeof daemonStop>>;

/** A table that stands still while its snapshot is taken again; progress is null before the chunks are planned. */
const daemonRenewal = daemonStop.extend({
  chunks: z.strictObject({ done: z.number(), total: z.number() }).nullable(),
});

/** A table that is followed, by positions as GTID sets. */
const daemonTable = z.strictObject({
  database: z.string(),
  table: z.string(),
  /** Of its last commit. */
  checkpoint: z.string(),
  /** No change has come for it behind the checkpoint up to here. */
  through: z.string(),
  /** Commit time of the last transaction in that, milliseconds since 1970; null when there is none. */
  throughCommitMs: z.number().nullable(),
});

export type DaemonTable = Readonly<z.infer<typeof daemonTable>>;

export const daemonStatus = z.strictObject({
  pid: z.number(),
  sinceMs: z.number(),
  stops: z.array(daemonStop),
  renewals: z.array(daemonRenewal),
  tables: z.array(daemonTable),
  trace: z.strictObject({
    state: z.enum(["ok", "away", "off", "unknown"]),
    queuedCommits: z.number().nullable(),
    oldestQueuedMs: z.number().nullable(),
    error: z.string().nullable(),
  }),
  backlog: z.strictObject({ rows: z.number(), bytes: z.number() }),
});

/** What the daemon knows of itself beyond what its commits say. */
export type DaemonStatus = Readonly<z.infer<typeof daemonStatus>>;

const plainRecord = z.strictObject({
  source: z.string(),
  table: tableId,
  commit: z.string(),
  committedAtMs: z.number(),
  fromGtids: z.string(),
  toGtids: z.string(),
  snapshotGtids: z.string().nullable(),
  counts: z.string(),
});

export const daemonRecords = z.array(plainRecord);

export const encodeRecord = (record: TraceRecord): z.infer<typeof plainRecord> => ({
  ...record,
  table: { ...record.table },
  counts: encodeHopCounts(record.counts),
});

export const decodeRecord = (plain: z.infer<typeof plainRecord>): TraceRecord => ({
  ...plain,
  counts: decodeHopCounts(plain.counts),
});
