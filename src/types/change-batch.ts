import type { TableSchema } from "./table-schema.ts";

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
 * Row changes of one table and one schema version, in binlog order, columnar. This is what flows from
 * capture to the lake. The row bytes are one line of JSON for each change,
 *
 *     {"q":<seq>,"o":"<op>","t":<transaction ordinal>,"n":<n>,"r":{<row>}}\n
 *
 * which DuckDB reads as it is, with an explicit schema. `r` holds the canonical row (DESIGN of values in
 * `capture/row-decode.ts`), all columns in table order; for a delete only those of the primary key.
 * `n` counts the changes of this table in this transaction from 0; a changed key makes two changes, a
 * delete and a create, which share one `n`.
 */
export interface ChangeBatch {
  readonly schema: TableSchema;
  readonly transactions: readonly TransactionRef[];
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Length `count`: running number along the binlog, strictly rising. */
  readonly seq: Float64Array;
  /** Length `count`: character code of the operation. */
  readonly op: Uint8Array;
  /** Length `count`: `n` of the event id. */
  readonly n: Uint32Array;
  /** Length `count`: end of the line in `bytes`, behind its newline. It begins where the one before ended. */
  readonly lineEnd: Uint32Array;
  /** Length `count`: where the row's `{` stands; the row ends two bytes before `lineEnd`. */
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
 * Rows `from` (inclusive) to `to` (exclusive) of a batch, sharing its memory. The offsets are rebased,
 * so that the result is a batch in its own right.
 */
export function sliceBatch(batch: ChangeBatch, from: number, to: number): ChangeBatch {
  if (from === 0 && to === batch.count) return batch;
  const start = from === 0 ? 0 : (batch.lineEnd[from - 1] ?? 0);
  const end = to === 0 ? 0 : (batch.lineEnd[to - 1] ?? 0);
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
    bytes: batch.bytes.subarray(start, end),
    seq: batch.seq.subarray(from, to),
    op: batch.op.subarray(from, to),
    n: batch.n.subarray(from, to),
    lineEnd: batch.lineEnd.slice(from, to).map((offset) => offset - start),
    rowStart: batch.rowStart.slice(from, to).map((offset) => offset - start),
  };
}
