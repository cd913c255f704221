import { must } from "../util/assert.ts";
import type { ColumnRows } from "./column-values.ts";
import { rowBytes, rowParts, sliceRows, withRowParts, type BatchPart } from "./row-parts.ts";
import type { TableSchema } from "./table-schema.ts";
import { releaseMemory } from "../util/release-memory.ts";

/** What happened to a row: create, update, delete, or read by a snapshot. */
export type Operation = "c" | "u" | "d" | "r";

/** A transaction of the source, as far as its rows need it. */
export interface TransactionRef {
  /** Running number in this process: what the lines of a batch refer to. It identifies nothing beyond it. */
  readonly ordinal: number;
  /** GTID text. */
  readonly gtid: string;
  /** Microseconds since 1970, from the GTID event. For people, windows and `_tl_ts_ms`; it orders nothing. */
  readonly commitUs: number;
  /** Index in the batch of its first row; its rows end where those of the next one begin. */
  readonly firstRow: number;
}

/**
 * Row changes of one table and one schema version, in binlog order. This is what flows from capture to the
 * lake. What the changes are stands in columns of numbers; the rows are columns too where capture and lake share
 * a process. Where they pass through Kafka, capture hands over records, as others read them there, and the lake
 * gets lines of JSON.
 *
 * `n` counts the changes of this table in this transaction from 0; a changed key makes two changes, a
 * delete and a create, which share one `n`. Of a delete the row has only the columns of the primary key.
 */
export interface ChangeBatch {
  readonly schema: TableSchema;
  readonly transactions: readonly TransactionRef[];
  readonly count: number;
  /** Length `count`: running number along the binlog, strictly rising. */
  readonly seq: Float64Array;
  /** Length `count`: character code of the operation. */
  readonly op: Uint8Array;
  /** Length `count`: `n` of the event id. */
  readonly n: Uint32Array;
  readonly rows: RowColumns | RowLines | RowRecords;
  /** It shares its memory with other parts of the batch that it was cut from. */
  readonly isPart?: true;
}

/** The form in which the rows of a batch are handed over. */
export type RowForm = ChangeBatch["rows"]["form"];

/** Rows as columns, in table order. Columns that a delete does not have are NULL. */
export interface RowColumns extends ColumnRows {
  readonly form: "columns";
  /** Where the batch's first row stands: a part of a batch shares the columns of the whole. */
  readonly first: number;
}

/**
 * Rows as lines, one for each change,
 *
 *     {"q":<seq>,"o":"<op>","t":<transaction ordinal>,"n":<n>,"r":{<row>}}\n
 *
 * which DuckDB reads as they are, with an explicit schema. `r` holds the canonical row (`capture/row-decode.ts`
 * says what that is), all columns in table order; for a delete only those of the primary key.
 */
export interface RowLines {
  readonly form: "lines";
  readonly bytes: Uint8Array;
  /** Length `count`: end of the line in `bytes`, behind its newline. It begins where the one before ended. */
  readonly lineEnd: Uint32Array;
  /** Length `count`: where the row's `{` stands; the row ends two bytes before `lineEnd`. */
  readonly rowStart: Uint32Array;
}

/**
 * Rows as they go into Kafka: for each change a key, which is a JSON object of the key columns, and a value, which is
 * Debezium's envelope,
 *
 *     {"op":"u","ts_ms":…,"source":{…},"before":{…},"after":{…}}
 *
 * Both rows in it are canonical, all columns in table order; `before` is null for a create and `after`, which always
 * comes last, for a delete. A table takes the row that a line has: of a delete that is the key.
 *
 * The header is text as well, for a reader that does not look into values:
 *
 *     <op> <seq> <row> <commit time in us> <schema version> <transaction id>#<table>#<n>[/d|/c]
 *
 * `row` is where in the value that row begins, and 0 for a delete; the last word is the event id.
 */
export interface RowRecords {
  readonly form: "records";
  readonly bytes: Uint8Array;
  /** Length `count`: end of the key, which begins where the header before it ended. */
  readonly keyEnd: Uint32Array;
  /** Length `count`: end of the value, which begins where its key ends. */
  readonly valueEnd: Uint32Array;
  /** Length `count`: end of the header, which begins where its value ends. */
  readonly headerEnd: Uint32Array;
  /** Length `count`: where the row that a table takes begins; it ends with `valueEnd - 1`, and of a delete with `keyEnd`. */
  readonly rowStart: Uint32Array;
}

export const OP_CODE: Readonly<Record<Operation, number>> = { c: 0x63, u: 0x75, d: 0x64, r: 0x72 };

export function operationOf(code: number): Operation {
  switch (code) {
    case OP_CODE.c:
      return "c";
    case OP_CODE.u:
      return "u";
    case OP_CODE.d:
      return "d";
    case OP_CODE.r:
      return "r";
    default:
      throw new RangeError(`not an operation code: ${code}`);
  }
}

/** The event id in its text form; `suffix` tells the two halves of a changed key apart. */
export const formatEventId = (
  transactionId: string,
  table: string,
  n: number,
  suffix: "" | "/d" | "/c",
): string => `${transactionId}#${table}#${n}${suffix}`;

/**
 * Rows `from` (inclusive) to `to` (exclusive) of a batch, sharing its memory: a batch in its own right.
 */
export function sliceBatch(batch: ChangeBatch, from: number, to: number): ChangeBatch {
  if (from === 0 && to === batch.count) return batch;
  const transactions = batch.transactions
    .filter((transaction, i) => {
      const next = batch.transactions[i + 1]?.firstRow ?? batch.count;
      return next > from && transaction.firstRow < to;
    })
    .map((transaction) => ({ ...transaction, firstRow: Math.max(0, transaction.firstRow - from) }));
  return {
    schema: batch.schema,
    transactions,
    count: to - from,
    seq: batch.seq.subarray(from, to),
    op: batch.op.subarray(from, to),
    n: batch.n.subarray(from, to),
    rows: sliceRows(batch.rows, from, to),
    isPart: true,
  };
}

/** Frees the memory of rows that nobody reads any more. That of a part is left to the garbage collector. */
export function releaseRows({ rows, isPart }: ChangeBatch): void {
  if (isPart === true) return;
  for (const part of rowParts(rows)) if (part instanceof Uint8Array) releaseMemory(part);
}

/** Bytes of `seq`, `op` and `n` of one change. */
const CHANGE_BYTES = 8 + 1 + 4;

/** The memory that a batch keeps from being used again; a part of a batch keeps that of the whole. */
export const batchBytes = ({ count, rows }: ChangeBatch): number => count * CHANGE_BYTES + rowBytes(rows);

/** All that a batch is made of, for moving it to another thread or to a file. */
export const batchParts = ({ seq, n, op, rows }: ChangeBatch): readonly BatchPart[] => [
  seq,
  n,
  op,
  ...rowParts(rows),
];

/** A batch like this one, made of other parts in the order of `batchParts`; each in memory of its own. */
export function withParts(batch: ChangeBatch, parts: readonly Uint8Array<ArrayBuffer>[]): ChangeBatch {
  const rest = [...parts];
  const next = (): Uint8Array<ArrayBuffer> => must(rest.shift(), "a part of a batch");
  const { schema, transactions, count } = batch;
  const seq = new Float64Array(next().buffer);
  const n = new Uint32Array(next().buffer);
  const op = next();
  return { schema, transactions, count, seq, n, op, rows: withRowParts(batch.rows, next) };
}
