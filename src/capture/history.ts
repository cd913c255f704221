import { syncError } from "../types/errors.ts";
import { parseGtid, type GtidSet } from "../types/gtid.ts";
import type { LastTransaction, SourcePosition } from "../types/source-position.ts";
import type { SyncError } from "../util/errors.ts";

/** What a server says of its history when we connect. */
export interface ServerHistory {
  readonly serverUuid: string;
  readonly executed: GtidSet;
  /** Transactions that are no longer in any binlog file. */
  readonly purged: GtidSet;
  /** XA transactions that were prepared before `executed` was read; null when it was not asked, or does not say. */
  readonly openXa: readonly string[] | null;
}

/** How the server is asked for its history. */
export interface HistoryRequest {
  /** The server that is meant; another one is not waited for. */
  readonly serverUuid: string | null;
  /**
   * Transactions that were read from its binlog. A transaction is there a little before it counts as executed
   * (with semi-synchronous replication as long as a replica keeps it waiting), so those are waited for.
   */
  readonly awaited: GtidSet;
  readonly waitMs: number;
  /** How long the server may take to answer, beside that and the time to connect. */
  readonly answerMsMax: number;
  /** Whether it is asked for its prepared XA transactions. */
  readonly withXa: boolean;
  readonly signal: AbortSignal;
}

export interface DumpRequest {
  /** Transactions that the server leaves out. */
  readonly without: GtidSet;
  /** The transaction that must come first and be as we remember it; null when there is none to compare. */
  readonly expected: LastTransaction | null;
}

/** @throws SyncError SOURCE_CHANGED */
export function requireSameServer(serverUuid: string, knownUuid: string | null): void {
  if (knownUuid === null || knownUuid === serverUuid) return;
  throw syncError("SOURCE_CHANGED", `the server at this address is ${serverUuid}; it was ${knownUuid}`, {
    hint: "point source.url at the old server; to go on with a new one raise `source.epoch`, remove the tables' folders from the lake and run `tallylake init`",
  });
}

const BROKEN =
  "the binary logs were reset, or the server was restored: raise `source.epoch` by one, remove the tables' folders from the lake and run `tallylake init`";

/** The error of a binlog that does not show the last transaction as it is remembered. */
export function historyBroken(expected: LastTransaction | null, what: string): SyncError {
  return syncError(
    "SOURCE_HISTORY_BROKEN",
    `the binlog has another history: ${expected?.gtid ?? "the last transaction"} (hash ${expected?.hash ?? "?"}) was read before, and ${what}`,
    { hint: BROKEN },
  );
}

/**
 * Whether the stream can go on behind `from` on this server, and what to ask it for: everything behind, and
 * the last transaction once more, as the proof that the history is the same one.
 * @throws SyncError when it cannot.
 */
export function planDump(from: SourcePosition, server: ServerHistory, knownUuid: string | null): DumpRequest {
  requireSameServer(server.serverUuid, knownUuid);
  const unknown = from.gtids.subtract(server.executed);
  if (!unknown.isEmpty) {
    throw syncError(
      "SOURCE_HISTORY_BROKEN",
      `the server does not have ${unknown.toString()}, which the lake holds`,
      { hint: BROKEN },
    );
  }
  requireBinlogs(from, server.purged);
  const { last } = from;
  if (last === null) return { without: from.gtids, expected: null };
  return { without: from.gtids.before(parseGtid(last.gtid)), expected: last };
}

/**
 * Whether the binlogs behind `from` are still there, and the one with its last transaction.
 * @throws SyncError SOURCE_PURGED, SOURCE_HISTORY_UNVERIFIED
 */
export function requireBinlogs(from: SourcePosition, purged: GtidSet): void {
  const missing = purged.subtract(from.gtids);
  if (!missing.isEmpty) {
    const isPrepared = from.prepared?.includes(missing) === true;
    const what = isPrepared ? ", which XA has prepared and not decided when they were read," : "";
    throw syncError(
      "SOURCE_PURGED",
      `the binlogs with ${missing.toString()}${what} are gone from the server`,
      {
        hint: "remove the tables' folders from the lake and run `tallylake init`; then raise binlog_expire_logs_seconds, so that it covers the longest time that `follow` is down",
      },
    );
  }
  const { last } = from;
  if (last === null || !purged.contains(parseGtid(last.gtid))) return;
  throw syncError(
    "SOURCE_HISTORY_UNVERIFIED",
    `${last.gtid}, the last transaction that was read, is gone from the binlogs: whether the history is still the same cannot be seen`,
    {
      hint: "remove the tables' folders from the lake and run `tallylake init`; then raise binlog_expire_logs_seconds",
    },
  );
}
