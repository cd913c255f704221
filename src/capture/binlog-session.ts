import type { RowForm } from "../types/change-batch.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { syncError } from "../types/errors.ts";
import type { CaptureItem } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { step } from "../util/step.ts";
import type { Numbering } from "./batch-builder.ts";
import type { Charsets } from "./charset/charset-table.ts";
import { openBinlog } from "./binlog-connection.ts";
import { EVENT, type EventHeader } from "./binlog-event.ts";
import { EventIntake } from "./event-intake.ts";
import type { DumpRequest } from "./history.ts";
import type { Collations } from "./table-map.ts";
import type { PreparedXa } from "./prepared-xa.ts";
import { TrackedTables } from "./tracked-tables.ts";
import { TransactionAssembler } from "./transaction.ts";
import type { SpareMemory } from "../util/spare-memory.ts";

export interface SessionLimits {
  readonly heartbeatMs: number;
  /** How long the server may look for the place in its binlogs. */
  readonly seekMsMax: number;
  /** A position is announced once this much waits, or after `ageMs`. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly ageMs: number;
  /** See `XaTransactions`. */
  readonly xaBytesMax?: number;
}

export interface SessionOptions {
  readonly driver: Readonly<Record<string, unknown>>;
  readonly serverId: number;
  readonly identity: SourceIdentity;
  readonly schemas: readonly TableSchema[];
  readonly collations: Collations;
  readonly charsets: Charsets;
  readonly foldsCase: boolean;
  readonly countsSpatial: boolean;
  readonly form: RowForm;
  readonly held: ReadonlyMap<string, GtidSet>;
  readonly version: string;
  readonly spare: SpareMemory<SharedArrayBuffer>;
  readonly request: DumpRequest;
  readonly from: SourcePosition;
  readonly numbering: Numbering;
  readonly limits: SessionLimits;
  readonly emit: (item: CaptureItem) => void;
  readonly signal: AbortSignal;
}

/** One connection to the binlog, from its position until it ends. */
export class BinlogSession {
  readonly #options: SessionOptions;
  readonly #intake: EventIntake;
  readonly #tables: TrackedTables;
  readonly #assembler: TransactionAssembler;
  readonly #ended = Promise.withResolvers<null>();
  #isOver = false;
  #progress = 0;
  #heartbeatAt = -1;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { version, identity, numbering, from, request, limits } = options;
    this.#tables = new TrackedTables({ ...options, recordSource: { ...identity, version } });
    const { expected } = request;
    const { xaBytesMax } = limits;
    this.#assembler = new TransactionAssembler({
      tables: this.#tables,
      identity,
      from,
      numbering,
      expected,
      ...(xaBytesMax === undefined ? {} : { xaBytesMax }),
    });
    this.#intake = new EventIntake({
      take: (bytes, header) => {
        this.#take(bytes, header);
      },
      onError: (error) => {
        this.#end(error);
      },
    });
  }

  /** Resolves when the signal aborts, with what is complete handed out; rejects when the connection ends. */
  async run(): Promise<void> {
    const { signal, limits } = this.#options;
    // It may be settled before anybody waits for it.
    this.#ended.promise.catch(() => undefined);
    const onAbort = (): void => {
      this.#attempt(() => {
        this.#flush();
      });
      this.#end(null);
    };
    const flusher = setInterval(() => {
      this.#attempt(() => {
        this.#flush();
      });
    }, limits.ageMs);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal.aborted) return;
      await this.#open();
      await this.#ended.promise;
    } finally {
      this.#isOver = true;
      clearInterval(flusher);
      signal.removeEventListener("abort", onAbort);
      await this.#intake.close();
    }
  }

  /**
   * Grows with everything that comes but heartbeats of one place: those come from a server that has nothing
   * to send, and from one that looks for it in the wrong place.
   */
  get progress(): number {
    return this.#progress;
  }

  /** Up to the last transaction that was read whole. */
  get position(): SourcePosition {
    return this.#assembler.position();
  }

  preparedXa(): readonly PreparedXa[] {
    return this.#assembler.prepared();
  }

  /** The tables of XA transactions that will never be decided stop. */
  abandonXa(xids: readonly string[]): void {
    for (const xid of xids) this.#assembler.abandon(xid);
  }

  /** Ends it with an error. */
  fail(error: Error): void {
    this.#end(error);
  }

  pause(): void {
    this.#intake.pause();
  }

  resume(): void {
    this.#intake.resume();
  }

  async #open(): Promise<void> {
    const { driver, serverId, request, limits, signal } = this.#options;
    const connection = await openBinlog({
      driver,
      serverId,
      without: request.without,
      heartbeatMs: limits.heartbeatMs,
      seekMsMax: limits.seekMsMax,
      signal,
      onEvent: (bytes, from, to) => {
        if (!this.#isOver) this.#intake.event(bytes, from, to);
      },
      onEnd: (error) => {
        this.#end(error ?? serverClosed());
      },
    });
    this.#intake.attach(connection);
  }

  #take(bytes: Uint8Array, header: EventHeader): void {
    if (header.type !== EVENT.heartbeat) this.#progress++;
    else if (header.endOffset !== this.#heartbeatAt) {
      this.#heartbeatAt = header.endOffset;
      this.#progress++;
    }
    this.#assembler.event(bytes, header);
    const { rowsMax, bytesMax } = this.#options.limits;
    const { pendingRows, pendingBytes } = this.#tables;
    if (pendingRows < rowsMax && pendingBytes < bytesMax) return;
    if (!this.#assembler.isInside) this.#flush();
    // A transaction larger than this is handed out in parts; its position follows at its end.
    else if (pendingBytes >= bytesMax * 2) this.#emitBatches();
  }

  /** Hands out what is complete; inside a transaction there is nothing that may be announced. */
  #flush(): void {
    if (this.#isOver || this.#assembler.isInside || !this.#assembler.hasMoved) return;
    this.#emitBatches();
    step("capture.position");
    this.#options.emit(this.#assembler.takePosition());
  }

  #emitBatches(): void {
    for (const batch of this.#assembler.takeBatches()) {
      step("capture.batch");
      this.#options.emit({ kind: "batch", batch });
    }
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error | null): void {
    if (error === null) this.#ended.resolve(null);
    else this.#ended.reject(error);
  }
}

const serverClosed = (): Error =>
  syncError("SOURCE_CONNECTION_LOST", "the server closed the binlog stream", {
    hint: "it is opened again by itself; was the server shut down?",
  });
