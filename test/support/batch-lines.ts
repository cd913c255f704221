import {
  OP_CODE,
  operationOf,
  type ChangeBatch,
  type Operation,
  type RowForm,
  type RowLines,
} from "../../src/types/change-batch.ts";
import { must } from "../../src/util/assert.ts";
import { rowRecords } from "./batch-records.ts";
import { rowColumns, rowTexts } from "./row-columns.ts";

/** One change of a batch, taken apart. */
export interface BatchLine {
  readonly seq: number;
  readonly op: Operation;
  readonly n: number;
  /** Index in the batch's list of transactions. */
  readonly transaction: number;
  /** The row's JSON. */
  readonly row: string;
  /** That of the row as it was, for a record; without it that of `row`. */
  readonly before?: string;
}

/** The row of each change of a batch, as its canonical text, in whatever form they are. */
export function batchRows({ schema, count, op, rows }: ChangeBatch): readonly string[] {
  if (rows.form === "columns") {
    const isKey = (row: number): boolean => op[row - rows.first] === OP_CODE.d;
    return rowTexts(schema, rows, isKey).slice(rows.first, rows.first + count);
  }
  const { bytes, rowStart } = rows;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endOf = (i: number): number => {
    if (rows.form === "lines") return must(rows.lineEnd[i], "the end of a line") - 2;
    if (op[i] === OP_CODE.d) return must(rows.keyEnd[i], "the end of a key");
    return must(rows.valueEnd[i], "the end of a value") - 1;
  };
  return Array.from({ length: count }, (_, i) =>
    text.toString("utf8", must(rowStart[i], "the start of a row"), endOf(i)),
  );
}

export function linesOf(batch: ChangeBatch): readonly BatchLine[] {
  return batchRows(batch).map((row, i) => ({
    seq: must(batch.seq[i], "seq"),
    op: operationOf(must(batch.op[i], "operation")),
    n: must(batch.n[i], "n"),
    transaction: batch.transactions.findLastIndex(({ firstRow }) => firstRow <= i),
    row,
  }));
}

/** The batch with other changes, in its form. */
export function withLines(batch: ChangeBatch, lines: readonly BatchLine[]): ChangeBatch {
  const transactions = batch.transactions.map((transaction, t) => {
    const first = lines.findIndex((line) => line.transaction >= t);
    return { ...transaction, firstRow: first < 0 ? lines.length : first };
  });
  return batchOf({ schema: batch.schema, transactions, form: batch.rows.form }, lines);
}

/** A batch of these changes, in the format that all stages agree on. */
export function batchOf(
  head: Pick<ChangeBatch, "schema" | "transactions"> & { readonly form: RowForm },
  lines: readonly BatchLine[],
): ChangeBatch {
  const { schema, transactions, form } = head;
  return {
    schema,
    transactions,
    count: lines.length,
    seq: Float64Array.from(lines.map(({ seq }) => seq)),
    op: Uint8Array.from(lines.map(({ op }) => OP_CODE[op])),
    n: Uint32Array.from(lines.map(({ n }) => n)),
    rows: rowsOf({ schema, transactions, form }, lines),
  };
}

function rowsOf(
  { schema, transactions, form }: Pick<ChangeBatch, "schema" | "transactions"> & { readonly form: RowForm },
  lines: readonly BatchLine[],
): ChangeBatch["rows"] {
  switch (form) {
    case "columns":
      return rowColumns(
        schema,
        lines.map(({ row }) => row),
      );
    case "lines":
      return rowLines(transactions, lines);
    case "records":
      return rowRecords(schema, transactions, lines);
  }
}

function rowLines(transactions: ChangeBatch["transactions"], lines: readonly BatchLine[]): RowLines {
  const parts = lines.map((line) => {
    const { ordinal } = must(transactions[line.transaction], "the transaction of a line");
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
  return {
    form: "lines",
    bytes: Uint8Array.from(Buffer.concat(parts.map(({ bytes }) => bytes))),
    lineEnd,
    rowStart,
  };
}
