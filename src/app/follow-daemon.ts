import type { TableApplier } from "../dedup/table-applier.ts";
import type { Recorder } from "../trace/recorder.ts";
import { syncError } from "../types/errors.ts";
import { formatTableId } from "../types/table-id.ts";
import { parseTablePattern, type TablePattern } from "../types/table-pattern.ts";
import { StopError } from "../util/abort.ts";
import { messageOf } from "../util/errors.ts";
import type { CommandContext } from "./command.ts";
import type { DaemonStatus, DaemonTable } from "./daemon-protocol.ts";
import { DaemonServer, type DaemonAnswers } from "./daemon-server.ts";
import { daemonSocketPath } from "./daemon-socket.ts";
import type { FollowState } from "./follow.ts";
import { describeStop } from "./stop-register.ts";

/** What a running `follow` says of itself over its socket. */
export class FollowDaemon {
  readonly #context: CommandContext;
  readonly #recorder: Recorder;
  readonly #sinceMs: number;
  #state: FollowState | null = null;
  #server: DaemonServer | null = null;

  constructor(context: CommandContext, recorder: Recorder) {
    this.#context = context;
    this.#recorder = recorder;
    this.#sinceMs = context.now();
  }

  /** Nobody needs the socket for the data to go its way, so a socket that cannot be had is only said. */
  async open(): Promise<void> {
    const { config, log } = this.#context;
    try {
      this.#server = await DaemonServer.open(daemonSocketPath(config.stateDir), this.#answers());
    } catch (error) {
      log.warn("`status` and `report` cannot ask this process", { cause: messageOf(error) });
    }
  }

  /** The stream runs: from here on there is something to tell. */
  running(state: FollowState): void {
    this.#state = state;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  #answers(): DaemonAnswers {
    return {
      status: () => this.#status(),
      records: async (query) => {
        const { store } = this.#recorder;
        if (store !== null) return store.records(query);
        const { lastError } = this.#recorder.state();
        throw syncError("TRACE_UNAVAILABLE", lastError?.message ?? "the trace store is not open yet", {
          hint: lastError?.hint ?? "ask again in a moment",
        });
      },
      resnapshot: (patterns) => this.#resnapshot(patterns.map(parseTablePattern)),
      settle: async (timeoutMs) => {
        try {
          await this.#recorder.settled(AbortSignal.timeout(timeoutMs));
        } catch (error) {
          // What is still queued then shows in the status.
          if (!(error instanceof StopError)) throw error;
        }
      },
    };
  }

  #resnapshot(patterns: readonly TablePattern[]): readonly string[] {
    const state = this.#state;
    if (state?.resnapshot === undefined) {
      throw syncError("USAGE", "it does not read the source", {
        hint: "stop `tallylake apply`, and `tallylake capture`, before tables are read again",
      });
    }
    return state.resnapshot(patterns).map(formatTableId);
  }

  #status(): DaemonStatus {
    const { state, queuedCommits, oldestQueuedMs, lastError } = this.#recorder.state();
    const appliers = this.#state?.appliers ?? [];
    const renewals = this.#state?.underWay?.() ?? [];
    return {
      pid: process.pid,
      sinceMs: this.#sinceMs,
      stops: this.#state?.stops().map(describeStop) ?? [],
      renewals: renewals.map(({ stop, chunks }) => ({ ...describeStop(stop), chunks })),
      tables: appliers.flatMap(tableOf),
      trace: {
        state,
        queuedCommits,
        oldestQueuedMs,
        error: state === "away" ? (lastError?.message ?? null) : null,
      },
      backlog: this.#state?.backlog() ?? { rows: 0, bytes: 0 },
    };
  }
}

/**
 * Up to where a table is known to be as its last commit left it. Changes that wait for the next commit count
 * until that commit is complete, so without any the position that was offered last is such a place.
 */
function tableOf({ table, stop, position }: TableApplier): DaemonTable[] {
  const { checkpoint, id, pendingRows } = table;
  if (checkpoint === null) return [];
  const isQuiet = stop === null && pendingRows === 0 && position?.gtids.includes(checkpoint.position.gtids);
  const through = isQuiet === true && position !== null ? position : checkpoint.position;
  return [
    {
      database: id.database,
      table: id.table,
      checkpoint: checkpoint.position.gtids.toString(),
      through: through.gtids.toString(),
      throughCommitMs: through.last === null ? null : through.last.commitUs / 1000,
    },
  ];
}
