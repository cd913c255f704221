import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { KeyedRows } from "../types/keyed-rows.ts";
import { corruptBaseFile } from "./bucket-writer.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { LakeDatabase, literal, readParquet } from "./duckdb.ts";
import { jsonMacros, selectJson } from "./row-json-sql.ts";
import type { TableSnapshot } from "./table-reader.ts";

export interface SnapshotRowsOptions {
  readonly memoryBytesMax: number;
  readonly tempDir: string;
}

/** Rows are handed on in pieces of at most this size, unless one row is larger. */
const PIECE_BYTES = 1 << 20;

/**
 * Reads states of tables row by row, as JSON, in the order of the files and of the rows in them: the same state has
 * the same order whenever it is read. In a DuckDB of its own, since the one of a table's writer keeps no order.
 */
export class SnapshotRows {
  readonly #db: LakeDatabase;

  private constructor(db: LakeDatabase) {
    this.#db = db;
  }

  static async open({ memoryBytesMax, tempDir }: SnapshotRowsOptions): Promise<SnapshotRows> {
    // One thread bounds what is read ahead; whoever takes the rows is the slower one.
    const db = await LakeDatabase.open({ memoryBytesMax, threads: 1, tempDir, isOrdered: true });
    for (const macro of jsonMacros()) await db.use((sql) => sql.run(macro));
    return new SnapshotRows(db);
  }

  /** The rows behind the first `skip` of them, in pieces. */
  async *rows(
    { commit: { schema, zeroDates }, files }: TableSnapshot,
    skip: number,
    signal: AbortSignal,
  ): AsyncGenerator<KeyedRows, void, void> {
    let left = skip;
    for (const file of files) {
      const rows = left === 0 ? 0 : await this.#count(file);
      if (left > 0 && rows <= left) {
        left -= rows;
        continue;
      }
      const source = left === 0 ? readParquet([file]) : `(FROM ${readParquet([file])} OFFSET ${left})`;
      left = 0;
      const statement = `SELECT _tl_key || _tl_row, strlen(_tl_key), strlen(_tl_row) FROM (${selectJson(schema, zeroDates, source)})`;
      try {
        for await (const chunk of this.#db.stream(statement, signal)) yield* pieces(chunk);
      } catch (error) {
        throw error instanceof DuckFailure ? corruptBaseFile(file, error) : error;
      }
    }
  }

  async #count(file: string): Promise<number> {
    const [row] = await this.#db.use((sql) =>
      sql.rows(`SELECT num_rows FROM parquet_file_metadata([${literal(file)}])`),
    );
    return Number(row?.[0]);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** The rows of a chunk, cut so that no piece is larger than it has to be. */
function* pieces(chunk: DuckDBDataChunk): Generator<KeyedRows, void, void> {
  const texts = chunk.getColumnValues(0) as readonly string[];
  const keyBytes = chunk.getColumnValues(1).map(Number);
  const rowBytes = chunk.getColumnValues(2).map(Number);
  let from = 0;
  let size = 0;
  for (let i = 0; i <= texts.length; i++) {
    const next = i === texts.length ? Infinity : (keyBytes[i] as number) + (rowBytes[i] as number);
    if (i > from && size + next > PIECE_BYTES) {
      yield piece(texts.slice(from, i), keyBytes.slice(from, i), rowBytes.slice(from, i));
      from = i;
      size = 0;
    }
    size += next;
  }
}

function piece(
  texts: readonly string[],
  keyBytes: readonly number[],
  rowBytes: readonly number[],
): KeyedRows {
  const count = texts.length;
  const keyEnd = new Uint32Array(count);
  const rowEnd = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    keyEnd[i] = end + (keyBytes[i] as number);
    end = (keyEnd[i] as number) + (rowBytes[i] as number);
    rowEnd[i] = end;
  }
  return { count, bytes: Buffer.from(texts.join("")), keyEnd, rowEnd };
}
