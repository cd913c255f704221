import { OP_CODE, type ChangeBatch, type Operation, type TransactionRef } from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { ByteWriter } from "./byte-writer.ts";
import { writeUnsigned } from "./digits.ts";
import { sameKey, type RowDecoder } from "./row-decode.ts";

/** Longest line without its row: the braces and names, and three numbers of up to 16 digits. */
const LINE_FRAME_BYTES = 96;

const Q = Buffer.from('{"q":');
const O = Buffer.from(',"o":"');
const T = Buffer.from('","t":');
const N = Buffer.from(',"n":');
const R = Buffer.from(',"r":');

/** Where the rows of one event lie, and what they are. */
export interface RowsEvent {
  readonly operation: "c" | "u" | "d";
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Running numbers of a stream; the builders of all tables share one. */
export interface Numbering {
  /** The highest `seq` given out. */
  seq: number;
  /** The highest transaction ordinal given out. */
  ordinal: number;
}

/** Grows the next ChangeBatch of one table, row image by row image. */
export class BatchBuilder {
  readonly #schema: TableSchema;
  readonly #numbering: Numbering;
  #writer: ByteWriter;
  #transactions: TransactionRef[] = [];
  #count = 0;
  #seq = new Float64Array(0);
  #op = new Uint8Array(0);
  #n = new Uint32Array(0);
  #lineEnd = new Uint32Array(0);
  #rowStart = new Uint32Array(0);
  /** Change number in the open transaction. */
  #nextN = 0;
  #ordinal = 0;
  #isOpen = false;
  #beforeKeys = new Int32Array(0);

  constructor(schema: TableSchema, numbering: Numbering, bytesHint = 1 << 16) {
    this.#schema = schema;
    this.#numbering = numbering;
    this.#writer = new ByteWriter(bytesHint);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#writer.position;
  }

  /** The rows that follow belong to this transaction. */
  beginTransaction(transaction: Omit<TransactionRef, "firstRow">): void {
    this.#transactions.push({ ...transaction, firstRow: this.#count });
    this.#ordinal = transaction.ordinal;
    this.#isOpen = true;
    this.#nextN = 0;
  }

  /**
   * Adds all rows of an event.
   * @throws SyncError when a value cannot be read, or the rows do not end where the event does.
   */
  add(event: RowsEvent, decoder: RowDecoder): void {
    let p = event.from;
    while (p < event.to) {
      if (event.operation === "u") p = this.#addUpdate(event, decoder, p);
      else {
        this.#addLine(event.operation, event, decoder, p);
        p = decoder.cursor.end;
      }
      this.#nextN++;
    }
  }

  #addUpdate(event: RowsEvent, decoder: RowDecoder, from: number): number {
    const { cursor } = decoder;
    decoder.skip(event.bytes, from, event.to);
    if (this.#beforeKeys.length !== cursor.keys.length) this.#beforeKeys = new Int32Array(cursor.keys.length);
    this.#beforeKeys.set(cursor.keys);
    const after = cursor.end;
    const lineStart = this.#writer.position;
    this.#addLine("u", event, decoder, after);
    const end = cursor.end;
    if (!sameKey(event.bytes, this.#beforeKeys, cursor.keys)) {
      // A changed key is a delete and a create, in the place of the update that is taken back.
      this.#count--;
      this.#numbering.seq--;
      this.#writer.position = lineStart;
      this.#addLine("d", event, decoder, from);
      this.#addLine("c", event, decoder, after);
    }
    return end;
  }

  #addLine(operation: Operation, event: RowsEvent, decoder: RowDecoder, from: number): void {
    const w = this.#writer;
    const i = this.#count;
    if (i >= this.#seq.length) this.#grow();
    const seq = ++this.#numbering.seq;
    const code = OP_CODE[operation];
    w.reserve(w.position, LINE_FRAME_BYTES);
    const b = w.bytes;
    const v = w.view;
    let o = copy(b, w.position, Q);
    o = writeUnsigned(v, o, seq);
    o = copy(b, o, O);
    b[o++] = code;
    o = copy(b, o, T);
    o = writeUnsigned(v, o, this.#ordinal);
    o = copy(b, o, N);
    o = writeUnsigned(v, o, this.#nextN);
    o = copy(b, o, R);
    this.#rowStart[i] = o;
    o =
      operation === "d"
        ? decoder.key(event.bytes, from, event.to, w, o)
        : decoder.row(event.bytes, from, event.to, w, o);
    w.reserve(o, 2);
    w.bytes[o++] = 0x7d;
    w.bytes[o++] = 0x0a;
    w.position = o;
    this.#seq[i] = seq;
    this.#op[i] = code;
    this.#n[i] = this.#nextN;
    this.#lineEnd[i] = o;
    this.#count = i + 1;
  }

  #grow(): void {
    const length = Math.max(256, this.#seq.length * 2);
    this.#seq = grown(this.#seq, new Float64Array(length));
    this.#op = grown(this.#op, new Uint8Array(length));
    this.#n = grown(this.#n, new Uint32Array(length));
    this.#lineEnd = grown(this.#lineEnd, new Uint32Array(length));
    this.#rowStart = grown(this.#rowStart, new Uint32Array(length));
  }

  /**
   * Hands out what was added, with its memory, and begins anew. A transaction that is still open goes on in
   * the next batch with the same number.
   */
  take(): ChangeBatch {
    const batch: ChangeBatch = {
      schema: this.#schema,
      transactions: this.#transactions,
      count: this.#count,
      bytes: this.#writer.written(),
      seq: this.#seq.subarray(0, this.#count),
      op: this.#op.subarray(0, this.#count),
      n: this.#n.subarray(0, this.#count),
      lineEnd: this.#lineEnd.subarray(0, this.#count),
      rowStart: this.#rowStart.subarray(0, this.#count),
    };
    const open = this.#isOpen ? this.#transactions.at(-1) : undefined;
    this.#transactions = open === undefined ? [] : [{ ...open, firstRow: 0 }];
    this.#writer = new ByteWriter(Math.max(1 << 16, this.#writer.position + (this.#writer.position >> 2)));
    const capacity = this.#seq.length;
    this.#count = 0;
    this.#seq = new Float64Array(capacity);
    this.#op = new Uint8Array(capacity);
    this.#n = new Uint32Array(capacity);
    this.#lineEnd = new Uint32Array(capacity);
    this.#rowStart = new Uint32Array(capacity);
    return batch;
  }

  /** The open transaction has ended: the next batch begins without it. */
  endTransaction(): void {
    this.#isOpen = false;
    if (this.#count === 0) this.#transactions = [];
  }
}

function copy(out: Uint8Array, at: number, source: Uint8Array): number {
  for (let i = 0; i < source.length; i++) out[at + i] = source[i] as number;
  return at + source.length;
}

function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
