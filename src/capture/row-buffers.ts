import { columnForm, type ColumnRows } from "../types/column-values.ts";
import type { ChunkSink } from "../types/ports.ts";
import type { TableSchema } from "../types/table-schema.ts";
import type { Charsets } from "./charset/charset-table.ts";
import { ColumnBuffer } from "./column-buffer.ts";
import { compileRowWriter, type RowWriter } from "./snapshot-codec.ts";

/** Bytes of rows that are handed over at a time; of a wide table more, so that each column is worth a page. */
const FLUSH_BYTES_MIN = 4 << 20;
const FLUSH_BYTES_PER_COLUMN = 16 << 10;
/** Rows between two looks at the bytes, and the size of a row that is looked at by itself. */
const LOOK_ROWS = 32;
const LARGE_ROW_BYTES = 1 << 16;

/** Columns that are filled, lent out, and filled again. */
class RowBuffer {
  readonly write: RowWriter;
  readonly #columns: readonly ColumnBuffer[];
  count = 0;

  constructor(schema: TableSchema, charsets: Charsets) {
    this.#columns = schema.columns.map(({ type }) => new ColumnBuffer(columnForm(type)));
    this.write = compileRowWriter(schema, this.#columns, charsets);
  }

  get bytes(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.position;
    return bytes;
  }

  lend(): ColumnRows {
    const { count } = this;
    return { count, columns: this.#columns.map((column) => column.lend(count)) };
  }

  clear(): void {
    this.count = 0;
    for (const column of this.#columns) column.clear();
  }
}

/** Row packets on their way to a sink, through two buffers: one is filled while the sink has the other. */
export class RowBuffers {
  readonly #flushBytes: number;
  #filling: RowBuffer;
  #lent: RowBuffer;
  #sink: ChunkSink | null = null;
  #pending: Promise<void> | null = null;

  constructor(schema: TableSchema, charsets: Charsets) {
    this.#flushBytes = Math.max(FLUSH_BYTES_MIN, schema.columns.length * FLUSH_BYTES_PER_COLUMN);
    this.#filling = new RowBuffer(schema, charsets);
    this.#lent = new RowBuffer(schema, charsets);
  }

  begin(sink: ChunkSink): void {
    this.#sink = sink;
  }

  /** Adds a row. A promise means: no more rows until it resolves. */
  add(packet: Uint8Array, from: number, to: number): Promise<void> | null {
    const filling = this.#filling;
    filling.write(packet, from, to, filling.count++);
    if (filling.count % LOOK_ROWS !== 0 && to - from < LARGE_ROW_BYTES) return null;
    if (filling.bytes < this.#flushBytes) return null;
    if (this.#pending !== null) return this.#pending.then(() => this.#flush());
    this.#flush();
    return null;
  }

  /** Hands over the rest, and waits until the sink has it all. */
  async end(): Promise<void> {
    await this.#pending;
    this.#flush();
    await this.#pending;
  }

  /** Waits for the sink and drops what it was not given. */
  async drop(): Promise<void> {
    await this.#pending?.catch(() => undefined);
    this.#pending = null;
    this.#filling.clear();
    this.#lent.clear();
  }

  #flush(): void {
    const full = this.#filling;
    if (full.count === 0 || this.#sink === null) return;
    this.#filling = this.#lent;
    this.#lent = full;
    const pending = this.#sink.write(full.lend()).then(() => {
      full.clear();
      this.#pending = null;
    });
    // A failure is met by whoever waits next, which `end` and `drop` always do.
    pending.catch(() => undefined);
    this.#pending = pending;
  }
}
