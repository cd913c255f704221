/**
 * Where everything stands, derived from what was seen and from nothing else: a table runs when its commits
 * say so, not because a process is there. Null stands for what is not known.
 */
import type { GtidSet } from "../types/gtid.ts";
import type { Checkpoint } from "../types/checkpoint.ts";
import { readUpTo, type BinlogOffset } from "../types/source-position.ts";
import type { ChannelStatus } from "./status-channel.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";

/** What was seen of the source a moment ago. */
export interface SourceHead {
  readonly version: string;
  readonly serverUuid: string;
  readonly executedGtids: GtidSet;
  readonly purgedGtids: GtidSet;
  readonly binlogEnd: BinlogOffset;
  readonly oldestBinlog: string | null;
  /** When it was seen, by the clock of the source where it is known. */
  readonly atMs: number;
}

export interface CommitFacts {
  readonly instant: string;
  /** By the clock of the machine that wrote it. */
  readonly atMs: number;
  /** Changes in it; 0 for a commit that only moves the checkpoint. */
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly rowsAfter: number | null;
}

export interface StopFacts {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Position up to which the table is complete. */
  readonly file: string;
  readonly offset: number;
}

export interface QuietFacts {
  /** The table lacks nothing up to here, although its last commit stands before it. */
  readonly through: GtidSet;
  /** Commit time of the last transaction in that; null when there is none. */
  readonly commitMs: number | null;
}

export interface TableStatusFacts {
  readonly id: TableId;
  /** Of the last commit; null before the first one, or when the lake cannot be read. */
  readonly checkpoint: Checkpoint | null;
  /** Newest first. Null when the lake cannot be read. */
  readonly commits: readonly CommitFacts[] | null;
  /** Why the lake cannot be read. */
  readonly lakeError: string | null;
  /** Of a snapshot that has begun, the first one or another. */
  readonly snapshot: { readonly chunksDone: number; readonly chunks: number | null } | null;
  readonly stop: StopFacts | null;
  /** Why its snapshot is being taken again; until that is done the table stays as it was there. */
  readonly renewal: StopFacts | null;
  /** Where a running `follow` stands with a table for which nothing has come since its last commit. */
  readonly quiet: QuietFacts | null;
}

/** Whether a process of ours is at work: what a lock or the daemon's own answer shows. */
export interface WorkerFacts {
  readonly state: "alive" | "absent" | "unknown";
  readonly pid: number | null;
  readonly sinceMs: number | null;
}

export interface TraceStatus {
  readonly state: "ok" | "away" | "off" | "unknown";
  readonly queuedCommits: number | null;
  readonly oldestQueuedMs: number | null;
  readonly error: string | null;
}

export interface StatusFacts {
  readonly nowMs: number;
  readonly source: {
    readonly name: string;
    readonly address: string;
    /** Null when it does not answer. */
    readonly head: SourceHead | null;
    readonly error: string | null;
  };
  readonly worker: WorkerFacts;
  readonly tables: readonly TableStatusFacts[];
  readonly trace: TraceStatus;
  /** Null without Kafka in the config. */
  readonly channel: ChannelStatus | null;
  /** The longest time between two commits of a table, empty ones included. */
  readonly idleEveryMs: number;
}

/** In the order in which they deserve attention. */
export const TABLE_STATES = [
  "stopped",
  "stalled",
  "unknown",
  "snapshot unfinished",
  "not started",
  "not running",
  "snapshot",
  "running",
  "up to date",
] as const;
export type TableState = (typeof TABLE_STATES)[number];

export interface TableStatus extends TableStatusFacts {
  readonly state: TableState;
  /** Transactions of the source that were not looked at for this table, whether or not they touch it. */
  readonly lagTransactions: bigint | null;
  /** `atMost`: the age of the last transaction that is in; the oldest one that is not may be younger. */
  readonly lag: { readonly ms: number; readonly atMost: boolean } | null;
  /** The binlog that the table needs next is gone. Null when it is not known. */
  readonly isPurged: boolean | null;
}

export interface StatusModel extends Omit<StatusFacts, "tables"> {
  /** Worst first. */
  readonly tables: readonly TableStatus[];
  readonly worst: WorstLag;
}

