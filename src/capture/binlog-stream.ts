/**
 * Capture: the binlog of one server as a stream of row changes.
 *
 *     dump connection ──▶ EventFramer ──▶ TransactionAssembler ──▶ TrackedTables ──▶ batches, positions
 *     (binlog-connection)  (checksum)       (GTID … XID)            (row-decode)
 *                             └▶ EventCutter ─▲  events that were compressed together (transaction-payload)
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
 * | heartbeats come, and not what the server has | the same: its logs were reset under the reader            |
 * | checksum wrong                              | the same, a few times: the wire or the disk                |
 * | event, statement, value not understood      | the stream, or the one table, ends with a named error      |
 * | consumer slow                               | the socket is paused; the server waits                     |
 *
 * Limits: one server, GTIDs on, full row images and metadata.
 */
import { isSyncError, syncError } from "../types/errors.ts";
import type { RowForm } from "../types/change-batch.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import type { CaptureItem, StreamItem } from "../types/ports.ts";
import type { GtidSet } from "../types/gtid.ts";
import { readUpTo, type SourcePosition } from "../types/source-position.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { StopError } from "../util/abort.ts";
import type { SyncError } from "../util/errors.ts";
import type { Log } from "../util/log.ts";
import { backOffMs } from "../util/retry.ts";
import { sleep } from "../util/abort.ts";
import { step } from "../util/step.ts";
import { BinlogSession, type SessionLimits } from "./binlog-session.ts";
import { planDump, type HistoryRequest, type ServerHistory } from "./history.ts";
import type { Numbering } from "./batch-builder.ts";
import type { Charsets } from "./charset/charset-table.ts";
import type { Collations } from "./table-map.ts";
import { XaWatch } from "./xa-watch.ts";
import type { SpareMemory } from "../util/spare-memory.ts";

export interface BinlogStreamOptions {
  readonly driver: Readonly<Record<string, unknown>>;
  readonly serverId: number;
  readonly identity: SourceIdentity;
  readonly schemas: readonly TableSchema[];
  readonly from: SourcePosition;
  /** `server_uuid` that `from` was read on; null at the first connect after a snapshot was planned elsewhere. */
  readonly serverUuid: string | null;
  readonly collations: Collations;
  /** Of all text columns of the schemas. */
  readonly charsets: Charsets;
  readonly foldsCase: boolean;
  readonly countsSpatial: boolean;
  readonly form: RowForm;
  /** See `StreamRequest`. */
  readonly held: ReadonlyMap<string, GtidSet>;
  /** Of the program: what records say of who wrote them. */
  readonly version: string;
  /** Memory of batches that were handed out and are not read any more. */
  readonly spare: SpareMemory<SharedArrayBuffer>;
  readonly history: (request: HistoryRequest) => Promise<ServerHistory>;
  readonly onItem: (item: StreamItem) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly random: () => number;
  /** How long to try again while nothing comes from the source; null for ever. */
  readonly patienceMs: number | null;
  readonly limits?: Partial<StreamLimits>;
}

export interface StreamLimits extends SessionLimits {
  /** How often an event that cannot be read is asked for again before it counts as damaged at the source. */
  readonly rereadsMax: number;
  readonly reconnectMsMin: number;
  readonly reconnectMsMax: number;
  /** How long the server may take to count as executed what it has already sent. */
  readonly settleMs: number;
  /** How long it may take to answer a question. */
  readonly answerMsMax: number;
  /** How often a stream to which nothing comes is compared with what the server has. */
  readonly compareMs: number;
  /** How often XA transactions that stay prepared are told of. */
  readonly xaRemindMs: number;
}

const LIMITS: StreamLimits = {
  heartbeatMs: 5000,
  seekMsMax: 60_000,
  rowsMax: 50_000,
  bytesMax: 4 << 20,
  ageMs: 50,
  rereadsMax: 8,
  reconnectMsMin: 200,
  reconnectMsMax: 30_000,
  settleMs: 15_000,
  answerMsMax: 10_000,
  compareMs: 30_000,
  xaRemindMs: 60_000,
};

/** A connection that lasted this long has mended what was wrong before it. */
const CALM_MS = 60_000;
/** How often the time to look for the place is doubled: from a minute to an hour. */
const DOUBLINGS_MAX = 6;
/** Attempts in a row from which on a failure is logged as a warning, and as an error. */
const WARN_FROM = 3;
const ERROR_FROM = 8;

/** Streams until the signal aborts; rejects with the error that ends it for good. */
export class BinlogStream {
  readonly #options: BinlogStreamOptions;
  readonly #limits: StreamLimits;
  readonly #numbering: Numbering;
  readonly #xaWatch: XaWatch;
  /** Behind the last announced position: where a new connection begins. */
  #from: SourcePosition;
  #session: BinlogSession | null = null;
  #isPaused = false;
  #hasAppended = false;
  /** Connections in a row that ended without a new transaction. */
  #failures = 0;
  /** Those of them that ended with an event that could not be read. */
  #rereads = 0;
  /** Whether anything came on the last one. */
  #hasHeard = false;
  /** Those in a row on which nothing came at all: the server may need longer to find the place. */
  #mute = 0;
  /** When the first of them ended. */
  #awaySinceMs: number | null = null;

  constructor(options: BinlogStreamOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#from = options.from;
    const { log, now } = options;
    this.#xaWatch = new XaWatch(log, { now, remindMs: this.#limits.xaRemindMs });
    this.#numbering = { seq: options.from.seq, ordinal: 0 };
  }

