/**
 * Reads a table chunk by chunk. What a chunk needs from the rest of the snapshot is only that the low
 * watermark was read before it: each is a read view of its own, later than that watermark, and what changes
 * afterwards comes by the stream. So chunks may be read in any order, side by side, and again.
 *
 *     crash or error        what is left              what the next attempt does
 *     while reading         a part of the file        writes the file anew
 *     after `read`          the whole file            the file is not durable until it is staged: reads again
 *
 * A read view lives as long as its chunk, so the server keeps no long history for us, and DDL on the table waits
 * for one chunk at most. DDL between two chunks is for the stream to see, which has it between the watermarks.
 */
import { isSyncError, syncError } from "../types/errors.ts";
import type { ChunkRead, SnapshotChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { throwIfAborted } from "../util/abort.ts";
import { codeOf } from "../util/errors.ts";
import { errnoOf } from "./driver-error.ts";
import type { MysqlConnection } from "./connection.ts";
import { chunkSource } from "./key-range.ts";
import { LineFile } from "./line-file.ts";
import { compileRowLineWriter, snapshotSelect, type RowLineWriter } from "./snapshot-codec.ts";
import { stateFileError } from "./state-file-error.ts";

const PROGRESS_ROWS = 10_000;

export interface ChunkReadOptions {
  /** File for the lines of the chunk; replaced if it is there, removed when the read fails. */
  readonly file: string;
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** Called now and then with the rows that were read since the last call; for progress. */
  readonly onRows?: (rows: number) => void;
}

/** Reads chunks of one table and schema. */
export class SnapshotReader {
  readonly #schema: TableSchema;
  readonly #writeLine: RowLineWriter;

  constructor(schema: TableSchema) {
    this.#schema = schema;
    this.#writeLine = compileRowLineWriter(schema);
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
    const { file: path, now } = options;
    throwIfAborted(options.signal);
    let file: LineFile | null = null;
    try {
      file = await LineFile.create(path);
      await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
      const readAtMs = now();
      const rows = await this.#copyRows(connection, chunk, { ...options, lines: file });
      await this.#checkCount(connection, chunk, rows);
      await connection.query("COMMIT");
      return { rows, bytes: await file.end(), readAtMs };
    } catch (error) {
      connection.destroy();
      await file?.abandon();
      throw this.#explain(error, path);
    }
  }

  async #copyRows(
    connection: MysqlConnection,
    chunk: SnapshotChunk,
    { lines, signal, onRows }: ChunkReadOptions & { readonly lines: LineFile },
  ): Promise<number> {
    const writeLine = this.#writeLine;
    let rows = 0;
    await connection.readPackets(
      `SELECT ${snapshotSelect(this.#schema)} ${chunkSource(this.#schema, chunk)}`,
      (packet, from, to) => {
        writeLine(packet, from, to, lines.writer, rows++);
        if (rows % PROGRESS_ROWS === 0) onRows?.(PROGRESS_ROWS);
        return lines.lineWritten();
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

  #explain(error: unknown, path: string): unknown {
    const table = formatTableId(this.#schema.id);
    if (isSyncError(error) && SCHEMA_CHANGED.includes(errnoOf(error.cause))) {
      return syncError("TABLE_SCHEMA_CHANGED", `${table} was altered while its snapshot was read`, {
        hint: "start again: the snapshot of this table begins anew with its new columns",
        cause: error,
      });
    }
    const code = codeOf(error);
    if (isSyncError(error) || !code.startsWith("E")) return error;
    return stateFileError(error, `cannot write ${path} for ${table}: ${code}`);
  }
}

/** Unknown column, and "table definition has changed" since the read view was opened. */
const SCHEMA_CHANGED: readonly number[] = [1054, 1412];