/** Of the table that is farthest behind, as far as that is known; null when it is known of none. */
export interface WorstLag {
  readonly lagTransactions: bigint | null;
  readonly lag: TableStatus["lag"];
  /** Tables of which one of the two is not known: the truth may be worse. */
  readonly unknownTables: number;
}

export function deriveStatus(facts: StatusFacts): StatusModel {
  const tables = facts.tables
    .map((table) => deriveTable(table, facts))
    .sort((a, b) => TABLE_STATES.indexOf(a.state) - TABLE_STATES.indexOf(b.state) || compareLag(a, b));
  return { ...facts, tables, worst: worstOf(tables) };
}

function deriveTable(table: TableStatusFacts, facts: StatusFacts): TableStatus {
  const { head } = facts.source;
  const committed = table.checkpoint?.position.gtids ?? null;
  const read = table.checkpoint === null ? null : readUpTo(table.checkpoint.position);
  const reached = read === null ? null : (table.quiet?.through ?? read);
  const lagTransactions =
    head === null || reached === null ? null : head.executedGtids.subtract(reached).size;
  return {
    ...table,
    lagTransactions,
    lag: lagOf(table, head, lagTransactions),
    isPurged: head === null || committed === null ? null : !committed.includes(head.purgedGtids),
    state: stateOf(table, facts, lagTransactions),
  };
}

function lagOf(
  table: TableStatusFacts,
  head: SourceHead | null,
  transactions: bigint | null,
): TableStatus["lag"] {
  if (head === null || transactions === null) return null;
  if (transactions === 0n) return { ms: 0, atMost: false };
  const committedUs = table.checkpoint?.position.last?.commitUs;
  const lastMs = table.quiet?.commitMs ?? (committedUs === undefined ? null : committedUs / 1000);
  return lastMs === null ? null : { ms: Math.max(0, head.atMs - lastMs), atMost: true };
}

/** Commits, empty ones included, come at least this often when all is well. */
const INTERVALS_MAX = 3;

function stateOf(table: TableStatusFacts, facts: StatusFacts, lagTransactions: bigint | null): TableState {
  const { worker } = facts;
  if (table.stop !== null) return "stopped";
  if (table.commits === null) return "unknown";
  if (table.renewal !== null) return "snapshot";
  const last = table.commits[0];
  if (last === undefined) {
    if (table.snapshot === null) return "not started";
    if (worker.state === "unknown") return "unknown";
    return worker.state === "alive" ? "snapshot" : "snapshot unfinished";
  }
  if (worker.state === "absent") return "not running";
  const isFresh = facts.nowMs - last.atMs <= INTERVALS_MAX * facts.idleEveryMs;
  // Without a word from the process, a fresh commit shows that it lived a moment ago, and nothing else does.
  if (worker.state === "unknown" && !isFresh) return "unknown";
  if (lagTransactions === 0n) return "up to date";
  return isFresh ? "running" : "stalled";
}

/** Farthest behind first; what is not known is worse than any number. */
function compareLag(a: TableStatus, b: TableStatus): number {
  const byTransactions =
    a.lagTransactions === b.lagTransactions
      ? 0
      : a.lagTransactions === null || (b.lagTransactions !== null && a.lagTransactions > b.lagTransactions)
        ? -1
        : 1;
  return byTransactions === 0 ? compareText(formatTableId(a.id), formatTableId(b.id)) : byTransactions;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function worstOf(tables: readonly TableStatus[]): WorstLag {
  let worst: WorstLag = { lagTransactions: null, lag: null, unknownTables: 0 };
  for (const { lagTransactions, lag } of tables) {
    worst = {
      lagTransactions: greater(lagTransactions, worst.lagTransactions),
      lag: lag !== null && (worst.lag === null || lag.ms > worst.lag.ms) ? lag : worst.lag,
      unknownTables: worst.unknownTables + (lagTransactions === null || lag === null ? 1 : 0),
    };
  }
  return worst;
}

const greater = (a: bigint | null, b: bigint | null): bigint | null =>
  a === null ? b : b === null || a > b ? a : b;
