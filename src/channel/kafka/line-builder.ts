import type { ChangeBatch, TransactionRef } from "../../types/change-batch.ts";
import { OP_CODE } from "../../types/change-batch.ts";
import type { TableSchema } from "../../types/table-schema.ts";
import { foreign, placeOf, type HeaderReader } from "./record-header.ts";
import type { RangeCursor } from "./range-cursor.ts";
import type { RangeDigest } from "./range-digest.ts";

const BYTES_MIN = 1 << 16;
const ROWS_MIN = 256;
/** The braces and names of a line, two numbers of up to 16 digits and the ordinal. */
const FRAME_BYTES = 128;

const Q = Buffer.from('{"q":');
const O = Buffer.from(',"o":"');
const N = Buffer.from(',"n":');
const R = Buffer.from(',"r":');
const END = Buffer.from("}\n");

/** Grows the next batch of one table, as lines, out of records. */
export class LineBuilder {
  readonly schema: TableSchema;
  readonly #nextOrdinal: () => number;
  #bytes = Buffer.allocUnsafe(BYTES_MIN);
  #at = 0;
  #count = 0;
  #seq = new Float64Array(ROWS_MIN);
  #op = new Uint8Array(ROWS_MIN);
  #n = new Uint32Array(ROWS_MIN);
  #lineEnd = new Uint32Array(ROWS_MIN);
  #rowStart = new Uint32Array(ROWS_MIN);
  #digests: RangeDigest[] = [];
  #transactions: TransactionRef[] = [];
  #last: Omit<TransactionRef, "firstRow"> | null = null;
  #ordinalText = Buffer.alloc(0);

  constructor(schema: TableSchema, nextOrdinal: () => number) {
    this.schema = schema;
    this.#nextOrdinal = nextOrdinal;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#at;
  }

  /** Adds the change that the cursor stands at. */
  add(cursor: RangeCursor): void {
    const { block, index, header, target } = cursor;
    const { bytes, keys, values } = block;
    // The row of a delete is its key; any other ends in front of the brace that ends the value.
    const isDelete = header.op === OP_CODE.d;
    const start = values.start[index] as number;
    const from = isDelete ? (keys.start[index] as number) : start + header.row;
    const to = isDelete ? (keys.end[index] as number) : (values.end[index] as number) - 1;
    if (from < 0 || to <= from || (!isDelete && start < 0)) {
      throw foreign(placeOf(block, index, target), "it has no row where its header says");
    }
    this.#line(cursor, bytes, from, to);
  }

  /** Adds the change that the cursor stands at, whose value lies elsewhere. */
  addRow(cursor: RangeCursor, value: Uint8Array, row: number): void {
    this.#line(cursor, value, row, value.length - 1);
  }

  #line({ block, header, digest }: RangeCursor, source: Uint8Array, from: number, to: number): void {
    if (this.#count === this.#seq.length) this.#growRows();
    this.#transaction(header);
    const { bytes } = block;
    this.#reserve(FRAME_BYTES + (to - from));
    const i = this.#count;
    this.#put(Q);
    this.#copy(bytes, header.seqStart, header.seqEnd);
    this.#put(O);
    this.#bytes[this.#at++] = header.op;
    this.#put(this.#ordinalText);
    this.#put(N);
    this.#copy(bytes, header.nStart, header.nEnd);
    this.#put(R);
    this.#rowStart[i] = this.#at;
    this.#bytes.set(source.subarray(from, to), this.#at);
    this.#at += to - from;
    this.#put(END);
    this.#lineEnd[i] = this.#at;
    this.#seq[i] = header.seq;
    this.#op[i] = header.op;
    this.#n[i] = header.n;
    this.#digests.push(digest);
    this.#count = i + 1;
  }

  #transaction({ context: { gtid, commitUs } }: HeaderReader): void {
    const last = this.#last;
    if (last !== null && last.gtid === gtid) {
      // It goes on from the batch before.
      if (this.#transactions.length === 0) this.#transactions.push({ ...last, firstRow: 0 });
      return;
    }
    const next = { ordinal: this.#nextOrdinal(), gtid, commitUs };
    this.#last = next;
    this.#ordinalText = Buffer.from(`","t":${next.ordinal}`);
    this.#transactions.push({ ...next, firstRow: this.#count });
  }

  /** Hands out what was added, and of each row the digest of its range; begins anew in new memory. */
  take(): { readonly batch: ChangeBatch; readonly digests: readonly RangeDigest[] } {
    const count = this.#count;
    const batch: ChangeBatch = {
      schema: this.schema,
      transactions: this.#transactions,
      count,
      seq: this.#seq.subarray(0, count),
      op: this.#op.subarray(0, count),
      n: this.#n.subarray(0, count),
      rows: {
        form: "lines",
        bytes: this.#bytes.subarray(0, this.#at),
        lineEnd: this.#lineEnd.subarray(0, count),
        rowStart: this.#rowStart.subarray(0, count),
      },
    };
    const digests = this.#digests;
    const rows = this.#seq.length;
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, this.#at + (this.#at >> 3)));
    this.#at = 0;
    this.#count = 0;
    this.#seq = new Float64Array(rows);
    this.#op = new Uint8Array(rows);
    this.#n = new Uint32Array(rows);
    this.#lineEnd = new Uint32Array(rows);
    this.#rowStart = new Uint32Array(rows);
    this.#digests = [];
    this.#transactions = [];
    return { batch, digests };
  }

  #put(text: Uint8Array): void {
    this.#copy(text, 0, text.length);
  }

  /** For short pieces: a call into the engine costs as much as some fifty bytes. */
  #copy(from: Uint8Array, start: number, end: number): void {
    const out = this.#bytes;
    let at = this.#at;
    for (let i = start; i < end; i++) out[at++] = from[i] as number;
    this.#at = at;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }

  #growRows(): void {
    const length = this.#seq.length * 2;
    this.#seq = grown(this.#seq, new Float64Array(length));
    this.#op = grown(this.#op, new Uint8Array(length));
    this.#n = grown(this.#n, new Uint32Array(length));
    this.#lineEnd = grown(this.#lineEnd, new Uint32Array(length));
    this.#rowStart = grown(this.#rowStart, new Uint32Array(length));
  }
}

function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
