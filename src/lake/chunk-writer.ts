import { open, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ColumnRows } from "../types/column-values.ts";
import { stateFileError } from "../types/file-error.ts";
import type { ChunkWriter, StagedChunk } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import { messageOf } from "../util/errors.ts";
import { step } from "../util/step.ts";
import { CHUNK_FIELDS, CHUNK_KEY, chunkFacts } from "./chunk-stage.ts";
import { ColumnFileBuilder } from "./column-file.ts";
import { literal, type LakeDatabase } from "./duckdb.ts";
import { longs } from "./number-column.ts";
import { isSorted } from "./row-relation.ts";
import type { RowShape } from "./row-shape.ts";
import { columnSource, sourceColumns } from "./row-source.ts";
import { writeParts } from "./scratch-file.ts";
import { LocalStorage, TEMP_PREFIX } from "./storage-local.ts";
import { writeTypedFile } from "./typed-file.ts";

export interface ChunkFileOptions {
  readonly db: LakeDatabase;
  readonly shape: RowShape;
  readonly index: number;
  /** The staged file. */
  readonly target: string;
}

/** Writes the rows of a chunk as they come, and makes the staged file of them. */
export class ChunkFile implements ChunkWriter {
  readonly #options: ChunkFileOptions;
  readonly #storage: LocalStorage;
  readonly #path: string;
  #file: FileHandle | null = null;
  #builder: ColumnFileBuilder | null = null;
  #readAtMs = 0;

  constructor(options: ChunkFileOptions) {
    this.#options = options;
    const folder = dirname(options.target);
    this.#storage = new LocalStorage(folder);
    // Always the same, so that what a crash has left is written over and not left behind.
    this.#path = join(folder, `${TEMP_PREFIX}${basename(options.target)}`);
  }

  async begin(readAtMs: number): Promise<void> {
    await this.abandon();
    step("lake.chunk.begin");
    const { shape, index } = this.#options;
    this.#readAtMs = readAtMs;
    this.#builder = new ColumnFileBuilder(sourceColumns(shape, CHUNK_FIELDS), {
      [CHUNK_KEY]: chunkFacts(shape, { index, readAtMs }),
    });
    this.#file = await this.#attempt(() => open(this.#path, "w", 0o600));
    await this.#write(this.#builder.begin());
  }

  async write({ count, columns }: ColumnRows): Promise<void> {
    const builder = must(this.#builder, "a chunk that was begun");
    const fields = this.#fields(builder.rows, count);
    await this.#write(builder.rowGroup([{ count, columns: [...fields, ...columns] }]));
  }

  async finish(): Promise<StagedChunk> {
    const builder = must(this.#builder, "a chunk that was begun");
    const { index, target, shape } = this.#options;
    await this.#write(builder.end());
    await this.#close();
    const file = isSorted(shape) ? await this.#sort() : this.#path;
    step("lake.chunk.written");
    await this.#storage.adopt(file, target);
    await this.#storage.syncFolder(dirname(target));
    step("lake.chunk.durable");
    await this.abandon();
    return { index, file: target, rows: builder.rows };
  }

  async abandon(): Promise<void> {
    await this.#close();
    await rm(this.#path, { force: true });
  }

  /** The columns of `CHUNK_FIELDS`. */
  #fields(first: number, count: number): ColumnRows["columns"] {
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i++) numbers[i] = first + i;
    const chunk = new Int32Array(count).fill(this.#options.index);
    return [
      { form: "int64", values: longs(numbers), nulls: null },
      { form: "int32", values: new Uint8Array(chunk.buffer), nulls: null },
      { form: "int64", values: longs(new Float64Array(count).fill(this.#readAtMs)), nulls: null },
    ];
  }

  async #sort(): Promise<string> {
    const { db, shape, index } = this.#options;
    const source = columnSource(shape, { files: [this.#path], fields: CHUNK_FIELDS });
    const path = `${this.#path}.sorted`;
    const options = [
      // It is written once, flushed, and read once: snappy costs the least in all.
      "COMPRESSION snappy",
      `KV_METADATA {${literal(CHUNK_KEY)}: ${literal(chunkFacts(shape, { index, readAtMs: this.#readAtMs }))}}`,
    ];
    await db.use((sql) => writeTypedFile(sql, { shape, source }, { path, options }));
    return path;
  }

  #write(parts: readonly Uint8Array[]): Promise<void> {
    const file = must(this.#file, "the file of a chunk that was begun");
    return this.#attempt(() => writeParts(file, parts));
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const table = formatTableId(this.#options.shape.schema.id);
      throw stateFileError(
        error,
        `a chunk of ${table} cannot be written to ${this.#path}: ${messageOf(error)}`,
      );
    }
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}
