/**
 * A DuckDB of its own for one query. It is given the views, then it is shut: it can read the files of the
 * views and its own spill folder, nothing else on this machine or beyond it, and no setting can change that.
 * It could write the files that it may read, so only a SELECT gets to it: `query-statement.ts`.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  DuckDBInstance,
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBType,
} from "@duckdb/node-api";
import { assert } from "../util/assert.ts";
import { streamChunks } from "./chunk-stream.ts";
import { duckError, duckFailure } from "./duckdb-error.ts";
import { identifier, literal } from "./duckdb.ts";
import { processFolder } from "./process-folder.ts";
import { queryError, type QueryText } from "./query-error.ts";

export interface QueryLimits {
  readonly memoryBytesMax: number;
  readonly threads: number;
  /** Spilled data goes into a folder of this process below it. */
  readonly tempDir: string;
}

export interface QueryColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** Of the database that holds the views. MySQL's databases are its schemas, and no sane one has this name. */
const CATALOG = "(lake)";

export class QuerySession {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #folder: string;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, folder: string) {
    this.#instance = instance;
    this.#connection = connection;
    this.#folder = folder;
  }

  static async open(limits: QueryLimits): Promise<QuerySession> {
    const folder = await processFolder(limits.tempDir);
    const instance = await DuckDBInstance.create(":memory:", {
      threads: String(limits.threads),
      memory_limit: `${Math.floor(limits.memoryBytesMax / 1024)}KiB`,
      temp_directory: join(folder, "spill"),
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false",
      errors_as_json: "true",
    });
    const session = new QuerySession(instance, await instance.connect(), folder);
    // The first database is called memory, as one of MySQL may be.
    await session.run(
      `ATTACH ':memory:' AS ${identifier(CATALOG)}`,
      `USE ${identifier(CATALOG)}`,
      "DETACH memory",
      "SET TimeZone = 'UTC'",
    );
    return session;
  }

  /** Statements of ours; what goes wrong with them is not the query's fault. */
  async run(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) {
      try {
        await this.#connection.run(statement);
      } catch (error) {
        throw duckError(duckFailure(error));
      }
    }
  }

  /** From here on only these files can be read. */
  async shut(files: readonly string[], searchPath: readonly string[]): Promise<void> {
    const path = searchPath.map(identifier).join(",");
    await this.run(
      ...(path === "" ? [] : [`SET search_path = ${literal(path)}`]),
      `SET allowed_paths = [${files.map(literal).join(", ")}]`,
      "SET enable_external_access = false",
      "SET lock_configuration = true",
    );
  }

  /** One value that a function of DuckDB makes of a text. */
  async textOf(call: string, argument: string): Promise<string> {
    const prepared = await this.#connection.prepare(`SELECT ${call}`);
    prepared.bindVarchar(1, argument);
    const [row] = (await prepared.runAndReadAll()).getRowsJS();
    const [value] = row ?? [];
    assert(typeof value === "string", `${call} makes a text`);
    return value;
  }

  /** Columns of a query's result. */
  async describe(sql: string): Promise<readonly QueryColumn[]> {
    try {
      const prepared = await this.#connection.prepare(sql);
      return Array.from({ length: prepared.columnCount }, (_, i) => ({
        name: prepared.columnName(i),
        type: prepared.columnType(i),
      }));
    } catch (error) {
      throw queryError(error, { sql, offset: 0 });
    }
  }

  /** Runs a statement, part of which is the query; not more than a few chunks are in memory. */
  stream(
    statement: string,
    text: QueryText,
    signal: AbortSignal,
  ): AsyncGenerator<DuckDBDataChunk, void, void> {
    return streamChunks(this.#connection, statement, {
      signal,
      toError: (error) => queryError(error, text),
    });
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
