import type { HopCount } from "../../src/types/hop-count.ts";
import type { TraceRecord } from "../../src/types/ports.ts";
import type { TableId } from "../../src/types/table-id.ts";

export const ORDERS: TableId = { database: "shop", table: "orders" };
export const UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

export const count = (partial: Partial<HopCount> = {}): HopCount => ({
  hop: "capture",
  class: "c",
  minute: 29_000_000,
  rows: 1,
  ids: { sum: 1n, xor: 1n },
  content: null,
  ...partial,
});

/** Commit number `i` of a table, ten seconds after the one before. */
export function traceRecord(i: number, partial: Partial<TraceRecord> = {}): TraceRecord {
  const committedAtMs = Date.UTC(2026, 10, 21, 10, 0, 0) + i * 10_000;
  return {
    source: "src",
    table: ORDERS,
    commit: instantOf(committedAtMs),
    committedAtMs,
    fromGtids: i === 0 ? "" : `${UUID}:1-${i * 10}`,
    toGtids: `${UUID}:1-${(i + 1) * 10}`,
    snapshotGtids: null,
    counts: [count({ rows: i })],
    ...partial,
  };
}

export const instantOf = (ms: number): string => new Date(ms).toISOString().replaceAll(/\D/g, "");
