import type { ColumnRows } from "../../src/types/column-values.ts";
import type { ChunkSink } from "../../src/types/ports.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { rowTexts } from "./row-columns.ts";

/** Keeps the canonical rows of a chunk. */
export class MemorySink implements ChunkSink {
  readonly #schema: TableSchema;
  /** Of the last reading. */
  rows: string[] = [];
  readAtMs = 0;

  constructor(schema: TableSchema) {
    this.#schema = schema;
  }

  begin(readAtMs: number): Promise<void> {
    this.rows = [];
    this.readAtMs = readAtMs;
    return Promise.resolve();
  }

  write(rows: ColumnRows): Promise<void> {
    for (const text of rowTexts(this.#schema, rows)) this.rows.push(text);
    return Promise.resolve();
  }
}
