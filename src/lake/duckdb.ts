/**
 * DuckDB as the lake uses it: one instance for the process, a few connections, and no network. Statements
 * are built as text; names and texts get into them by `identifier` and `literal` alone.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from "@duckdb/node-api";
import { assert } from "../util/assert.ts";
import { streamChunks } from "./chunk-stream.ts";
import { duckError, duckFailure } from "./duckdb-error.ts";
import { processFolder } from "./process-folder.ts";

export interface LakeDatabaseOptions {
  readonly memoryBytesMax: number;
  readonly threads: number;
  /** Spilled and staged data go into a folder of this process below it. */
  readonly tempDir: string;
  /** Rows come in the order of their files, which costs memory where many are written. Not, without it. */
  readonly isOrdered?: boolean;
}

export type SqlRow = readonly unknown[];

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export function literal(text: string): string {
  assert(!text.includes("\0"), "a text with NUL cannot stand in a statement");
  return `'${text.replaceAll("'", "''")}'`;
}

/** The rows of files that have the same columns; what their folders are called means nothing. */
export const readParquet = (files: readonly string[]): string =>
  `read_parquet([${files.map(literal).join(", ")}], hive_partitioning = false)`;

/** One connection: statements run one after another. */
export class Sql {
  readonly #connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Runs a statement; returns how many rows it wrote, where it is one that writes. */
  async run(statement: string): Promise<number> {
    try {
      const result = await this.#connection.run(statement);
      return result.rowsChanged;
    } catch (error) {
      throw duckError(duckFailure(error));
    }
  }

  /** BIGINT and HUGEINT values come as bigint, smaller ones as number. */
  async rows(statement: string): Promise<readonly SqlRow[]> {
    try {
      return (await this.#connection.runAndReadAll(statement)).getRowsJS();
    } catch (error) {
      throw duckError(duckFailure(error));
    }
  }

  /** Rows while they are made, for which `streamChunks` has the terms. */
  stream(statement: string, signal: AbortSignal): AsyncGenerator<DuckDBDataChunk, void, void> {
    return streamChunks(this.#connection, statement, {
      signal,
      toError: (error) => duckError(duckFailure(error)),
    });
  }

  close(): void {
    this.#connection.closeSync();
  }
}

export class LakeDatabase {
  readonly #instance: DuckDBInstance;
  readonly #idle: Sql[] = [];
  readonly #all: Sql[] = [];
  #tables = 0;
  /** Folder of this process for files that need not outlive it. */
  readonly folder: string;
  readonly threads: number;

  private constructor(instance: DuckDBInstance, folder: string, threads: number) {
    this.#instance = instance;
    this.folder = folder;
    this.threads = threads;
  }

  static async open(options: LakeDatabaseOptions): Promise<LakeDatabase> {
    const folder = await processFolder(options.tempDir);
    const instance = await DuckDBInstance.create(":memory:", {
      threads: String(options.threads),
      memory_limit: `${Math.floor(options.memoryBytesMax / 1024)}KiB`,
      temp_directory: join(folder, "spill"),
      preserve_insertion_order: String(options.isOrdered === true),
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false",
      errors_as_json: "true",
      // Each file is read once or twice and then never again, and its memory is better spent on the merge.
      enable_external_file_cache: "false",
      // Give memory back soon: what the process holds is bounded as a whole.
      allocator_flush_threshold: "16MB",
    });
    return new LakeDatabase(instance, folder, options.threads);
  }

  /** Lends a connection for the time of the work. */
  async use<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = this.#idle.pop() ?? (await this.#connect());
    try {
      return await work(sql);
    } finally {
      this.#idle.push(sql);
    }
  }

  /** The same for a statement whose rows are taken while they are made. */
  async *stream(statement: string, signal: AbortSignal): AsyncGenerator<DuckDBDataChunk, void, void> {
    const sql = this.#idle.pop() ?? (await this.#connect());
    try {
      yield* sql.stream(statement, signal);
    } finally {
      this.#idle.push(sql);
    }
  }

  /** A number for the names of a table's objects in the instance that all tables share. */
  nextTableNumber(): number {
    return ++this.#tables;
  }

  async close(): Promise<void> {
    for (const sql of this.#all) sql.close();
    this.#instance.closeSync();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #connect(): Promise<Sql> {
    const sql = new Sql(await this.#instance.connect());
    this.#all.push(sql);
    // Of the session, not of the instance. Text and TIMESTAMPTZ are converted by it.
    await sql.run("SET TimeZone = 'UTC'");
    // Operators otherwise gather up to 2048 rows behind a join, which is gigabytes where rows are megabytes.
    await sql.run("SET enable_caching_operators = false");
    return sql;
  }
}
