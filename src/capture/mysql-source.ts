/**
 * MySQL as a source of changes: the snapshot's chunks, the stream of the binlog, and the two marks between
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
 * (`watermark.ts` says why).
 */
import { syncError } from "../types/errors.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import { formatGtid, GtidSet, type Gtid } from "../types/gtid.ts";
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
import type { TableSchema } from "../types/table-schema.ts";
import { BoundedQueue } from "../util/bounded-queue.ts";
import type { Log } from "../util/log.ts";
import { retry } from "../util/retry.ts";
import { SyncError } from "../util/errors.ts";
import type { StreamLimits } from "./binlog-stream.ts";
import { BinlogThread } from "./binlog-thread.ts";
import { planChunks } from "./chunk-plan.ts";
import type { SourceEndpoint } from "./connection-options.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { SnapshotReader } from "./snapshot-reader.ts";
import { readSourceFacts, type SourceFacts } from "./source-facts.ts";
import { plainEndpoint } from "./source-session.ts";
import { readAnchor } from "./anchor.ts";
import { readHighWatermark, readLowWatermark, requireNoOpenXa } from "./watermark.ts";

export interface MysqlSourceOptions {
  readonly endpoint: SourceEndpoint;
  readonly identity: SourceIdentity;
  /** Replication id of this reader. */
  readonly serverId: number;
  readonly chunkRows: number;
  /** Bytes of batches that may be on their way from capture. */
  readonly queueBytes: number;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  /** Other limits of the binlog stream than the usual ones. */
  readonly limits?: Partial<StreamLimits>;
}

/** A stream that gives up when the source stays away for so long; without it the stream never does. */
export interface MysqlStreamRequest extends StreamRequest {
  readonly patienceMs?: number | null;
}

/** What the stream needs of the server's own tables. */
interface Catalogue {
  readonly collations: readonly (readonly [number, string])[];
  readonly foldsCase: boolean;
}

const READ_ATTEMPTS_MAX = 5;
const PLANNED_AHEAD_MAX = 10_000;

export class MysqlSource implements ChangeSource {
  readonly #options: MysqlSourceOptions;
  readonly #pool: ConnectionPool;
  readonly #readers = new Map<TableSchema, SnapshotReader>();
  #catalogue: Catalogue | null = null;

  constructor(options: MysqlSourceOptions) {
    this.#options = options;
    this.#pool = new ConnectionPool(options.endpoint);
  }

  /** Sessions for questions that are not part of the port: preflight, status, the deep report. */
  get pool(): ConnectionPool {
    return this.#pool;
  }

  facts(): Promise<SourceFacts> {
    return this.#pool.use(readSourceFacts);
  }

  async lowWatermark(): Promise<SnapshotStart> {
    const { gtids, binlog } = await this.#pool.use(readLowWatermark);
    // The transactions that were prepared before the mark must have ended before a chunk is read.
    await this.#pool.use(requireNoOpenXa);
    const { serverUuid, purgedGtids } = await this.facts();
    const last = await this.#anchor(gtids, { serverUuid, purgedGtids });
    return { position: { gtids, file: binlog.file, offset: binlog.offset, seq: 0, last }, serverUuid };
  }

  /** What a later connect compares: the newest transaction of the mark that this server made itself. */
  async #anchor(
    gtids: GtidSet,
    server: { readonly serverUuid: string; readonly purgedGtids: GtidSet },
  ): Promise<LastTransaction | null> {
    const newest = newestOf(gtids, server.serverUuid);
    if (newest === null || server.purgedGtids.contains(newest)) return null;
    const { endpoint, serverId } = this.#options;
    const without = gtids.subtract(GtidSet.parse(formatGtid(newest)));
    return readAnchor({ endpoint, serverId, without, gtid: formatGtid(newest) });
  }

  highWatermark(): Promise<BinlogOffset> {
    return this.#pool.use(readHighWatermark);
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
    const walking = this.#pool
      .use(async (connection) => {
        for await (const chunk of planChunks(connection, schema, { chunkRows, signal }))
          await found.put(chunk, 1, 1);
        found.end();
      }, signal)
      .catch((error: unknown) => {
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
    const { now, random, log } = this.#options;
    const { file, signal } = target;
    const reader = this.#readers.get(schema) ?? new SnapshotReader(schema);
    this.#readers.set(schema, reader);
    return retry(
      () => this.#pool.use((connection) => reader.read(connection, chunk, { file, now, signal }), signal),
      {
        name: "read a chunk",
        attemptsMax: READ_ATTEMPTS_MAX,
        delayMsMin: 250,
        delayMsMax: 10_000,
        retryable: (error) => error instanceof SyncError && error.retryable,
        onRetry: (error, attempt, delayMs) => {
          const cause = error instanceof Error ? error.message : String(error);
          log.warn("a chunk is read again", {
            chunk: chunk.index,
            attempt,
            retryInMs: Math.round(delayMs),
            cause,
          });
        },
        random,
        signal,
      },
    );
  }

  async stream(request: MysqlStreamRequest): Promise<SourceStream> {
    const { endpoint, serverId, identity, queueBytes, log, limits = {} } = this.#options;
    this.#catalogue ??= await this.#readCatalogue();
    return new BinlogThread(
      {
        endpoint: plainEndpoint(endpoint),
        serverId,
        identity,
        schemas: request.schemas,
        from: encodeSourcePosition(request.from),
        serverUuid: request.serverUuid,
        ...this.#catalogue,
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

  #readCatalogue(): Promise<Catalogue> {
    return this.#pool.use(async (connection) => {
      const rows = await connection.query("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS");
      const [names] = await connection.query("SELECT @@lower_case_table_names");
      const collations = rows.map(([id, charset]) => [Number(id), charset ?? ""] as const);
      if (collations.length === 0) {
        throw syncError("SOURCE_QUERY_FAILED", "information_schema.COLLATIONS is empty", {
          hint: "look at the server: a MySQL knows its collations",
        });
      }
      return { collations, foldsCase: names?.[0] !== "0" };
    });
  }
}

/** The highest number of an origin in the set. */
function newestOf(gtids: GtidSet, origin: string): Gtid | null {
  const number = gtids.newest(origin);
  return number === null ? null : { origin, number };
}
