import type { ChangeBatch, Operation, RowForm, TransactionRef } from "../../src/types/change-batch.ts";
import { schemaVersion } from "../../src/types/schema-version.ts";
import type { Column, TableSchema } from "../../src/types/table-schema.ts";
import { batchOf, linesOf, type BatchLine } from "./batch-lines.ts";

const UUID = "0c6af1f1-e54f-11f1-9974-02fc00000001";

export const gtid = (number: number): string => `${UUID}:${number}`;

const columns: readonly Column[] = [
  { name: "id", type: { kind: "int", bytes: 4, unsigned: false }, mysqlType: "int" },
  { name: "v", type: { kind: "text", form: "varchar", charset: "utf8mb4" }, mysqlType: "varchar(20)" },
];

/** A table `shop.t (id INT PRIMARY KEY, v VARCHAR(20))`. */
export const SIMPLE_SCHEMA: TableSchema = {
  id: { database: "shop", table: "t" },
  columns,
  primaryKey: ["id"],
  version: schemaVersion(columns, ["id"]),
};

export interface Change {
  readonly op: Operation;
  readonly id: number;
  readonly v?: string;
}

/** A batch as capture makes it: one list of changes for each transaction, numbered from `firstGtid`. */
export function makeBatch(
  transactions: readonly (readonly Change[])[],
  options: {
    readonly firstGtid: number;
    readonly firstSeq: number;
    readonly schema?: TableSchema;
    readonly form?: RowForm;
  },
): ChangeBatch {
  const lines: BatchLine[] = [];
  const refs: TransactionRef[] = [];
  transactions.forEach((changes, transaction) => {
    const number = options.firstGtid + transaction;
    refs.push({ ordinal: number, gtid: gtid(number), commitUs: number * 1_000_000, firstRow: lines.length });
    changes.forEach(({ op, id, v }, n) => {
      const row = JSON.stringify(op === "d" ? { id } : { id, v: v ?? null });
      lines.push({ seq: options.firstSeq + lines.length, op, n, transaction, row });
    });
  });
  const { schema = SIMPLE_SCHEMA, form = "columns" } = options;
  return batchOf({ schema, transactions: refs, form }, lines);
}

/** The changes of a batch as objects, for comparing. */
export const batchLines = (batch: ChangeBatch): readonly unknown[] =>
  linesOf(batch).map(({ seq, op, n, transaction, row }) => ({
    q: seq,
    o: op,
    t: batch.transactions[transaction]?.ordinal,
    n,
    r: JSON.parse(row) as unknown,
  }));
