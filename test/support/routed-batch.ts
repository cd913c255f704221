import type { ChangeBatch, Operation } from "../../src/types/change-batch.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { gtid } from "./batch.ts";
import { batchOf, type BatchLine } from "./batch-lines.ts";

type Cells = Readonly<Record<string, string | number | null>>;

/** A change with whole rows: of an update the row behind it, of a delete the one before it. */
export interface RowChange {
  readonly op: Operation;
  readonly row: Cells;
  /** The row before an update. */
  readonly before?: Cells;
  /** Number of its transaction. */
  readonly gtid: number;
}

/** A batch of records with all columns in table order, as capture writes them. */
export function routedBatch(schema: TableSchema, changes: readonly RowChange[], firstSeq = 1): ChangeBatch {
  const json = (cells: Cells, names: readonly string[]): string =>
    `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(cells[name] ?? null)}`).join(",")}}`;
  const all = schema.columns.map(({ name }) => name);
  const numbers = [...new Set(changes.map((change) => change.gtid))];
  const lines = changes.map(({ op, row, before = row, gtid: number }, i): BatchLine => ({
    seq: firstSeq + i,
    op,
    n: i,
    transaction: numbers.indexOf(number),
    row: json(row, op === "d" ? schema.primaryKey : all),
    before: json(before, all),
  }));
  const transactions = numbers.map((number) => ({
    ordinal: number,
    gtid: gtid(number),
    commitUs: number * 1_000_000,
    firstRow: changes.findIndex((change) => change.gtid === number),
  }));
  return batchOf({ schema, transactions, form: "records" }, lines);
}
