/**
 * MySQL, or MariaDB, as a source of changes: the snapshot's chunks, the stream of the binlog, and the two marks between
 * which the stream makes a snapshot exact.
 *
 * A table's first commit is an exact cut without locks. P, the low watermark, is noted before the first chunk:
 * all of its transactions are visible to any later read. H, the high one, is noted after the last chunk: it
 * covers all that any chunk can have seen. The chunks are read in any order, each at its own time between P and
 * H; then the changes from P to H are streamed and upserted onto them. A row that changed in between ends as
 * its last full image, a row that did not was read unchanged, so the result is the table at H. No keys are
 * compared outside of MySQL for it.
 *
 * The marks are `@@gtid_executed` for P and the end of the binlog for H, and not the other way round
 * (`watermark.ts` says why). On MariaDB P is what a consistent snapshot notes with its read view; what else is asked
 * in other words there is in `dialect.ts`.
 */
import { isSyncError } from "../types/errors.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { formatGtid, type Gtid, type GtidSet } from "../types/gtid.ts";
import type {
  ChangeSource,
  ChunkRead,
  ChunkTarget,
  SnapshotChunk,
  SnapshotStart,
  SourceStream,
  StreamRequest,
} from "../types/ports.ts";
import {
  encodeSourcePosition,
  type BinlogOffset,
  type LastTransaction,
  type SourcePosition,
} from "../types/source-position.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { sleep } from "../util/abort.ts";
import { BoundedQueue } from "../util/bounded-queue.ts";
import type { Log } from "../util/log.ts";
import { retry } from "../util/retry.ts";
import { messageOf } from "../util/errors.ts";
import type { StreamLimits } from "./binlog-stream.ts";
import { BinlogThread } from "./binlog-thread.ts";
import { readCatalogue } from "./catalogue.ts";
import { planChunks, type PlanStart } from "./chunk-plan.ts";
import type { MysqlConnection } from "./connection.ts";
import type { SourceEndpoint } from "./connection-options.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { historyBroken, planDump } from "./history.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { readSourceFacts, type SourceFacts } from "./source-facts.ts";
import { askHistory, plainEndpoint } from "./source-session.ts";
import { readAnchor } from "./anchor.ts";
import { requireNoOpenXa } from "./watermark.ts";

export interface MysqlSourceOptions {
  readonly endpoint: SourceEndpoint;
  readonly identity: SourceIdentity;
  /** Of the program: what records say of who wrote them. */
  readonly version: string;
  /** Replication id of this reader. */
  readonly serverId: number;
  readonly chunkRows: number;
  /** Bytes of batches that may be on their way from capture. */
  readonly queueBytes: number;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  /**
   * How long a question is asked again while the source is away; without it a question fails at once, and
   * only the reading of chunks is tried again for a while.
   */
  readonly patienceMs?: number;
  /** Other limits of the binlog stream than the usual ones. */
  readonly limits?: Partial<StreamLimits>;
}

/** A stream that gives up when the source stays away for so long; without it the stream never does. */
export interface MysqlStreamRequest extends StreamRequest {
  readonly patienceMs?: number | null;
}

const READ_PATIENCE_MS = 10_000;
/** A transaction can count as executed a moment before it shows among the prepared ones. */
const XA_SETTLE_MS = 200;
/** How long the server may take to count as executed what was read of its binlog. */
const EXECUTED_WAIT_MS = 15_000;
const PLANNED_AHEAD_MAX = 10_000;

export class MysqlSource implements ChangeSource {
  readonly #options: MysqlSourceOptions;
  readonly #pool: ConnectionPool;
  readonly #readers = new Map<TableSchema, SnapshotReader>();

  constructor(options: MysqlSourceOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(options.endpoint);
  }

  /** Sessions for questions that are not part of the port: preflight, status, the deep report. */
  get pool(): ConnectionPool {
    return this.#pool;
  }

  facts(): Promise<SourceFacts> {
    return this.#ask(readSourceFacts);
  }

  async lowWatermark(): Promise<SnapshotStart> {
    const { gtids, binlog } = await this.#ask((one) => one.dialect.readLowWatermark(one));
    // The transactions that were prepared before the mark must have ended before a chunk is read.
    await this.#ask(requireNoOpenXa);
    await sleep(XA_SETTLE_MS);
    await this.#ask(requireNoOpenXa);
    const { serverUuid, purgedGtids } = await this.facts();
    const last = await this.#anchor(gtids.subtract(purgedGtids), { gtids, serverUuid });
    return { position: { gtids, file: binlog.file, offset: binlog.offset, seq: 0, last }, serverUuid };
  }

