import type { ChangeBatch, Operation, RowForm, TransactionRef } from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { ColumnStore } from "./column-store.ts";
import { LineStore } from "./line-store.ts";
import type { RecordSource } from "./record-head.ts";
import { RecordStore } from "./record-store.ts";
import type { RowCursor } from "./row-decode.ts";
import type { TableMap } from "./table-map.ts";
import type { SpareMemory } from "../util/spare-memory.ts";

/** What a store is told of a change beside its row image. */
export interface ChangeFacts {
  readonly seq: number;
  readonly n: number;
  /** Of an update: where in the event the image before begins. */
  readonly before: number;
  /** It is the delete or the create of a changed key, which share one number. */
  readonly isHalf: boolean;
}

/** Reads row images of one TABLE_MAP into the store that made it. */
export interface RowReader {
  /** Of the image that was skipped or added last. */
  readonly cursor: RowCursor;
  /** Only finds the end of a row image and its keys. */
  skip(source: Uint8Array, from: number, to: number): void;
  /** Adds the image as the row of a change; of an update it is the one after. */
  add(operation: Operation, facts: ChangeFacts, source: Uint8Array, from: number, to: number): void;
}

/** Rows of one table's next batch, as they grow. */
export interface RowStore {
  /** Memory of the rows so far. */
  readonly byteLength: number;
  /** The rows that follow belong to this transaction, in the next batch too. */
  begin(transaction: Omit<TransactionRef, "firstRow">): void;
  reader(map: TableMap): RowReader;
  /** Takes the last row back. */
  undo(): void;
  /** Hands out the rows with their memory, and begins anew. */
  take(): ChangeBatch["rows"];
}

export interface RowStoreOptions {
  readonly form: RowForm;
  /** What records say of where they are from; rows of the other forms do not. */
  readonly recordSource: RecordSource;
  /** Where records get their memory from. */
  readonly spare: SpareMemory<SharedArrayBuffer>;
}

export function rowStore(schema: TableSchema, { form, recordSource, spare }: RowStoreOptions): RowStore {
  switch (form) {
    case "columns":
      return new ColumnStore(schema);
    case "lines":
      return new LineStore();
    case "records":
      return new RecordStore(schema, recordSource, spare);
  }
}
