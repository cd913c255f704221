import type { ChangeBatch, RowForm, TransactionRef } from "../../src/types/change-batch.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { batchOf, type BatchLine } from "./batch-lines.ts";

/** A change with its values as canonical JSON texts; of a delete only those of the key count. */
export type RowChange =
  | { readonly op: "c" | "u" | "d"; readonly row: readonly string[] }
  /** A changed key: a delete and a create of one number. */
  | { readonly op: "move"; readonly from: readonly string[]; readonly row: readonly string[] };

/** Makes batches as capture does, one after another: seq, transaction numbers and GTIDs go on. */
export class ChangeWriter {
  readonly #schema: TableSchema;
  readonly #uuid: string;
  readonly #form: RowForm;
  #seq: number;
  #ordinal = 0;
  /** Number of the last transaction. */
  gtidNumber: number;

  constructor(
    schema: TableSchema,
    from: {
      readonly seq?: number;
      readonly gtid?: number;
      readonly uuid?: string;
      readonly form?: RowForm;
    } = {},
  ) {
    this.#schema = schema;
    this.#uuid = from.uuid ?? "0c6af1f1-e54f-11f1-9974-02fc00000001";
    this.#form = from.form ?? "columns";
    this.#seq = from.seq ?? 0;
    this.gtidNumber = from.gtid ?? 0;
  }

  get seq(): number {
    return this.#seq;
  }

  /** All transactions up to the last one, as a GTID set in its canonical text. */
  get gtids(): string {
    if (this.gtidNumber === 0) return "";
    return this.gtidNumber === 1 ? `${this.#uuid}:1` : `${this.#uuid}:1-${this.gtidNumber}`;
  }

  /** One list of changes for each transaction, a second apart. */
  batch(transactions: readonly (readonly RowChange[])[]): ChangeBatch {
    const refs: TransactionRef[] = [];
    const lines: BatchLine[] = [];
    for (const changes of transactions) {
      const ordinal = ++this.#ordinal;
      const number = ++this.gtidNumber;
      const gtid = `${this.#uuid}:${number}`;
      refs.push({
        ordinal,
        gtid,
        commitUs: 1_780_000_000_000_000 + number * 1_000_000,
        firstRow: lines.length,
      });
      changes.forEach((change, n) => {
        const parts =
          change.op === "move"
            ? ([
                ["d", change.from],
                ["c", change.row],
              ] as const)
            : ([[change.op, change.row]] as const);
        for (const [op, row] of parts) {
          const seq = ++this.#seq;
          const json = op === "d" ? this.#keyJson(row) : this.rowJson(row);
          lines.push({ seq, op, n, transaction: refs.length - 1, row: json });
        }
      });
    }
    return batchOf({ schema: this.#schema, transactions: refs, form: this.#form }, lines);
  }

  rowJson(row: readonly string[]): string {
    const fields = this.#schema.columns.map(
      (column, i) => `${JSON.stringify(column.name)}:${row[i] ?? "null"}`,
    );
    return `{${fields.join(",")}}`;
  }

  #keyJson(row: readonly string[]): string {
    const fields = this.#schema.columns.flatMap((column, i) =>
      this.#schema.primaryKey.includes(column.name)
        ? [`${JSON.stringify(column.name)}:${row[i] ?? "null"}`]
        : [],
    );
    return `{${fields.join(",")}}`;
  }
}
