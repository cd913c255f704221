import type { Operation, RowRecords, TransactionRef } from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { ByteWriter, copyBytes } from "./byte-writer.ts";
import { grown } from "./grown.ts";
import { RecordHead, type RecordSource } from "./record-head.ts";
import { compileRowDecoder } from "./row-decode.ts";
import type { ChangeFacts, RowReader, RowStore } from "./row-store.ts";
import type { TableMap } from "./table-map.ts";
import type { SpareMemory } from "../util/spare-memory.ts";

const CAPACITY_MIN = 1 << 16;

const CREATED = Buffer.from('},"before":null,"after":');
const BEFORE = Buffer.from('},"before":');
const AFTER = Buffer.from(',"after":');
const DELETED = Buffer.from(',"after":null}');
const END = Buffer.from("}");

/** Rows as the records that go into Kafka. */
export class RecordStore implements RowStore {
  readonly #head: RecordHead;
  readonly #spare: SpareMemory<SharedArrayBuffer>;
  #writer = new ByteWriter(CAPACITY_MIN);
  #count = 0;
  #keyEnd = new Uint32Array(0);
  #valueEnd = new Uint32Array(0);
  #headerEnd = new Uint32Array(0);
  #rowStart = new Uint32Array(0);

  constructor(schema: TableSchema, source: RecordSource, spare: SpareMemory<SharedArrayBuffer>) {
    this.#head = new RecordHead(schema, source);
    this.#spare = spare;
  }

  get byteLength(): number {
    return this.#writer.position;
  }

  begin(transaction: Omit<TransactionRef, "firstRow">): void {
    this.#head.begin({ ...transaction, transaction: transaction.gtid, isSnapshot: false });
  }

  reader(map: TableMap): RowReader {
    const { cursor, skip, key, row } = compileRowDecoder(map);
    return {
      cursor,
      skip,
      add: (operation, facts, source, from, to) => {
        const { n, before } = facts;
        const w = this.#writer;
        const start = w.position;
        const keyEnd = key(source, from, to, w, start);
        let o = this.#head.write(w, keyEnd, operation, n);
        if (operation === "d") {
          o = row(source, from, to, w, put(w, o, BEFORE));
          this.#push({ operation, facts, keyEnd, rowStart: start, valueEnd: put(w, o, DELETED) });
          return;
        }
        if (operation === "u") {
          o = row(source, before, to, w, put(w, o, BEFORE));
          o = put(w, o, AFTER);
        } else {
          o = put(w, o, CREATED);
        }
        // The image after is read last, so that the cursor is where its caller expects it.
        const valueEnd = put(w, row(source, from, to, w, o), END);
        this.#push({ operation, facts, keyEnd, rowStart: o, valueEnd });
      },
    };
  }

  /** Only here does a record begin to count: a value that cannot be read has thrown before. */
  #push({ operation, facts, keyEnd, rowStart, valueEnd }: Written): void {
    const w = this.#writer;
    const i = this.#count;
    if (i >= this.#keyEnd.length) this.#grow();
    this.#keyEnd[i] = keyEnd;
    this.#rowStart[i] = rowStart;
    this.#valueEnd[i] = valueEnd;
    const row = operation === "d" ? 0 : rowStart - keyEnd;
    const headerEnd = this.#head.writeHeader(w, valueEnd, { operation, facts, row });
    this.#headerEnd[i] = headerEnd;
    this.#count = i + 1;
    w.position = headerEnd;
  }

  #grow(): void {
    const length = Math.max(256, this.#keyEnd.length * 2);
    this.#keyEnd = grown(this.#keyEnd, new Uint32Array(length));
    this.#valueEnd = grown(this.#valueEnd, new Uint32Array(length));
    this.#headerEnd = grown(this.#headerEnd, new Uint32Array(length));
    this.#rowStart = grown(this.#rowStart, new Uint32Array(length));
  }

  undo(): void {
    this.#count--;
    this.#writer.position =
      this.#count === 0 ? 0 : must(this.#headerEnd[this.#count - 1], "the end of a record");
  }

  take(): RowRecords {
    const w = this.#writer;
    const count = this.#count;
    const rows: RowRecords = {
      form: "records",
      bytes: w.written(),
      keyEnd: this.#keyEnd.subarray(0, count),
      valueEnd: this.#valueEnd.subarray(0, count),
      headerEnd: this.#headerEnd.subarray(0, count),
      rowStart: this.#rowStart.subarray(0, count),
    };
    w.renewIn(new Uint8Array(this.#spare.take(Math.max(CAPACITY_MIN, w.position + (w.position >> 2)))));
    const capacity = this.#keyEnd.length;
    this.#count = 0;
    this.#keyEnd = new Uint32Array(capacity);
    this.#valueEnd = new Uint32Array(capacity);
    this.#headerEnd = new Uint32Array(capacity);
    this.#rowStart = new Uint32Array(capacity);
    return rows;
  }
}

/** A change whose key and value are written. */
interface Written {
  readonly operation: Operation;
  readonly facts: ChangeFacts;
  readonly keyEnd: number;
  readonly rowStart: number;
  readonly valueEnd: number;
}

/** Copies all of a short text. */
function put(w: ByteWriter, at: number, text: Uint8Array): number {
  w.reserve(at, text.length);
  return copyBytes(w.bytes, at, text);
}
