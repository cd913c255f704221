import { lockHolder } from "../lake/lock-holder.ts";
import { isSyncError } from "../types/errors.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import type { Config } from "./config.ts";
import { DaemonClient } from "./daemon-client.ts";
import type { DaemonStatus } from "./daemon-protocol.ts";

/**
 * Who brings a table of the lake forward: a process does; one runs and leaves out the table, which has stopped;
 * nobody does; or none answers, and who holds the lock cannot be seen from here.
 */
export type TableWriter = "there" | "stopped" | "absent" | "unknown";

const BY_LOCK = { held: "there", free: "absent", unknown: "unknown" } as const;

/** A running `follow` is asked for what it follows; without one the lock of the table decides. */
export async function tableWriter(
  { stateDir, lakeDir }: Pick<Config, "stateDir" | "lakeDir">,
  id: TableId,
): Promise<TableWriter> {
  const status = await askFollow(stateDir);
  if (status !== null) return writerBy(status, id);
  return BY_LOCK[(await lockHolder(lakeDir, [id])).state];
}

/** Null when none runs, or the one that did is ending. */
async function askFollow(stateDir: string): Promise<DaemonStatus | null> {
  try {
    const daemon = await DaemonClient.find(stateDir);
    return daemon === null ? null : await daemon.status();
  } catch (error) {
    if (isSyncError(error, "DAEMON_UNAVAILABLE")) return null;
    throw error;
  }
}

/** What the answer of a running `follow` says of one table. */
export function writerBy(
  { tables, stops, renewals }: Pick<DaemonStatus, "tables" | "stops" | "renewals">,
  id: TableId,
): TableWriter {
  const isThis = (one: TableId): boolean => tableKey(one) === tableKey(id);
  if (stops.some(isThis)) return "stopped";
  if (renewals.some(isThis)) return "there";
  // It names no table before its stream runs.
  return tables.length === 0 || tables.some(isThis) ? "there" : "stopped";
}
