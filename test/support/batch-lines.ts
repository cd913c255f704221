import { OP_CODE, operationOf, type ChangeBatch, type Operation } from "../../src/types/change-batch.ts";
import { must } from "../../src/util/assert.ts";

/** One change of a batch, taken apart. */
export interface BatchLine {
  readonly seq: number;
  readonly op: Operation;
  readonly n: number;
  /** Index in the batch's list of transactions. */
  readonly transaction: number;
  /** The row's JSON. */
  readonly row: string;
}

export function linesOf(batch: ChangeBatch): readonly BatchLine[] {
  const text = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  return Array.from({ length: batch.count }, (_, i) => ({
    seq: must(batch.seq[i], "seq"),
    op: operationOf(must(batch.op[i], "operation")),
    n: must(batch.n[i], "n"),
    transaction: batch.transactions.findLastIndex(({ firstRow }) => firstRow <= i),
    row: text.toString("utf8", must(batch.rowStart[i], "start of a row"), must(batch.lineEnd[i], "end") - 2),
  }));
}

/** The batch with other lines, in the format that all stages agree on. */
export function withLines(batch: ChangeBatch, lines: readonly BatchLine[]): ChangeBatch {
  const parts = lines.map((line) => {
    const { ordinal } = must(batch.transactions[line.transaction], "the transaction of a line");
    const head = `{"q":${line.seq},"o":"${line.op}","t":${ordinal},"n":${line.n},"r":`;
    return { head: Buffer.byteLength(head), bytes: Buffer.from(`${head}${line.row}}\n`) };
  });
  const lineEnd = new Uint32Array(parts.length);
  const rowStart = new Uint32Array(parts.length);
  let end = 0;
  parts.forEach(({ head, bytes }, i) => {
    rowStart[i] = end + head;
    end += bytes.length;
    lineEnd[i] = end;
  });
  const transactions = batch.transactions.map((transaction, t) => {
    const first = lines.findIndex((line) => line.transaction >= t);
    return { ...transaction, firstRow: first < 0 ? lines.length : first };
  });
  return {
    schema: batch.schema,
    transactions,
    count: lines.length,
    bytes: Uint8Array.from(Buffer.concat(parts.map(({ bytes }) => bytes))),
    seq: Float64Array.from(lines.map(({ seq }) => seq)),
    op: Uint8Array.from(lines.map(({ op }) => OP_CODE[op])),
    n: Uint32Array.from(lines.map(({ n }) => n)),
    lineEnd,
    rowStart,
  };
}
