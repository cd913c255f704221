import { OP_CODE, type ChangeBatch } from "../types/change-batch.ts";
import type { KeyedRows } from "../types/keyed-rows.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { ByteWriter, writeBytes } from "./byte-writer.ts";
import { RecordHead, type RecordSource } from "./record-head.ts";

/** What the rows of one snapshot have in common. */
export interface SnapshotOrigin {
  /** Names the snapshot among those of the table. */
  readonly name: string;
  /** Of the state that it is, microseconds since 1970. */
  readonly commitUs: number;
  /** The running number of the last change before what follows the snapshot: that of all its rows. */
  readonly seq: number;
}

const CREATED = Buffer.from('},"before":null,"after":');
const END = Buffer.from("}");

/**
 * The rows of a table that were there before its changes, as records with the operation `r`. They are those of
 * `record-store.ts` but for what no transaction says: `snapshot` is `"true"`, there is no GTID, and the event ids have
 * `snapshot:<name>` in place of it. Rows are numbered in their order.
 */
export class SnapshotRecords {
  readonly #schema: TableSchema;
  readonly #origin: SnapshotOrigin;
  readonly #head: RecordHead;

  constructor(schema: TableSchema, source: RecordSource, origin: SnapshotOrigin) {
    this.#schema = schema;
    this.#origin = origin;
    this.#head = new RecordHead(schema, source);
    const transaction = `snapshot:${origin.name}`;
    this.#head.begin({ gtid: null, commitUs: origin.commitUs, transaction, isSnapshot: true });
  }

  /** Records of rows of which the first one has this number. */
  batch({ count, bytes, keyEnd, rowEnd }: KeyedRows, first: number): ChangeBatch {
    const { seq, commitUs } = this.#origin;
    const w = new ByteWriter(bytes.length + count * HEAD_BYTES);
    const ends = { key: new Uint32Array(count), value: new Uint32Array(count) };
    const headerEnd = new Uint32Array(count);
    const rowStart = new Uint32Array(count);
    let from = 0;
    let o = 0;
    for (let i = 0; i < count; i++) {
      const key = keyEnd[i] as number;
      const row = rowEnd[i] as number;
      const n = first + i;
      const keyAt = writeBytes(w, o, bytes, from, key);
      o = this.#head.write(w, keyAt, "r", n);
      const start = writeBytes(w, o, CREATED, 0, CREATED.length);
      o = writeBytes(w, start, bytes, key, row);
      o = writeBytes(w, o, END, 0, END.length);
      ends.key[i] = keyAt;
      ends.value[i] = o;
      rowStart[i] = start;
      const facts = { seq, n, before: 0, isHalf: false };
      o = this.#head.writeHeader(w, o, { operation: "r", facts, row: start - keyAt });
      headerEnd[i] = o;
      from = row;
    }
    w.position = o;
    return {
      schema: this.#schema,
      // No transaction of the source: what routes and counts by them looks at the operation before.
      transactions: [{ ordinal: 0, gtid: "", commitUs, firstRow: 0 }],
      count,
      seq: new Float64Array(count).fill(seq),
      op: new Uint8Array(count).fill(OP_CODE.r),
      // They number the changes of a transaction. The numbers of a snapshot may be larger, and stand in its records.
      n: new Uint32Array(count),
      rows: {
        form: "records",
        bytes: w.written(),
        keyEnd: ends.key,
        valueEnd: ends.value,
        headerEnd,
        rowStart,
      },
    };
  }
}

/** What a record has beside its key and its row, at a guess. */
const HEAD_BYTES = 512;
