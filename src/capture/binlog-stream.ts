/**
 * Capture: the binlog of one server as a stream of row changes.
 *
 *     dump connection ──▶ EventFramer ──▶ TransactionAssembler ──▶ TrackedTables ──▶ batches, positions
 *     (binlog-connection)  (checksum)       (GTID … XID)            (row-decode)
 *
 * Job: from a position on, deliver every row change of the tables that we keep, in binlog order, each exactly
 * once per position, or say by name why not.
 *
 * Guarantees. A position is announced only behind a transaction that has ended, after all its batches. What
 * was handed out since the last position is void when `abort` follows, and comes again. `seq` only grows. On each
 * connect the server must show the last transaction once more, unchanged; otherwise its history is another one
 * and the stream ends (`history.ts`). Nothing that is not understood is skipped.
 *
 * | it breaks                                   | what follows                                              |
 * |---------------------------------------------|-----------------------------------------------------------|
 * | connection lost, server restarted           | connect again from the last announced position             |
 * | nothing comes, not even a heartbeat         | the same: a black hole looks like an idle server otherwise |
 * | checksum wrong                              | the same, a few times: the wire or the disk                |
 * | event, statement, value not understood      | the stream, or the one table, ends with a named error      |
 * | consumer slow                               | the socket is paused; the server waits                     |
 *
 * Limits: one server, GTIDs on, transactions without tags and not compressed, full row images and metadata.
 */
import { isSyncError } from "../types/errors.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import type { CaptureItem, StreamItem } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { StopError } from "../util/abort.ts";
import { SyncError } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { backOffMs } from "../util/retry.ts";
import { sleep } from "../util/abort.ts";
import { step } from "../util/step.ts";
import { BinlogSession, type SessionLimits } from "./binlog-session.ts";
import { planDump, type ServerHistory } from "./history.ts";
import type { Numbering } from "./batch-builder.ts";
import type { Collations } from "./table-map.ts";

export interface BinlogStreamOptions {
  readonly driver: Readonly<Record<string, unknown>>;
  readonly serverId: number;
  readonly identity: SourceIdentity;
  readonly schemas: readonly TableSchema[];
  readonly from: SourcePosition;
  /** `server_uuid` that `from` was read on; null at the first connect after a snapshot was planned elsewhere. */
  readonly serverUuid: string | null;
  readonly collations: Collations;
  readonly foldsCase: boolean;
  readonly history: () => Promise<ServerHistory>;
  readonly onItem: (item: StreamItem) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly random: () => number;
  readonly limits?: Partial<StreamLimits>;
}

export interface StreamLimits extends SessionLimits {
  /** Connections in a row that may fail before they announce anything. */
  readonly reconnectsMax: number;
}

const LIMITS: StreamLimits = {
  heartbeatMs: 5000,
  rowsMax: 50_000,
  bytesMax: 4 << 20,
  ageMs: 50,
  reconnectsMax: 8,
};

/** Streams until the signal aborts; rejects with the error that ends it for good. */
export class BinlogStream {
  readonly #options: BinlogStreamOptions;
  readonly #limits: StreamLimits;
  readonly #numbering: Numbering;
  /** Behind the last announced position: where a new connection begins. */
  #from: SourcePosition;
  #session: BinlogSession | null = null;
  #isPaused = false;
  #hasAppended = false;
  /** Connections in a row that ended before they announced anything. */
  #failures = 0;

  constructor(options: BinlogStreamOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#from = options.from;
    this.#numbering = { seq: options.from.seq, ordinal: 0 };
  }

  async run(): Promise<void> {
    for (;;) {
      try {
        await this.#connectOnce();
        return;
      } catch (error) {
        if (error instanceof StopError || this.#options.signal.aborted) return;
        await this.#recover(error);
      }
    }
  }

  /** Stops taking events until `resume`; the server waits. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#session?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#session?.resume();
  }

  async #recover(error: unknown): Promise<void> {
    this.#failures++;
    if (!isTransient(error) || this.#failures > this.#limits.reconnectsMax) throw error;
    if (this.#hasAppended) this.#options.onItem({ kind: "abort" });
    this.#hasAppended = false;
    const delayMs = backOffMs(
      { delayMsMin: 200, delayMsMax: 30_000, random: this.#options.random },
      this.#failures,
    );
    const fields = {
      code: error instanceof SyncError ? error.code : "",
      cause: error instanceof Error ? error.message : String(error),
      position: this.#from.gtids.toString(),
      retryInMs: Math.round(delayMs),
    };
    if (this.#failures > 2)
      this.#options.log.warn("the binlog connection was lost; connecting again", fields);
    else this.#options.log.info("the binlog connection was lost; connecting again", fields);
    await sleep(delayMs, this.#options.signal);
  }

  /** One connection from the last announced position; resolves only when the signal aborts. */
  async #connectOnce(): Promise<void> {
    const options = this.#options;
    const server = await options.history();
    const request = planDump(this.#from, server, options.serverUuid);
    step("capture.connect");
    const session = new BinlogSession({
      ...options,
      request,
      from: this.#from,
      numbering: this.#numbering,
      limits: this.#limits,
      emit: (item) => {
        this.#emit(item);
      },
    });
    this.#session = session;
    if (this.#isPaused) session.pause();
    try {
      await session.run();
    } finally {
      this.#session = null;
    }
  }

  #emit(item: CaptureItem): void {
    if (item.kind === "position") {
      this.#from = item.position;
      this.#failures = 0;
      this.#hasAppended = false;
    } else {
      this.#hasAppended = true;
    }
    this.#options.onItem(item);
  }
}

/** What a new connection may mend. */
function isTransient(error: unknown): boolean {
  return isSyncError(error) && (error.retryable || error.code === "BINLOG_EVENT_CORRUPT");
}
