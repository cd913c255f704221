import { mkdir } from "node:fs/promises";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import type { createChdbConnection } from "chdb/connection";
import { syncError } from "../types/errors.ts";
import { StopError } from "../util/abort.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import type { Secret } from "../util/secret.ts";
import { traceError } from "./clickhouse-error.ts";

/** Typed parameters of a statement: the only way by which a value gets into one. */
export type StatementParams = Readonly<Record<string, string | number | readonly string[]>>;

/** What this stage needs of ClickHouse, whichever way it is reached. */
export interface ClickHouse {
  /** Host or folder, for messages. */
  readonly where: string;
  /** Rows of a SELECT as arrays of JSON values. 64-bit integers must be selected as text. */
  select(step: string, query: string, params: StatementParams): Promise<readonly unknown[]>;
  /** The same row by row, letting other work go on in between. */
  scan(step: string, query: string, scan: Scan): Promise<void>;
  run(step: string, statement: string, params: StatementParams): Promise<void>;
  /** `statement` is an INSERT without its FORMAT; resolved when the rows are durable. */
  insert(step: string, statement: string, insert: InsertRows): Promise<void>;
  /** Ends what is under way with StopError. */
  close(): Promise<void>;
}

export interface Scan {
  readonly params: StatementParams;
  readonly onRow: (row: unknown) => void;
}

export interface InsertRows {
  readonly params: StatementParams;
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

export interface ClickHouseUrl {
  readonly kind: "url";
  /** Without user and password. Certificates of https are verified. */
  readonly url: string;
  readonly user: string;
  readonly password: Secret | null;
}

/** ClickHouse inside this process. One process at a time can have a folder open, and a process only one. */
export interface ClickHouseFolder {
  readonly kind: "path";
  readonly path: string;
}

export interface ClickHouseOptions {
  readonly target: ClickHouseUrl | ClickHouseFolder;
  /** For each statement. */
  readonly timeoutMs?: number;
  /** Imports the optional package; a test passes one that fails. */
  readonly loadChdb?: () => Promise<Chdb>;
}

/** What is used of the optional package. */
interface Chdb {
  readonly createChdbConnection: typeof createChdbConnection;
}

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["connection"]>;

const TIMEOUT_MS = 30_000;
/** Some milliseconds of work: `follow` streams on the same thread while a report reads. */
const ROWS_AT_ONCE = 500;

/**
 * An insert must be durable when it is acknowledged, and it is identified by our own keys and not by the
 * server's memory of recent blocks. One thread: the statements are small and the data path needs the cores.
 */
const SETTINGS = {
  async_insert: 0,
  insert_deduplicate: 0,
  input_format_parallel_parsing: 0,
  max_threads: 1,
  max_insert_threads: "1",
} as const;

/** In process a statement shares the memory with the data path; it fails before it takes too much. */
const STATEMENT_BYTES_MAX = String(256 * 1024 ** 2);

/** Opens a client; a server is not contacted before the first statement. */
export async function openClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  const { target, timeoutMs = TIMEOUT_MS } = options;
  if (target.kind === "path") return await openFolder(target.path, options);
  const client = createClient({
    url: target.url,
    username: target.user,
    password: target.password?.reveal() ?? "",
    application: "tallylake",
    request_timeout: timeoutMs,
    clickhouse_settings: SETTINGS,
    // Errors reach the caller, and stderr belongs to our own log.
    log: { level: ClickHouseLogLevel.OFF },
  });
  return new Connection(client, { where: new URL(target.url).host, timeoutMs, afterClose: async () => {} });
}

