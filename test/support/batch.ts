import { OP_CODE, type ChangeBatch, type Operation } from "../../src/types/change-batch.ts";
import { schemaVersion } from "../../src/types/schema-version.ts";
import type { Column, TableSchema } from "../../src/types/table-schema.ts";

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
  options: { readonly firstGtid: number; readonly firstSeq: number; readonly schema?: TableSchema },
): ChangeBatch {
  const lines: Buffer[] = [];
  const seq: number[] = [];
  const op: number[] = [];
  const n: number[] = [];
  const lineEnd: number[] = [];
  const rowStart: number[] = [];
  const refs: { ordinal: number; gtid: string; commitUs: number; firstRow: number }[] = [];
  let end = 0;
  transactions.forEach((changes, t) => {
    const number = options.firstGtid + t;
    refs.push({ ordinal: number, gtid: gtid(number), commitUs: number * 1_000_000, firstRow: lines.length });
    changes.forEach((change, i) => {
      const next = options.firstSeq + lines.length;
      const row = change.op === "d" ? { id: change.id } : { id: change.id, v: change.v ?? null };
      const head = `{"q":${next},"o":"${change.op}","t":${number},"n":${i},"r":`;
      const line = Buffer.from(`${head}${JSON.stringify(row)}}\n`);
      lines.push(line);
      rowStart.push(end + Buffer.byteLength(head));
      end += line.length;
      lineEnd.push(end);
      seq.push(next);
      op.push(OP_CODE[change.op]);
      n.push(i);
    });
  });
  return {
    schema: options.schema ?? SIMPLE_SCHEMA,
    transactions: refs,
    count: lines.length,
    bytes: Uint8Array.from(Buffer.concat(lines)),
    seq: Float64Array.from(seq),
    op: Uint8Array.from(op),
    n: Uint32Array.from(n),
    lineEnd: Uint32Array.from(lineEnd),
    rowStart: Uint32Array.from(rowStart),
  };
}

/** The lines of a batch as objects, for comparing. */
export const batchLines = (batch: ChangeBatch): readonly unknown[] =>
  Buffer.from(batch.bytes)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
