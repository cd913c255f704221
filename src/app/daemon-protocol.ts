import { z } from "zod";
import { decodeHopCounts, encodeHopCounts } from "../types/hop-count.ts";
import type { TraceQuery, TraceRecord } from "../types/ports.ts";

/** What the daemon is asked: one line of JSON, answered by one line. */
export type DaemonRequest =
  | { readonly method: "status" }
  | { readonly method: "records"; readonly query: TraceQuery }
  /** Brings all counts to the store first, for at most so long. */
  | { readonly method: "settle"; readonly timeoutMs: number };

const tableId = z.strictObject({ database: z.string(), table: z.string() });

export const daemonRequest = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("status") }),
  z.strictObject({
    method: z.literal("records"),
    query: z.strictObject({
      source: z.string(),
      tables: z.array(tableId),
      sinceMs: z.number(),
      untilMs: z.number(),
    }),
  }),
  z.strictObject({ method: z.literal("settle"), timeoutMs: z.number().min(0).max(60_000) }),
]);

/** What the daemon knows of itself beyond what its commits say. */
export interface DaemonStatus {
  readonly pid: number;
  readonly sinceMs: number;
  readonly stops: readonly DaemonStop[];
  readonly trace: {
    readonly state: "ok" | "away" | "off" | "unknown";
    readonly queuedCommits: number | null;
    readonly oldestQueuedMs: number | null;
    readonly error: string | null;
  };
  readonly backlog: { readonly rows: number; readonly bytes: number };
}

export interface DaemonStop {
  readonly database: string;
  readonly table: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly file: string;
  readonly offset: number;
}

export const daemonStatus = z.strictObject({
  pid: z.number(),
  sinceMs: z.number(),
  stops: z.array(
    z.strictObject({
      database: z.string(),
      table: z.string(),
      code: z.string(),
      message: z.string(),
      hint: z.string(),
      file: z.string(),
      offset: z.number(),
    }),
  ),
  trace: z.strictObject({
    state: z.enum(["ok", "away", "off", "unknown"]),
    queuedCommits: z.number().nullable(),
    oldestQueuedMs: z.number().nullable(),
    error: z.string().nullable(),
  }),
  backlog: z.strictObject({ rows: z.number(), bytes: z.number() }),
});

const plainRecord = z.strictObject({
  source: z.string(),
  table: tableId,
  commit: z.string(),
  committedAtMs: z.number(),
  fromGtids: z.string(),
  toGtids: z.string(),
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
