import { TableReader } from "../lake/table-reader.ts";
import { Recorder } from "../trace/recorder.ts";
import { syncError } from "../types/errors.ts";
import type { TraceQuery, TraceRecord } from "../types/ports.ts";
import type { TableId } from "../types/table-id.ts";
import type { CommandContext } from "./command.ts";
import { DaemonClient } from "./daemon-client.ts";
import { traceOpener } from "./open-trace.ts";

/** Recorded counts, from wherever they can be had. */
export interface TraceReader {
  records(query: TraceQuery): Promise<readonly TraceRecord[]>;
  /** Commits that the store does not have yet; null when that is not known. */
  readonly queuedCommits: number | null;
  close(): Promise<void>;
}

/** How long a report waits for counts that are on their way to the store. */
const SETTLE_MS = 10_000;

/**
 * The running `follow` is asked when there is one, since it holds the store that runs in process. Otherwise the
 * store is opened here, and first gets the commits of the lake that it lacks.
 */
export async function openTraceReader(
  context: CommandContext,
  tables: readonly TableId[],
): Promise<TraceReader> {
  const { config, log, now, signal } = context;
  const daemon = await DaemonClient.find(config.stateDir);
  if (daemon !== null) {
    await daemon.settle(SETTLE_MS);
    const { trace } = await daemon.status();
    return {
      records: (query) => daemon.records(query),
      queuedCommits: trace.queuedCommits,
      close: async () => undefined,
    };
  }
  const open = traceOpener(config, now);
  if (open === null) {
    throw syncError(
      "TRACE_UNAVAILABLE",
      "the config says `trace: off`, so no counts are kept outside of the commits",
      {
        hint: "set `trace` to a ClickHouse URL, or remove it for the one that runs in process",
      },
    );
  }
  const recorder = new Recorder({
    source: config.source.name,
    tables,
    open,
    commits: (id, after) => new TableReader(config.lakeDir, id).commits(after),
    log,
    now,
    random: Math.random,
  });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  running.catch(() => undefined);
  await recorder.settled(AbortSignal.any([signal, AbortSignal.timeout(SETTLE_MS)])).catch(() => undefined);
  const close = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  const { store } = recorder;
  if (store === null) {
    const { lastError } = recorder.state();
    await close();
    throw syncError(
      "TRACE_UNAVAILABLE",
      `the trace store cannot be read: ${lastError?.message ?? "it does not answer"}`,
      {
        hint:
          lastError?.hint ?? "look at the trace store, and run the report again: the counts wait in the lake",
      },
    );
  }
  return { records: (query) => store.records(query), queuedCommits: recorder.state().queuedCommits, close };
}