async function openFolder(path: string, options: ClickHouseOptions): Promise<ClickHouse> {
  const load = options.loadChdb ?? (() => import("chdb/connection"));
  let chdb: Chdb;
  try {
    chdb = await load();
  } catch (error) {
    throw syncError(
      "TRACE_UNAVAILABLE",
      codeOf(error) === "ERR_MODULE_NOT_FOUND"
        ? "trace store: ClickHouse in process needs the package chdb, which is not installed"
        : `trace store: the package chdb does not load here: ${messageOf(error)}`,
      { hint: "run `npm install chdb@3.4.0`, or set trace.url to a ClickHouse server", cause: error },
    );
  }
  try {
    await mkdir(path, { recursive: true });
    // The two packages bring a copy each of the same declarations, with private fields that TypeScript
    // compares by name; that they fit at run time is what the contract suite of TraceStore shows.
    const connection = chdb.createChdbConnection({ path }) as unknown as ClientConnection;
    const client = createClient({
      connection,
      clickhouse_settings: { ...SETTINGS, max_memory_usage: STATEMENT_BYTES_MAX },
      log: { level: ClickHouseLogLevel.OFF },
    });
    return new Connection(client, {
      where: path,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      // The engine lets go of the folder only when the last statement has ended.
      afterClose: async () => await (await import("chdb")).drainPending(),
    });
  } catch (error) {
    throw syncError("TRACE_UNAVAILABLE", `trace store: cannot open ${path}: ${messageOf(error)}`, {
      hint: "stop the other process that has this folder open, or make the folder writable",
      cause: error,
    });
  }
}

interface ConnectionFacts {
  readonly where: string;
  readonly timeoutMs: number;
  readonly afterClose: () => Promise<void>;
}

class Connection implements ClickHouse {
  readonly #client: ClickHouseClient;
  readonly #facts: ConnectionFacts;
  readonly #closed = new AbortController();

  constructor(client: ClickHouseClient, facts: ConnectionFacts) {
    this.#client = client;
    this.#facts = facts;
  }

  get where(): string {
    return this.#facts.where;
  }

  async select(step: string, query: string, params: StatementParams): Promise<readonly unknown[]> {
    const rows: unknown[] = [];
    await this.scan(step, query, { params, onRow: (row) => rows.push(row) });
    return rows;
  }

  async scan(step: string, query: string, { params, onRow }: Scan): Promise<void> {
    await this.#guard(step, async (abort_signal) => {
      const answer = await this.#client.query({
        query,
        query_params: params,
        format: "JSONCompactEachRow",
        abort_signal,
      });
      let count = 0;
      for await (const lines of answer.stream<unknown>()) {
        for (const line of lines) {
          onRow(line.json());
          if (++count % ROWS_AT_ONCE === 0) await setImmediate();
        }
      }
    });
  }

  async run(step: string, statement: string, params: StatementParams): Promise<void> {
    await this.#guard(step, async (abort_signal) => {
      await this.#client.command({ query: statement, query_params: params, abort_signal });
    });
  }

  async insert(step: string, statement: string, { params, rows }: InsertRows): Promise<void> {
    if (rows.length === 0) return;
    const body = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    await this.#guard(step, async (abort_signal) => {
      const answer = await this.#client.exec({
        query: `${statement} FORMAT JSONCompactEachRow`,
        query_params: params,
        values: Readable.from([Buffer.from(body)]),
        abort_signal,
      });
      // An exception that follows the headers is in the body, so the body is read to its end.
      for await (const _ of answer.stream);
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed()) return;
    this.#closed.abort();
    await this.#client.close();
    await this.#facts.afterClose();
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  async #guard<T>(step: string, statement: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#isClosed()) throw new StopError("the trace store is closed");
    const timeout = AbortSignal.timeout(this.#facts.timeoutMs);
    try {
      return await statement(AbortSignal.any([this.#closed.signal, timeout]));
    } catch (error) {
      if (this.#isClosed()) throw new StopError("the trace store is closed", { cause: error });
      if (timeout.aborted) {
        throw traceError(new Error(`no answer within ${this.#facts.timeoutMs} ms`), step, this.where);
      }
      throw traceError(error, step, this.where);
    }
  }
}
