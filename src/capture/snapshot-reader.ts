/**
 * Reads a table chunk by chunk. What a chunk needs from the rest of the snapshot is only that the low
 * watermark was read before it: each is a read view of its own, later than that watermark, and what changes
 * afterwards comes by the stream. So chunks may be read in any order, side by side, and again.
 *
 *     crash or error        what is left                 what the next attempt does
 *     while reading         a part, in the lake's hands  begins anew, and the lake drops the part
 *     after `read`          all of it, not yet staged    reads again
 *
 * A read view lives as long as its chunk, so the server keeps no long history for us, and DDL on the table waits
 * for one chunk at most. DDL between two chunks is for the stream to see, which has it between the watermarks.
 */
import { isSyncError, syncError } from "../types/errors.ts";
import type { ChunkRead, ChunkSink, SnapshotChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { throwIfAborted } from "../util/abort.ts";
import { errnoOf } from "./driver-error.ts";
import type { MysqlConnection } from "./connection.ts";
import { textCharsets } from "./catalogue.ts";
import { readCharsets } from "./charset/charset-reader.ts";
import type { Charsets } from "./charset/charset-table.ts";
import { chunkSource } from "./key-range.ts";
import { RowBuffers } from "./row-buffers.ts";
import { snapshotSelect } from "./snapshot-codec.ts";

const PROGRESS_ROWS = 10_000;

export interface ChunkReadOptions {
  /** Gets the rows; it is begun anew by each reading. */
  readonly sink: ChunkSink;
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** Called now and then with the rows that were read since the last call; for progress. */
  readonly onRows?: (rows: number) => void;
}

/** Reads chunks of one table and schema. */
export class SnapshotReader {
  readonly #schema: TableSchema;
  /** Buffers that no reading has at present; as many readings run at once, so many are made. */
  readonly #idle: RowBuffers[] = [];
  #charsets: Charsets | null = null;

  constructor(schema: TableSchema) {
    this.#schema = schema;
  }

  /**
   * One chunk at a time on a connection, and the connection is dropped when the read fails or is aborted.
   * @throws SyncError SNAPSHOT_COUNT when the rows are not as many as the server counts in the same read view,
   *   TABLE_SCHEMA_CHANGED when the table is no longer as the schema says, and those of the connection
   */
  async read(
    connection: MysqlConnection,
    chunk: SnapshotChunk,
    options: ChunkReadOptions,
  ): Promise<ChunkRead> {
    const { sink, now } = options;
    throwIfAborted(options.signal);
    this.#charsets ??= new Map(await readCharsets(connection, textCharsets(this.#schema)));
    const buffers = this.#idle.pop() ?? new RowBuffers(this.#schema, this.#charsets);
    try {
      await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
      const readAtMs = now();
      await sink.begin(readAtMs);
      buffers.begin(sink);
      const rows = await this.#copyRows(connection, chunk, { ...options, buffers });
      await this.#checkCount(connection, chunk, rows);
      await connection.query("COMMIT");
      await buffers.end();
      return { rows, readAtMs };
    } catch (error) {
      connection.destroy();
      await buffers.drop();
      throw this.#explain(error);
    } finally {
      this.#idle.push(buffers);
    }
  }

  async #copyRows(
    connection: MysqlConnection,
    chunk: SnapshotChunk,
    { buffers, signal, onRows }: ChunkReadOptions & { readonly buffers: RowBuffers },
  ): Promise<number> {
    let rows = 0;
    await connection.readPackets(
      `SELECT ${snapshotSelect(this.#schema)} ${chunkSource(this.#schema, chunk)}`,
      (packet, from, to) => {
        if (++rows % PROGRESS_ROWS === 0) onRows?.(PROGRESS_ROWS);
        return buffers.add(packet, from, to);
      },
      signal,
    );
    onRows?.(rows % PROGRESS_ROWS);
    return rows;
  }

  async #checkCount(connection: MysqlConnection, chunk: SnapshotChunk, rows: number): Promise<void> {
    const [row] = await connection.query(`SELECT COUNT(*) ${chunkSource(this.#schema, chunk)}`);
    const counted = Number(row?.[0]);
    if (counted === rows) return;
    throw syncError(
      "SNAPSHOT_COUNT",
      `chunk ${chunk.index} of ${formatTableId(this.#schema.id)} gave ${rows} rows, and the server counts ${counted} in the same read view`,
      { hint: "check the table with CHECK TABLE, then start again; if it stays, report it as a defect" },
    );
  }

  #explain(error: unknown): unknown {
    if (!isSyncError(error) || !SCHEMA_CHANGED.includes(errnoOf(error.cause))) return error;
    const table = formatTableId(this.#schema.id);
    return syncError("TABLE_SCHEMA_CHANGED", `${table} was altered while its snapshot was read`, {
      hint: "start again: the snapshot of this table begins anew with its new columns",
      cause: error,
    });
  }
}

/** Unknown column, unknown index, and "table definition has changed" since the read view was opened. */
const SCHEMA_CHANGED: readonly number[] = [1054, 1176, 1412];
