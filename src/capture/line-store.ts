import { OP_CODE, type Operation, type RowLines, type TransactionRef } from "../types/change-batch.ts";
import { must } from "../util/assert.ts";
import { ByteWriter, copyBytes } from "./byte-writer.ts";
import { writeUnsigned } from "./digits.ts";
import { grown } from "./grown.ts";
import { compileRowDecoder, type RowDecoder } from "./row-decode.ts";
import type { ChangeFacts, RowReader, RowStore } from "./row-store.ts";
import type { TableMap } from "./table-map.ts";

/** Longest line without its row: the braces and names, and three numbers of up to 16 digits. */
const LINE_FRAME_BYTES = 96;
const CAPACITY_MIN = 1 << 16;

const Q = Buffer.from('{"q":');
const O = Buffer.from(',"o":"');
const T = Buffer.from('","t":');
const N = Buffer.from(',"n":');
const R = Buffer.from(',"r":');

/** Rows as lines; of a delete the key alone. */
export class LineStore implements RowStore {
  #writer = new ByteWriter(CAPACITY_MIN);
  #ordinal = 0;
  #count = 0;
  #lineEnd = new Uint32Array(0);
  #rowStart = new Uint32Array(0);

  get byteLength(): number {
    return this.#writer.position;
  }

  begin({ ordinal }: Omit<TransactionRef, "firstRow">): void {
    this.#ordinal = ordinal;
  }

  reader(map: TableMap): RowReader {
    const decoder = compileRowDecoder(map);
    return {
      cursor: decoder.cursor,
      skip: decoder.skip,
      add: (operation, facts, source, from, to) => {
        this.#frame(operation, facts);
        this.#row(operation === "d" ? decoder.key : decoder.row, source, from, to);
      },
    };
  }

  #frame(operation: Operation, { seq, n }: ChangeFacts): void {
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
    o = writeUnsigned(v, o, this.#ordinal);
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
    this.#lineEnd = grown(this.#lineEnd, new Uint32Array(length));
    this.#rowStart = grown(this.#rowStart, new Uint32Array(length));
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
