import type { RowColumns } from "../types/change-batch.ts";
import { columnForm } from "../types/column-values.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { ColumnBuffer } from "./column-buffer.ts";
import { compileColumnDecoder, type ColumnDecoder } from "./column-decode.ts";
import type { RowReader, RowStore } from "./row-store.ts";
import type { TableMap } from "./table-map.ts";

/** Rows as columns; of a delete the key alone. */
export class ColumnStore implements RowStore {
  readonly #columns: readonly ColumnBuffer[];
  #count = 0;

  constructor(schema: TableSchema) {
    this.#columns = schema.columns.map(({ type }) => new ColumnBuffer(columnForm(type)));
  }

  get byteLength(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.position;
    return bytes;
  }

  begin(): void {
    // The columns have nothing of a transaction.
  }

  reader(map: TableMap): RowReader {
    const decoder: ColumnDecoder = compileColumnDecoder(map, this.#columns);
    const { row, key, skip, cursor } = decoder;
    return {
      cursor,
      skip,
      add: (operation, _facts, source, from, to) => {
        try {
          if (operation === "d") key(source, from, to, this.#count);
          else row(source, from, to, this.#count);
        } catch (error) {
          // The columns before the value that cannot be read have the row, and those behind it do not.
          for (const column of this.#columns) column.truncate(this.#count);
          throw error;
        }
        this.#count++;
      },
    };
  }

  undo(): void {
    this.#count--;
    for (const column of this.#columns) column.undo(this.#count);
  }

  take(): RowColumns {
    const count = this.#count;
    this.#count = 0;
    return { form: "columns", first: 0, count, columns: this.#columns.map((column) => column.take(count)) };
  }
}
