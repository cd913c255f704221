import { columnForm } from "../types/column-values.ts";
import {
  OP_CODE,
  type ChangeBatch,
  type Operation,
  type RowColumns,
  type RowForm,
  type RowLines,
} from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { ByteWriter, copyBytes } from "./byte-writer.ts";
import { ColumnBuffer } from "./column-buffer.ts";
import { compileColumnDecoder, type ColumnDecoder } from "./column-decode.ts";
import { writeUnsigned } from "./digits.ts";
import { compileRowDecoder, type RowCursor, type RowDecoder } from "./row-decode.ts";
import type { TableMap } from "./table-map.ts";

/** What a line says of its change beside the row. */
export interface ChangeNumbers {
  readonly seq: number;
  readonly ordinal: number;
  readonly n: number;
}

/** Reads row images of one TABLE_MAP into the store that made it. */
export interface RowReader {
  readonly cursor: RowCursor;
  /** Only finds the end of a row image and its keys. */
  skip(source: Uint8Array, from: number, to: number): void;
  /** Adds the image as a row; of a delete its key alone. */
  add(operation: Operation, numbers: ChangeNumbers, source: Uint8Array, from: number, to: number): void;
}

/** Rows of one table's next batch, as they grow. */
export interface RowStore {
  /** Memory of the rows so far. */
  readonly byteLength: number;
  reader(map: TableMap): RowReader;
  /** Takes the last row back. */
  undo(): void;
  /** Hands out the rows with their memory, and begins anew. */
  take(): ChangeBatch["rows"];
}

export const rowStore = (schema: TableSchema, form: RowForm): RowStore =>
  form === "columns" ? new ColumnStore(schema) : new LineStore();

class ColumnStore implements RowStore {
  readonly #columns: readonly ColumnBuffer[];
  #count = 0;

  constructor(schema: TableSchema) {
    this.#columns = schema.columns.map(({ type }) => new ColumnBuffer(columnForm(type)));
  }

  get byteLength(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.position;
    return bytes;
  }

  reader(map: TableMap): RowReader {
    const decoder: ColumnDecoder = compileColumnDecoder(map, this.#columns);
    const { row, key, skip, cursor } = decoder;
    return {
      cursor,
      skip,
      add: (operation, _numbers, source, from, to) => {
        try {
          if (operation === "d") key(source, from, to, this.#count);
          else row(source, from, to, this.#count);
        } catch (error) {
          // The columns before the value that cannot be read have the row, and those behind it do not.
          for (const column of this.#columns) column.truncate(this.#count);
          throw error;
        }
        this.#count++;
      },
    };
  }

  undo(): void {
    this.#count--;
    for (const column of this.#columns) column.undo(this.#count);
  }

  take(): RowColumns {
    const count = this.#count;
    this.#count = 0;
    return { form: "columns", first: 0, count, columns: this.#columns.map((column) => column.take(count)) };
  }
}

/** Longest line without its row: the braces and names, and three numbers of up to 16 digits. */
const LINE_FRAME_BYTES = 96;
const CAPACITY_MIN = 1 << 16;

const Q = Buffer.from('{"q":');
const O = Buffer.from(',"o":"');
const T = Buffer.from('","t":');
const N = Buffer.from(',"n":');
const R = Buffer.from(',"r":');

class LineStore implements RowStore {
  #writer = new ByteWriter(CAPACITY_MIN);
  #count = 0;
  #lineEnd = new Uint32Array(0);
  #rowStart = new Uint32Array(0);

  get byteLength(): number {
    return this.#writer.position;
  }

  reader(map: TableMap): RowReader {
    const decoder = compileRowDecoder(map);
    return {
      cursor: decoder.cursor,
      skip: decoder.skip,
      add: (operation, numbers, source, from, to) => {
        this.#frame(operation, numbers);
        this.#row(operation === "d" ? decoder.key : decoder.row, source, from, to);
      },
    };
  }

  #frame(operation: Operation, { seq, ordinal, n }: ChangeNumbers): void {
    const w = this.#writer;
    if (this.#count >= this.#lineEnd.length) this.#grow();
    w.reserve(w.position, LINE_FRAME_BYTES);
    const b = w.bytes;
    const v = w.view;
    let o = copyBytes(b, w.position, Q);
    o = writeUnsigned(v, o, seq);
    o = copyBytes(b, o, O);
    b[o++] = OP_CODE[operation];
    o = copyBytes(b, o, T);
    o = writeUnsigned(v, o, ordinal);
    o = copyBytes(b, o, N);
    o = writeUnsigned(v, o, n);
    this.#rowStart[this.#count] = copyBytes(b, o, R);
  }

  #row(write: RowDecoder["row"], source: Uint8Array, from: number, to: number): void {
    const w = this.#writer;
    let o = write(source, from, to, w, must(this.#rowStart[this.#count], "the start of the row"));
    w.reserve(o, 2);
    w.bytes[o++] = 0x7d;
    w.bytes[o++] = 0x0a;
    w.position = o;
    this.#lineEnd[this.#count++] = o;
  }

  #grow(): void {
    const length = Math.max(256, this.#lineEnd.length * 2);
    this.#lineEnd = grown(this.#lineEnd, length);
    this.#rowStart = grown(this.#rowStart, length);
  }

  undo(): void {
    this.#count--;
    this.#writer.position = this.#count === 0 ? 0 : must(this.#lineEnd[this.#count - 1], "the end of a line");
  }

  take(): RowLines {
    const w = this.#writer;
    const count = this.#count;
    const rows: RowLines = {
      form: "lines",
      bytes: w.written(),
      lineEnd: this.#lineEnd.subarray(0, count),
      rowStart: this.#rowStart.subarray(0, count),
    };
    w.renew(Math.max(CAPACITY_MIN, w.position + (w.position >> 2)));
    const capacity = this.#lineEnd.length;
    this.#count = 0;
    this.#lineEnd = new Uint32Array(capacity);
    this.#rowStart = new Uint32Array(capacity);
    return rows;
  }
}

function grown(from: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(length);
  to.set(from);
  return to;
}
