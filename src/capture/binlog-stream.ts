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
import { syncError, isSyncError } from "../types/errors.ts";
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
import { openBinlog, type BinlogConnection } from "./binlog-connection.ts";
import { EventFramer } from "./binlog-event.ts";
import { planDump, type DumpRequest, type ServerHistory } from "./history.ts";
import type { Numbering } from "./batch-builder.ts";
import type { Collations } from "./table-map.ts";
import { TrackedTables } from "./tracked-tables.ts";
import { TransactionAssembler } from "./transaction.ts";

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

export interface StreamLimits {
  readonly heartbeatMs: number;
  /** A position is announced once this much waits, or after `ageMs`. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly ageMs: number;
  readonly reconnectsMax: number;
}

const LIMITS: StreamLimits = {
  heartbeatMs: 5000,
  rowsMax: 50_000,
  bytesMax: 4 << 20,
  ageMs: 50,
  reconnectsMax: 8,
};
/** Heartbeat periods of silence after which a connection counts as dead. */
const SILENCE_PERIODS = 3;

/** Streams until the signal aborts; rejects with the error that ends it for good. */
export class BinlogStream {
  readonly #options: BinlogStreamOptions;
  readonly #limits: StreamLimits;
  readonly #numbering: Numbering;
  /** Behind the last announced position: where a new connection begins. */
  #from: SourcePosition;
  #connection: BinlogConnection | null = null;
  #isPaused = false;
  #lastEventMs = 0;
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
    this.#connection?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lastEventMs = this.#options.now();
    this.#connection?.resume();
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
    const { signal } = this.#options;
    const server = await this.#options.history();
    const request = planDump(this.#from, server, this.#options.serverUuid);
    const session = new Session(this.#options, {
      request,
      from: this.#from,
      numbering: this.#numbering,
      limits: this.#limits,
      emit: (item) => {
        this.#emit(item);
      },
    });
    this.#lastEventMs = this.#options.now();
    step("capture.connect");
    await new Promise<void>((resolve, reject) => {
      const watchdog = setInterval(() => {
        if (this.#isPaused) return;
        const silentMs = this.#options.now() - this.#lastEventMs;
        if (silentMs > this.#limits.heartbeatMs * SILENCE_PERIODS) end(silent(silentMs));
      }, this.#limits.heartbeatMs / 2);
      const flusher = setInterval(() => {
        guard(() => {
          session.flushIfDue();
        });
      }, this.#limits.ageMs);
      let over = false;
      const end = (error: Error | null): void => {
        if (over) return;
        over = true;
        clearInterval(watchdog);
        clearInterval(flusher);
        signal.removeEventListener("abort", onAbort);
        const connection = this.#connection;
        this.#connection = null;
        const done = (): void => {
          if (error === null) resolve();
          else reject(error);
        };
        if (connection === null) done();
        else void connection.close().then(done, done);
      };
      const guard = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          end(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const onAbort = (): void => {
        guard(() => {
          session.flush();
        });
        end(null);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      openBinlog({
        driver: this.#options.driver,
        serverId: this.#options.serverId,
        without: request.without,
        heartbeatMs: this.#limits.heartbeatMs,
        onEvent: (bytes, from, to) => {
          this.#lastEventMs = this.#options.now();
          if (!over) session.event(bytes, from, to);
        },
        onEnd: (error) => {
          end(error ?? serverClosed());
        },
      }).then(
        (connection) => {
          if (over) void connection.close();
          else this.#connection = connection;
          if (this.#isPaused) connection.pause();
        },
        (error: unknown) => {
          end(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
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

interface SessionOptions {
  readonly request: DumpRequest;
  readonly from: SourcePosition;
  readonly numbering: Numbering;
  readonly limits: StreamLimits;
  readonly emit: (item: CaptureItem) => void;
}

/** What lives as long as one connection. */
class Session {
  readonly #framer = new EventFramer();
  readonly #tables: TrackedTables;
  readonly #assembler: TransactionAssembler;
  readonly #session: SessionOptions;

  constructor(options: BinlogStreamOptions, session: SessionOptions) {
    this.#session = session;
    const { numbering, from, request } = session;
    const { schemas, collations, foldsCase, identity } = options;
    this.#tables = new TrackedTables({ schemas, collations, foldsCase, numbering });
    const { expected } = request;
    this.#assembler = new TransactionAssembler({ tables: this.#tables, identity, from, numbering, expected });
  }

  event(bytes: Uint8Array, from: number, to: number): void {
    this.#assembler.event(bytes, this.#framer.frame(bytes, from, to));
    const { rowsMax, bytesMax } = this.#session.limits;
    const isFull = this.#tables.pendingRows >= rowsMax || this.#tables.pendingBytes >= bytesMax;
    if (!isFull) return;
    if (!this.#assembler.isInside) this.flush();
    // A transaction larger than this is handed out in parts; its position follows at its end.
    else if (this.#tables.pendingBytes >= bytesMax * 2) this.#emitBatches();
  }

  flushIfDue(): void {
    if (this.#assembler.hasMoved) this.flush();
  }

  /** Hands out what is complete; inside a transaction there is nothing that may be announced. */
  flush(): void {
    if (this.#assembler.isInside) return;
    this.#emitBatches();
    if (!this.#assembler.hasMoved) return;
    step("capture.position");
    this.#session.emit(this.#assembler.takePosition());
  }

  #emitBatches(): void {
    for (const batch of this.#assembler.takeBatches()) {
      step("capture.batch");
      this.#session.emit({ kind: "batch", batch });
    }
  }
}

/** What a new connection may mend. */
function isTransient(error: unknown): boolean {
  return isSyncError(error) && (error.retryable || error.code === "BINLOG_EVENT_CORRUPT");
}

const silent = (silentMs: number): Error =>
  syncError(
    "BINLOG_SILENT",
    `nothing came from the source for ${Math.round(silentMs / 1000)} s, not even a heartbeat`,
    {
      hint: "the connection is opened again by itself; look at the network between here and the source",
    },
  );

const serverClosed = (): Error =>
  syncError("SOURCE_CONNECTION_LOST", "the server closed the binlog stream", {
    hint: "it is opened again by itself; was the server shut down?",
  });
