import { BatchBuilder } from "../../src/capture/batch-builder.ts";
import type { MappedColumn, TableMap } from "../../src/capture/table-map.ts";
import type { ChangeBatch, RowForm } from "../../src/types/change-batch.ts";
import { schemaVersion } from "../../src/types/schema-version.ts";
import type { TableId } from "../../src/types/table-id.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { recordsOf, type BatchRecord } from "./batch-records.ts";
import { rowImage, type ImageCell } from "./row-image.ts";
import { sharedSpareMemory } from "../../src/util/spare-memory.ts";

/** Of the transactions, in front of their number. */
export const GTID = "0c6af1f1-e54f-11f1-9974-02fc00000001";
export const SOURCE = { source: "shop", epoch: 2, version: "1.2.3" };

export const int = (name: string): MappedColumn => ({
  name,
  type: { kind: "int", bytes: 4, unsigned: false },
  lengthBytes: 0,
});
export const text = (name: string, lengthBytes = 1): MappedColumn => ({
  name,
  type: { kind: "text", form: "varchar", charset: "utf8mb4" },
  lengthBytes,
});

/** A table that takes row events and makes batches of them, as capture has it. */
export class EventTable {
  readonly schema: TableSchema;
  readonly #builder: BatchBuilder;
  readonly #columns: readonly MappedColumn[];
  readonly #reader: ReturnType<BatchBuilder["reader"]>;
  #ordinal = 0;

  constructor(
    id: TableId,
    columns: readonly MappedColumn[],
    options: {
      readonly primaryKey: readonly string[];
      readonly form?: RowForm;
      readonly source?: typeof SOURCE;
    },
  ) {
    const { primaryKey, form = "records", source = SOURCE } = options;
    const version = schemaVersion(columns, primaryKey);
    this.schema = {
      id,
      columns: columns.map((column) => ({ ...column, mysqlType: "" })),
      primaryKey,
      version,
    };
    const map: TableMap = { id, columns, primaryKey, version };
    this.#columns = columns;
    this.#builder = new BatchBuilder(this.schema, {
      numbering: { seq: 0, ordinal: 0 },
      form,
      recordSource: source,
      spare: sharedSpareMemory(),
    });
    this.#reader = this.#builder.reader(map);
  }

  begin(commitUs: number, gtid = `${GTID}:${this.#ordinal + 1}`): this {
    this.#builder.beginTransaction({ ordinal: ++this.#ordinal, gtid, commitUs });
    return this;
  }

  end(): this {
    this.#builder.endTransaction();
    return this;
  }

  /** An event with these row images; those of an update come in pairs. */
  event(operation: "c" | "u" | "d", ...rows: readonly (readonly ImageCell[])[]): this {
    const bytes = Buffer.concat(rows.map((row) => rowImage(this.#columns, row)));
    this.#builder.add({ operation, bytes, from: 0, to: bytes.length }, this.#reader);
    return this;
  }

  take(): ChangeBatch {
    return this.#builder.take();
  }

  /** Takes a batch for the records in it. */
  records(): readonly BatchRecord[] {
    return recordsOf(this.take());
  }
}
