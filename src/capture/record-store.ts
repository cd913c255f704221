import { OP_CODE, type Operation, type RowRecords, type TransactionRef } from "../types/change-batch.ts";
import { transactionId, type SourceIdentity } from "../types/checkpoint.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";
import { ByteWriter, copyBytes } from "./byte-writer.ts";
import { writeUnsigned } from "./digits.ts";
import { grown } from "./grown.ts";
import { compileRowDecoder } from "./row-decode.ts";
import type { ChangeFacts, RowReader, RowStore } from "./row-store.ts";
import type { TableMap } from "./table-map.ts";
import type { SpareMemory } from "../util/spare-memory.ts";

/** What the records of all tables say of their source. A replay writes the same bytes only with the same. */
export interface RecordSource extends SourceIdentity {
  /** Of the program, where Debezium has that of its connector. */
  readonly version: string;
}

const CAPACITY_MIN = 1 << 16;

/** The values of all operations begin alike but for one letter, which stands here. */
const OP_AT = '{"op":"'.length;
/** Longest number of a change within its transaction. */
const DIGITS_MAX = 16;
const CREATED = Buffer.from('},"before":null,"after":');
const BEFORE = Buffer.from('},"before":');
const AFTER = Buffer.from(',"after":');
const DELETED = Buffer.from(',"after":null}');
const END = Buffer.from("}");
const SPACE = 0x20;
const SLASH = 0x2f;

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
    this.#head.begin(transaction);
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

/**
 * What stands in a value before its rows, and what the header has beside its numbers. Up to the number of the change it is the same for all rows of a
 * transaction, so it is made once and copied as a whole.
 */
class RecordHead {
  /** From the time of the envelope to that in it, and from there to the GTID. */
  readonly #source: string;
  readonly #table: string;
  readonly #identity: SourceIdentity;
  readonly #schemaVersion: string;
  readonly #tableName: string;
  #bytes = new Uint8Array(0);
  #header = new Uint8Array(0);

  constructor({ id, version: schemaVersion }: TableSchema, { source, epoch, version }: RecordSource) {
    const json = JSON.stringify;
    this.#source = `,"source":{"version":${json(version)},"connector":"mysql","name":${json(source)}`;
    this.#table = `,"snapshot":"false","db":${json(id.database)},"table":${json(id.table)}`;
    this.#identity = { source, epoch };
    this.#schemaVersion = schemaVersion;
    this.#tableName = formatTableId(id);
  }

  begin({ gtid, commitUs }: Omit<TransactionRef, "firstRow">): void {
    const time = `"ts_ms":${Math.floor(commitUs / 1000)}`;
    this.#bytes = Buffer.from(
      `{"op":"?",${time}${this.#source},${time},"ts_us":${commitUs}${this.#table},"gtid":${JSON.stringify(gtid)},"row":`,
    );
    const id = transactionId(this.#identity, gtid);
    this.#header = Buffer.from(` ${commitUs} ${this.#schemaVersion} ${id}#${this.#tableName}#`);
  }

  writeHeader(
    w: ByteWriter,
    at: number,
    {
      operation,
      facts,
      row,
    }: { readonly operation: Operation; readonly facts: ChangeFacts; readonly row: number },
  ): number {
    const { length } = this.#header;
    w.reserve(at, length + 4 * DIGITS_MAX);
    const { bytes, view } = w;
    bytes[at] = OP_CODE[operation];
    bytes[at + 1] = SPACE;
    let o = writeUnsigned(view, at + 2, facts.seq);
    bytes[o] = SPACE;
    o = writeUnsigned(view, o + 1, row);
    bytes.set(this.#header, o);
    o = writeUnsigned(view, o + length, facts.n);
    if (!facts.isHalf) return o;
    bytes[o] = SLASH;
    bytes[o + 1] = OP_CODE[operation];
    return o + 2;
  }

  write(w: ByteWriter, at: number, operation: Operation, n: number): number {
    const { length } = this.#bytes;
    w.reserve(at, length + DIGITS_MAX);
    w.bytes.set(this.#bytes, at);
    w.bytes[at + OP_AT] = OP_CODE[operation];
    return writeUnsigned(w.view, at + length, n);
  }
}

/** Copies all of a short text. */
function put(w: ByteWriter, at: number, text: Uint8Array): number {
  w.reserve(at, text.length);
  return copyBytes(w.bytes, at, text);
}
