import { TableReader } from "../lake/table-reader.ts";
import { instantTimeMs } from "../lake/instant.ts";
import { isSyncError } from "../types/errors.ts";
import type { TableId } from "../types/table-id.ts";
import { SyncError } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import { traceOpener } from "./open-trace.ts";
import type { TraceStatus } from "./status-model.ts";

const NOTHING_KNOWN = { queuedCommits: null, oldestQueuedMs: null };

/**
 * What the trace store lacks, when no running `follow` says so: a server is asked for the newest commit that it
 * has of each table. The store that runs in process is not opened for this; it takes seconds to start, and could
 * be in a process's way that starts at the same moment.
 */
export async function traceStatus(
  { config, now, signal }: CommandContext,
  tables: readonly TableId[],
): Promise<TraceStatus> {
  const open = traceOpener(config, now);
  if (open === null) return { state: "off", ...NOTHING_KNOWN, error: null };
  if (config.trace.kind !== "url") return { state: "unknown", ...NOTHING_KNOWN, error: null };
  try {
    const store = await open();
    try {
      const queued: string[] = [];
      for (const id of tables) {
        signal.throwIfAborted();
        const recorded = await store.recordedThrough(config.source.name, id);
        const instants = await new TableReader(config.lakeDir, id).instants();
        queued.push(...instants.filter((instant) => recorded === null || instant > recorded));
      }
      const [oldest = null] = queued.sort();
      return {
        state: "ok",
        queuedCommits: queued.length,
        oldestQueuedMs: oldest === null ? null : instantTimeMs(oldest),
        error: null,
      };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const state = isSyncError(error, "TRACE_UNAVAILABLE") ? "away" : "unknown";
    return { state, ...NOTHING_KNOWN, error: error.message };
  }
}
