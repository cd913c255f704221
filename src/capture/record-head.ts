import { OP_CODE, type Operation } from "../types/change-batch.ts";
import { transactionId, type SourceIdentity } from "../types/checkpoint.ts";
import { formatTableId } from "../types/table-id.ts";
import type { TableSchema } from "../types/table-schema.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { writeUnsigned } from "./digits.ts";
import type { ChangeFacts } from "./row-store.ts";

/** What the records of all tables say of their source. A replay writes the same bytes only with the same. */
export interface RecordSource extends SourceIdentity {
  /** Of the program, where Debezium has that of its connector. */
  readonly version: string;
}

/** What the records of some rows have in common. */
export interface RecordTransaction {
  /** Null for the rows of a snapshot, which no transaction wrote. */
  readonly gtid: string | null;
  /** Microseconds since 1970. */
  readonly commitUs: number;
  /** What stands in the event ids in place of the transaction. */
  readonly transaction: string;
  readonly isSnapshot: boolean;
}

/** The values of all operations begin alike but for one letter, which stands here. */
const OP_AT = '{"op":"'.length;
/** Longest number of a change within its transaction. */
const DIGITS_MAX = 16;
const SPACE = 0x20;
const SLASH = 0x2f;

/**
 * What stands in a value before its rows, and what the header has beside its numbers. Up to the number of the change it
 * is the same for all rows of a transaction, so it is made once and copied as a whole.
 */
export class RecordHead {
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
    this.#table = `,"db":${json(id.database)},"table":${json(id.table)}`;
    this.#identity = { source, epoch };
    this.#schemaVersion = schemaVersion;
    this.#tableName = formatTableId(id);
  }

  begin({ gtid, commitUs, transaction, isSnapshot }: RecordTransaction): void {
    const time = `"ts_ms":${Math.floor(commitUs / 1000)}`;
    this.#bytes = Buffer.from(
      `{"op":"?",${time}${this.#source},${time},"ts_us":${commitUs},"snapshot":"${isSnapshot}"${this.#table},"gtid":${JSON.stringify(gtid)},"row":`,
    );
    const id = transactionId(this.#identity, transaction);
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
