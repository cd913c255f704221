import type { CommitFacts, SourceHead, StatusFacts, TableStatusFacts } from "../../src/app/status-model.ts";
import type { Checkpoint } from "../../src/types/checkpoint.ts";
import { GtidSet } from "../../src/types/gtid.ts";

/*
 * What `status` may find: a source, a process and tables in all states, at a fixed time.
 */

export const UUID = "11111111-2222-3333-4444-555555555555";
export const NOW = Date.UTC(2026, 10, 21, 12);
export const set = (through: number | bigint, from = 1): GtidSet =>
  GtidSet.parse(`${UUID}:${from}-${through}`);

export const HEAD: SourceHead = {
  version: "9.7.4",
  serverUuid: UUID,
  executedGtids: set(2000),
  purgedGtids: set(100),
  binlogEnd: { file: "binlog.000042", offset: 1234 },
  oldestBinlog: "binlog.000040",
  atMs: NOW,
};

export const checkpoint = (through: number, agoMs: number): Checkpoint => ({
  source: "shop",
  epoch: 1,
  serverUuid: UUID,
  position: {
    gtids: set(through),
    file: "binlog.000041",
    offset: 77,
    seq: 5,
    last: { gtid: `${UUID}:${through}`, commitUs: (NOW - agoMs) * 1000, hash: "00" },
  },
});

export const commit = (agoMs: number, rest: Partial<CommitFacts> = {}): CommitFacts => ({
  ...{
    instant: "20261121115959000",
    atMs: NOW - agoMs,
    inserted: 3,
    updated: 2,
    deleted: 1,
    rowsAfter: 1_200_000,
  },
  ...rest,
});

export const table = (name: string, rest: Partial<TableStatusFacts> = {}): TableStatusFacts => ({
  id: { database: "shop", table: name },
  checkpoint: checkpoint(2000, 1000),
  commits: [commit(5000)],
  lakeError: null,
  snapshot: null,
  stop: null,
  renewal: null,
  quiet: null,
  ...rest,
});

export const FACTS: StatusFacts = {
  nowMs: NOW,
  source: { name: "shop", address: "db:3306", head: HEAD, error: null },
  worker: { state: "alive", pid: 4242, sinceMs: NOW - 3_600_000 },
  tables: [table("orders")],
  trace: { state: "ok", queuedCommits: 0, oldestQueuedMs: null, error: null },
  channel: null,
  idleEveryMs: 300_000,
};

export const NEVER: Partial<TableStatusFacts> = { checkpoint: null, commits: [] };
export const BEHIND: Partial<TableStatusFacts> = { checkpoint: checkpoint(1990, 60_000) };
export const OLD: Partial<TableStatusFacts> = { ...BEHIND, commits: [commit(900_001)] };
export const STOP = {
  code: "TABLE_DDL",
  message: "ALTER TABLE shop.orders",
  hint: "run `tallylake init`",
  file: "binlog.000041",
  offset: 70,
};
export const NO_SOURCE: Partial<StatusFacts> = {
  source: { ...FACTS.source, head: null, error: "connection refused" },
};
export const worker = (state: "absent" | "unknown"): Partial<StatusFacts> => ({
  worker: { state, pid: null, sinceMs: null },
});

export const MANY: StatusFacts = {
  ...FACTS,
  tables: [
    table("orders"),
    table("customer", {
      ...BEHIND,
      commits: [commit(2000, { instant: "20261121115958000", inserted: 0, updated: 0, deleted: 0 })],
    }),
    table("refund", { ...BEHIND, stop: STOP, commits: [commit(360_000, { rowsAfter: null })] }),
    table("new\u001b[2J", NEVER),
    table("big", { ...NEVER, snapshot: { chunksDone: 41, chunks: 120 } }),
    table("broken", { commits: null, checkpoint: null, lakeError: "the timeline file x is corrupt" }),
    table("late", { checkpoint: checkpoint(99, 1000) }),
  ],
  trace: { state: "away", queuedCommits: 12, oldestQueuedMs: NOW - 302_000, error: "connection refused" },
};
