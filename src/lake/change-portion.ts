import type { ChangeBatch, RowColumns, RowForm, RowLines } from "../types/change-batch.ts";
import { batchBytes, releaseRows } from "../types/change-batch.ts";
import type { ColumnRows, ColumnValues } from "../types/column-values.ts";
import { must } from "../util/assert.ts";
import { ColumnFileBuilder } from "./column-file.ts";
import { longs } from "./number-column.ts";
import type { RowShape } from "./row-shape.ts";
import { CHANGE_FIELDS, columnSource, lineSource, sourceColumns, type RowSource } from "./row-source.ts";
import { writeScratchFile } from "./scratch-file.ts";

export interface PortionFile {
  readonly path: string;
  readonly source: RowSource;
}

/** The forms of rows that a lake takes. Records are for Kafka; what comes back from there are lines. */
export type LakeRowForm = Exclude<RowForm, "records">;

/** Changes that go to DuckDB together, all of one form. */
export class ChangePortion {
  readonly form: LakeRowForm;
  readonly #batches: ChangeBatch[] = [];
  #bytes = 0;

  constructor(form: LakeRowForm) {
    this.form = form;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(batch: ChangeBatch): void {
    this.#batches.push(batch);
    this.#bytes += batchBytes(batch);
  }

  /** Writes the file that the source reads; its name begins with `name`. */
  write(name: string, shape: RowShape): Promise<PortionFile> {
    switch (this.form) {
      case "lines":
        return this.#writeLines(name, shape);
      case "columns":
        return this.#writeColumns(name, shape);
    }
  }

  async #writeLines(name: string, shape: RowShape): Promise<PortionFile> {
    const lines = this.#batches.map((batch) => batch.rows as RowLines);
    const path = `${name}.json`;
    await writeScratchFile(
      path,
      lines.map(({ bytes }) => bytes),
    );
    const lineBytesMax = Math.max(...lines.map(longestLine));
    this.#release();
    return { path, source: lineSource(shape, { path, lineBytesMax }, CHANGE_FIELDS) };
  }

  async #writeColumns(name: string, shape: RowShape): Promise<PortionFile> {
    const path = `${name}.columns`;
    const file = new ColumnFileBuilder(sourceColumns(shape, CHANGE_FIELDS));
    const pieces = this.#batches.map(withFields);
    await writeScratchFile(path, [...file.begin(), ...file.rowGroup(pieces), ...file.end()]);
    this.#release();
    return { path, source: columnSource(shape, { files: [path], fields: CHANGE_FIELDS }) };
  }

  /** The rows are in the file, and were the lake's own. */
  #release(): void {
    for (const batch of this.#batches.splice(0)) releaseRows(batch);
  }
}

function longestLine({ lineEnd }: RowLines): number {
  let longest = 0;
  let start = 0;
  for (const end of lineEnd) {
    if (end - start > longest) longest = end - start;
    start = end;
  }
  return longest;
}

/**
 * The columns of a batch with those of `CHANGE_FIELDS` in front. Where the batch is a part of the rows, the fields
 * of the others are NULL.
 */
function withFields(batch: ChangeBatch): ColumnRows {
  const rows = batch.rows as RowColumns;
  const { count, seq, n, op } = batch;
  const nulls = nullsAround(rows, count);
  const number = (values: Uint8Array): ColumnValues => ({ form: "int64", values, nulls });
  const fields = [
    number(longs(seq)),
    { form: "text" as const, values: letters(op), nulls },
    number(longs(ordinals(batch))),
    number(longs(n)),
  ];
  return { count: rows.count, columns: [...fields, ...rows.columns] };
}

/** The bitmap of the rows that are not `count` from the first one on; null when all are. */
function nullsAround({ first, count: total }: RowColumns, count: number): Uint8Array | null {
  if (first === 0 && count === total) return null;
  const nulls = new Uint8Array((total + 7) >> 3);
  for (let row = 0; row < total; row++) {
    if (row < first || row >= first + count)
      nulls[row >> 3] = must(nulls[row >> 3], "a byte") | (1 << (row & 7));
  }
  return nulls;
}

/** Each code as a text of one character. */
function letters(codes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(codes.length * 5);
  for (let i = 0; i < codes.length; i++) {
    bytes[i * 5] = 1;
    bytes[i * 5 + 4] = codes[i] as number;
  }
  return bytes;
}

/** For each row the number of its transaction. */
function ordinals({ transactions, count }: ChangeBatch): Float64Array {
  const ordinal = new Float64Array(count);
  transactions.forEach((transaction, i) => {
    ordinal.fill(transaction.ordinal, transaction.firstRow, transactions[i + 1]?.firstRow ?? count);
  });
  return ordinal;
}
