import type { DuckDBDataChunk } from "@duckdb/node-api";
import {
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  type Data,
} from "apache-arrow";
import { syncError } from "../types/errors.ts";
import { must } from "../util/assert.ts";
import { arrowColumn, type ArrowBuilder, type ArrowColumn } from "./arrow-column.ts";

/** A batch ends at the first of these. */
const BATCH_ROWS = 65_536;
const BATCH_BYTES = 8 << 20;
/** Rows between two looks at the size: values of a row may be large. */
const ROWS_AT_ONCE = 16;
/** Offsets into the values of a batch are signed 32-bit integers. */
const VALUES_BYTES_MAX = 2 ** 31 - 1;

/** Hands out what the library writes piece by piece, which its own queue would gather without a bound. */
class PieceWriter extends RecordBatchStreamWriter {
  #pieces: Uint8Array[] = [];

  protected override _write(chunk: ArrayBufferView): this {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this._started && bytes.length > 0) {
      this.#pieces.push(bytes);
      this._position += bytes.length;
    }
    return this;
  }

  take(): Uint8Array {
    const pieces = this.#pieces;
    this.#pieces = [];
    return Buffer.concat(pieces);
  }
}

export interface ArrowStreamColumn {
  readonly name: string;
  readonly column: ArrowColumn;
}

export const arrowColumns = (
  columns: readonly { readonly name: string; readonly type: Parameters<typeof arrowColumn>[0] }[],
  names: readonly string[],
): readonly ArrowStreamColumn[] =>
  columns.map(({ type }, i) => ({ name: must(names[i], "the name of a column"), column: arrowColumn(type) }));

/** The Arrow IPC stream of a result, whose columns are those of `columns` in their SQL form. */
export async function* arrowStream(
  columns: readonly ArrowStreamColumn[],
  chunks: AsyncIterable<DuckDBDataChunk>,
): AsyncGenerator<Uint8Array, void, void> {
  const schema = new Schema(columns.map(({ name, column }) => new Field(name, column.type, true)));
  const writer = new PieceWriter({ autoDestroy: true });
  writer.reset(undefined, schema);
  yield writer.take();
  let batch = new Batch(columns);
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.rowCount; from += ROWS_AT_ONCE) {
      batch.append(chunk, from, Math.min(from + ROWS_AT_ONCE, chunk.rowCount));
      if (!batch.isFull) continue;
      writer.write(batch.finish(schema));
      yield writer.take();
      batch = new Batch(columns);
    }
  }
  if (batch.rows > 0) writer.write(batch.finish(schema));
  writer.finish();
  yield writer.take();
}

class Batch {
  readonly #columns: readonly ArrowStreamColumn[];
  readonly #builders: readonly ArrowBuilder[];
  rows = 0;

  constructor(columns: readonly ArrowStreamColumn[]) {
    this.#columns = columns;
    this.#builders = columns.map(({ column }) => column.start());
  }

  get isFull(): boolean {
    const bytes = this.#builders.reduce((sum, builder) => sum + builder.bytes, 0);
    return this.rows >= BATCH_ROWS || bytes >= BATCH_BYTES;
  }

  append(chunk: DuckDBDataChunk, from: number, to: number): void {
    this.#builders.forEach((builder, i) => {
      const vector = chunk.getColumnVector(i);
      for (let row = from; row < to; row++) builder.append(vector.getItem(row));
      if (builder.bytes > VALUES_BYTES_MAX) throw tooLarge(this.#columns[i]?.name ?? "");
    });
    this.rows += to - from;
  }

  finish(schema: Schema): RecordBatch {
    const children: Data[] = this.#builders.map((builder) => builder.finish());
    const data = makeData({ type: new Struct(schema.fields), length: this.rows, nullCount: 0, children });
    return new RecordBatch(schema, data);
  }
}

const tooLarge = (column: string): Error =>
  syncError("QUERY_FAILED", `the values of ${column} are too large for the batches of an Arrow stream`, {
    hint: "select less of the column, or use another --format",
  });