  async run(): Promise<void> {
    const { now } = this.#options;
    while (!this.#isStopping()) {
      const beganMs = now();
      try {
        await this.#connectOnce();
        return;
      } catch (error) {
        // Whatever fails while we stop does not matter any more.
        if (this.#isStopping() || error instanceof StopError) return;
        if (this.#hasHeard && now() - beganMs >= CALM_MS) this.#hasProgressed();
        this.#mute = this.#hasHeard || !isSyncError(error, "BINLOG_SILENT") ? 0 : this.#mute + 1;
        await this.#recover(error);
      }
    }
  }

  #isStopping(): boolean {
    return this.#options.signal.aborted;
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

  /** Waits for the next attempt, or throws what no attempt will mend. */
  async #recover(error: unknown): Promise<void> {
    const { signal, random, now } = this.#options;
    const { rereadsMax, reconnectMsMin, reconnectMsMax } = this.#limits;
    this.#awaySinceMs ??= now();
    const isDamage = isSyncError(error) && REREAD.has(error.code);
    if (isDamage && ++this.#rereads > rereadsMax) throw error;
    if (!isDamage && !(isSyncError(error) && error.retryable)) throw error;
    this.#failures++;
    if (this.#hasAppended) this.#options.onItem({ kind: "abort" });
    this.#hasAppended = false;
    const delayMs = backOffMs(
      { delayMsMin: reconnectMsMin, delayMsMax: reconnectMsMax, random },
      this.#failures,
    );
    const awayMs = now() - this.#awaySinceMs;
    const { patienceMs } = this.#options;
    if (patienceMs !== null && awayMs + delayMs > patienceMs) throw error;
    this.#logFailure(error, delayMs, awayMs);
    await sleep(delayMs, signal).catch(() => undefined);
  }

  #logFailure(error: SyncError, delayMs: number, awayMs: number): void {
    const level = this.#failures >= ERROR_FROM ? "error" : this.#failures >= WARN_FROM ? "warn" : "info";
    this.#options.log[level]("the binlog connection was lost; connecting again", {
      code: error.code,
      cause: error.message,
      remedy: error.hint,
      position: this.#from.gtids.toString(),
      attempt: this.#failures,
      awayMs: Math.round(awayMs),
      retryInMs: Math.round(delayMs),
    });
  }

  #hasProgressed(): void {
    if (this.#failures >= WARN_FROM) this.#options.log.info("the binlog is read again");
    this.#failures = 0;
    this.#rereads = 0;
    this.#awaySinceMs = null;
  }

  /** One connection from the last announced position; resolves only when the signal aborts. */
  async #connectOnce(): Promise<void> {
    const options = this.#options;
    const request = planDump(this.#from, await this.#history(false), options.serverUuid);
    this.#hasHeard = false;
    step("capture.connect");
    const session = new BinlogSession({
      ...options,
      request,
      from: this.#from,
      numbering: this.#numbering,
      limits: {
        ...this.#limits,
        seekMsMax: this.#limits.seekMsMax * 2 ** Math.min(this.#mute, DOUBLINGS_MAX),
      },
      emit: (item) => {
        this.#emit(item);
      },
    });
    this.#session = session;
    if (this.#isPaused) session.pause();
    const over = new AbortController();
    const comparing = this.#compare(session, over.signal);
    try {
      await session.run();
    } finally {
      this.#session = null;
      this.#hasHeard = session.progress > 0;
      over.abort();
      await comparing;
    }
  }

  #history(withXa: boolean): Promise<ServerHistory> {
    const { history, serverUuid, signal } = this.#options;
    const { settleMs: waitMs, answerMsMax } = this.#limits;
    return history({ serverUuid, awaited: this.#from.gtids, waitMs, answerMsMax, withXa, signal });
  }

  /**
   * Asks the server for what it has while nothing comes. When its logs are reset under the reader, the server
   * goes on waiting at the place in the file that is gone, with heartbeats: only this shows that it is gone.
   */
  async #compare(session: BinlogSession, over: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([over, this.#options.signal]);
    const watch = this.#xaWatch;
    let seen = session.progress;
    while (await sleepUnlessAborted(this.#limits.compareMs, signal)) {
      // A server that still looks for the place in its binlogs says nothing; the connection knows how long it may.
      const isQuiet = !this.#isPaused && session.progress === seen && seen > 0;
      seen = session.progress;
      const prepared = session.preparedXa();
      watch.remind(prepared);
      session.abandonXa(watch.lost(prepared, readUpTo(session.position)));
      if (!isQuiet && prepared.length === 0) continue;
      // A source that does not answer shows by its connection.
      const server = await this.#history(prepared.length > 0).catch(() => null);
      if (server === null || signal.aborted) continue;
      watch.asked(prepared, server);
      if (!isQuiet || session.progress !== seen) continue;
      const gtids = readUpTo(this.#from);
      const isSame = server.executed.includes(gtids) && gtids.union(server.purged).includes(server.executed);
      if (!isSame) session.fail(stalled(server));
    }
  }

  #emit(item: CaptureItem): void {
    if (item.kind === "position") {
      this.#from = item.position;
      this.#hasAppended = false;
      if (item.transactions > 0) this.#hasProgressed();
    } else {
      this.#hasAppended = true;
    }
    this.#options.onItem(item);
  }
}

/** Whether the time has passed. */
async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, signal).catch(() => undefined);
  return !signal.aborted;
}

const stalled = (server: ServerHistory): Error =>
  syncError("BINLOG_SILENT", `the source has ${server.executed.toString()} and does not send it`, {
    hint: "the connection is opened again by itself, which shows whether the binary logs were reset",
  });

/** What another reading may mend, and what stays when it does not: the disk of the server, not the wire. */
const REREAD: ReadonlySet<string> = new Set(["BINLOG_EVENT_CORRUPT", "BINLOG_REFUSED"]);