  /**
   * What a later connect compares: the newest transaction of the mark that this server made itself, or one
   * that it got from another server. Null when none is left in the binlog, or it cannot be read.
   */
  async #anchor(
    there: GtidSet,
    mark: { readonly gtids: GtidSet; readonly serverUuid: string },
  ): Promise<LastTransaction | null> {
    const newest = newestOf(there, mark.serverUuid) ?? newestOfAny(there);
    if (newest === null) return null;
    const { endpoint, serverId, log } = this.#options;
    const gtid = formatGtid(newest);
    const without = mark.gtids.before(newest);
    try {
      return await this.#persist("read a transaction", () =>
        readAnchor({ endpoint, serverId, without, gtid }),
      );
    } catch (error) {
      if (!isSyncError(error) || !UNREADABLE.has(error.code)) throw error;
      log.warn("the history of the binlog cannot be checked before the next transaction", {
        code: error.code,
        gtid,
        cause: error.message,
      });
      return null;
    }
  }

  /**
   * Whether a place in the binlog is still one of this server's history. The stream asks the same of the place
   * where it begins, on each connect.
   * @throws SyncError SOURCE_CHANGED, SOURCE_HISTORY_BROKEN, SOURCE_HISTORY_UNVERIFIED, SOURCE_PURGED
   */
  async requireHistory(at: SourcePosition, serverUuid: string): Promise<void> {
    const request = { awaited: at.gtids, serverUuid, waitMs: EXECUTED_WAIT_MS, withXa: false };
    const history = await this.#ask((connection) => askHistory(connection, request));
    const { without, expected } = planDump(at, history, serverUuid);
    if (expected === null) return;
    const { endpoint, serverId } = this.#options;
    const found = await this.#persist("read a transaction", () =>
      readAnchor({ endpoint, serverId, without, gtid: expected.gtid }),
    );
    if (found.hash === expected.hash && found.commitUs === expected.commitUs) return;
    throw historyBroken(expected, `the server has ${found.hash} committed at ${found.commitUs}`);
  }

  highWatermark(): Promise<BinlogOffset> {
    return this.#ask(async (one) => (await one.dialect.readBinlogStatus(one)).end);
  }

  async head(): Promise<SourcePosition> {
    const { executedGtids, binlogEnd } = await this.facts();
    return { gtids: executedGtids, ...binlogEnd, seq: 0, last: null };
  }

  async *planChunks(schema: TableSchema, signal: AbortSignal): AsyncGenerator<SnapshotChunk, void, void> {
    const { chunkRows } = this.#options;
    // The walk goes ahead of the readers; bounds are small, and it is the readers that take the time.
    const found = new BoundedQueue<SnapshotChunk>({
      countMax: PLANNED_AHEAD_MAX,
      bytesMax: PLANNED_AHEAD_MAX,
    });
    let from: PlanStart = { index: 0, after: null };
    const walk = (): Promise<void> =>
      this.#pool.use(async (connection) => {
        for await (const chunk of planChunks(connection, schema, { chunkRows, from, signal })) {
          await found.put(chunk, 1, 1);
          from = { index: chunk.index + 1, after: chunk.through };
        }
        found.end();
      }, signal);
    const walking = this.#persist("plan chunks", walk, signal).catch((error: unknown) => {
      found.fail(error instanceof Error ? error : new Error(String(error)));
    });
    try {
      yield* found;
    } finally {
      found.end();
      await walking;
    }
  }

  readChunk(schema: TableSchema, chunk: SnapshotChunk, target: ChunkTarget): Promise<ChunkRead> {
    const { now } = this.#options;
    const { sink, signal } = target;
    const reader = this.#readers.get(schema) ?? new SnapshotReader(schema);
    this.#readers.set(schema, reader);
    const read = (): Promise<ChunkRead> =>
      this.#pool.use((connection) => reader.read(connection, chunk, { sink, now, signal }), signal);
    return this.#persist(`read chunk ${chunk.index} of ${formatTableId(schema.id)}`, read, signal);
  }

  /** A question that the source answers in a moment. */
  #ask<T>(question: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    const ask = (): Promise<T> => this.#pool.use(question);
    return this.#options.patienceMs === undefined ? ask() : this.#persist("ask the source", ask);
  }

  /** Does it again while the source is away, for as long as the patience lasts. */
  #persist<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { patienceMs = READ_PATIENCE_MS, random, log } = this.#options;
    let waitedMs = 0;
    return retry(work, {
      name,
      attemptsMax: Infinity,
      delayMsMin: 250,
      delayMsMax: 10_000,
      retryable: (error) => isAway(error) && waitedMs < patienceMs,
      onRetry: (error, attempt, delayMs) => {
        waitedMs += delayMs;
        log.warn("the source is away; trying again", {
          step: name,
          attempt,
          retryInMs: Math.round(delayMs),
          cause: messageOf(error),
        });
      },
      random,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async stream(request: MysqlStreamRequest): Promise<SourceStream> {
    const { endpoint, serverId, identity, version, queueBytes, log, limits = {} } = this.#options;
    const catalogue = await this.#pool.use((connection) => readCatalogue(connection, request.schemas));
    return new BinlogThread(
      {
        endpoint: plainEndpoint(endpoint),
        serverId,
        identity,
        schemas: request.schemas,
        from: encodeSourcePosition(request.from),
        serverUuid: request.serverUuid,
        form: request.form,
        held: [...(request.held ?? [])].map(([table, gtids]) => [table, gtids.toString()]),
        version,
        ...catalogue,
        outstandingBytesMax: queueBytes,
        patienceMs: request.patienceMs ?? null,
        limits,
      },
      log,
    );
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

/**
 * What may be over in a while. An open XA transaction is not: the mark that it spoils is worth nothing. Nor is a
 * full disk, which is none of the source's.
 */
const isAway = (error: unknown): boolean =>
  isSyncError(error) && error.retryable && /^(SOURCE|BINLOG)_(?!XA_OPEN$)/.test(error.code);

/** Transactions of kinds that the stream refuses; before a snapshot they do no harm. */
const UNREADABLE: ReadonlySet<string> = new Set([
  "BINLOG_STATEMENT",
  "BINLOG_COMPRESSED",
  "BINLOG_GTID",
  "BINLOG_INCIDENT",
  "BINLOG_EVENT_UNKNOWN",
]);

/** The highest number of an origin in the set. */
function newestOf(gtids: GtidSet, origin: string): Gtid | null {
  const number = gtids.newest(origin);
  return number === null ? null : { origin, number };
}

function newestOfAny(gtids: GtidSet): Gtid | null {
  for (const origin of gtids.origins) {
    const newest = newestOf(gtids, origin);
    if (newest !== null) return newest;
  }
  return null;
}
