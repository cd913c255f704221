import { OP_CODE, type ChangeBatch, type Operation, type TransactionRef } from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { grown } from "./grown.ts";
import { sameKey } from "./row-decode.ts";
import { rowStore, type RowReader, type RowStore, type RowStoreOptions } from "./row-store.ts";
import type { TableMap } from "./table-map.ts";

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

export interface BatchBuilderOptions extends RowStoreOptions {
  readonly numbering: Numbering;
}

/** Grows the next ChangeBatch of one table, row image by row image. */
export class BatchBuilder {
  readonly #schema: TableSchema;
  readonly #numbering: Numbering;
  readonly #store: RowStore;
  #transactions: TransactionRef[] = [];
  #count = 0;
  #seq = new Float64Array(0);
  #op = new Uint8Array(0);
  #n = new Uint32Array(0);
  /** Change number in the open transaction. */
  #nextN = 0;
  /** Of the row that is being added; one object for all of them. */
  readonly #facts = { seq: 0, n: 0, before: 0, isHalf: false };
  #isOpen = false;
  #beforeKeys = new Int32Array(0);

  constructor(schema: TableSchema, options: BatchBuilderOptions) {
    this.#schema = schema;
    this.#numbering = options.numbering;
    this.#store = rowStore(schema, options);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#store.byteLength;
  }

  /** A reader of row images for `add`. */
  reader(map: TableMap): RowReader {
    return this.#store.reader(map);
  }

  /** The rows that follow belong to this transaction. */
  beginTransaction(transaction: Omit<TransactionRef, "firstRow">): void {
    this.#transactions.push({ ...transaction, firstRow: this.#count });
    this.#store.begin(transaction);
    this.#isOpen = true;
    this.#nextN = 0;
  }

  /**
   * Adds all rows of an event.
   * @throws SyncError when a value cannot be read, or the rows do not end where the event does.
   */
  add(event: RowsEvent, reader: RowReader): void {
    let p = event.from;
    while (p < event.to) {
      if (event.operation === "u") p = this.#addUpdate(event, reader, p);
      else {
        this.#addRow(event.operation, event, reader, p);
        p = reader.cursor.end;
      }
      this.#nextN++;
    }
  }

  #addUpdate(event: RowsEvent, reader: RowReader, from: number): number {
    const { cursor } = reader;
    reader.skip(event.bytes, from, event.to);
    if (this.#beforeKeys.length !== cursor.keys.length) this.#beforeKeys = new Int32Array(cursor.keys.length);
    this.#beforeKeys.set(cursor.keys);
    const after = cursor.end;
    this.#facts.before = from;
    this.#addRow("u", event, reader, after);
    const end = cursor.end;
    if (!sameKey(event.bytes, this.#beforeKeys, cursor.keys)) {
      // A changed key is a delete and a create, in the place of the update that is taken back.
      this.#count--;
      this.#numbering.seq--;
      this.#store.undo();
      this.#facts.isHalf = true;
      this.#addRow("d", event, reader, from);
      this.#addRow("c", event, reader, after);
      this.#facts.isHalf = false;
    }
    return end;
  }

  #addRow(operation: Operation, event: RowsEvent, reader: RowReader, from: number): void {
    const i = this.#count;
    if (i >= this.#seq.length) this.#grow();
    const seq = ++this.#numbering.seq;
    this.#facts.seq = seq;
    this.#facts.n = this.#nextN;
    reader.add(operation, this.#facts, event.bytes, from, event.to);
    this.#seq[i] = seq;
    this.#op[i] = OP_CODE[operation];
    this.#n[i] = this.#nextN;
    this.#count = i + 1;
  }

  #grow(): void {
    const length = Math.max(256, this.#seq.length * 2);
    this.#seq = grown(this.#seq, new Float64Array(length));
    this.#op = grown(this.#op, new Uint8Array(length));
    this.#n = grown(this.#n, new Uint32Array(length));
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
      seq: this.#seq.subarray(0, this.#count),
      op: this.#op.subarray(0, this.#count),
      n: this.#n.subarray(0, this.#count),
      rows: this.#store.take(),
    };
    const open = this.#isOpen ? this.#transactions.at(-1) : undefined;
    this.#transactions = open === undefined ? [] : [{ ...open, firstRow: 0 }];
    const capacity = this.#seq.length;
    this.#count = 0;
    this.#seq = new Float64Array(capacity);
    this.#op = new Uint8Array(capacity);
    this.#n = new Uint32Array(capacity);
    return batch;
  }

  /** The open transaction has ended: the next batch begins without it. */
  endTransaction(): void {
    this.#isOpen = false;
    if (this.#count === 0) this.#transactions = [];
  }
}
