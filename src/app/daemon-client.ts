import { connect } from "node:net";
import { z } from "zod";
import { syncError } from "../types/errors.ts";
import type { TablePattern } from "../types/table-pattern.ts";
import type { TraceQuery, TraceRecord } from "../types/ports.ts";
import { codeOf } from "../util/errors.ts";
import {
  daemonRecords,
  daemonStatus,
  decodeRecord,
  type DaemonRequest,
  type DaemonStatus,
} from "./daemon-protocol.ts";
import { daemonSocketPath } from "./daemon-socket.ts";

const reply = z.union([z.strictObject({ ok: z.unknown() }), z.strictObject({ error: z.string() })]);

/** Asks the running `follow` of a state folder. */
export class DaemonClient {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Null when none is running. */
  static async find(stateDir: string): Promise<DaemonClient | null> {
    const client = new DaemonClient(daemonSocketPath(stateDir));
    try {
      await client.status();
      return client;
    } catch (error) {
      if (error instanceof Error && ABSENT.has(codeOf(error.cause))) return null;
      throw error;
    }
  }

  async status(): Promise<DaemonStatus> {
    return this.#ask({ method: "status" }, { timeoutMs: STATUS_TIMEOUT_MS, answer: daemonStatus });
  }

  async records(query: TraceQuery): Promise<readonly TraceRecord[]> {
    const records = await this.#ask(
      { method: "records", query },
      { timeoutMs: RECORDS_TIMEOUT_MS, answer: daemonRecords },
    );
    return records.map(decodeRecord);
  }

  /** Waits until the trace store has all counts, for at most so long. */
  async settle(timeoutMs: number): Promise<void> {
    await this.#ask(
      { method: "settle", timeoutMs },
      { timeoutMs: timeoutMs + STATUS_TIMEOUT_MS, answer: z.null() },
    );
  }

  /** Names of the tables that it reads again from now on. */
  async resnapshot(tables: readonly TablePattern[]): Promise<readonly string[]> {
    const names = await this.#ask(
      { method: "resnapshot", tables: tables.map(({ text }) => text) },
      { timeoutMs: STATUS_TIMEOUT_MS, answer: z.array(z.string()) },
    );
    if (names.length > 0) return names;
    throw syncError("LAKE_TABLE_MISSING", "the running follow has none of these tables", {
      hint: "`tallylake status` lists what it has; a table that it left out needs it to be stopped first",
    });
  }

  async #ask<T>(
    request: DaemonRequest,
    { timeoutMs, answer }: { readonly timeoutMs: number; readonly answer: z.ZodType<T> },
  ): Promise<T> {
    const text = await this.#exchange(`${JSON.stringify(request)}\n`, timeoutMs);
    const got = parseReply(text);
    if (got === null) throw unavailable("the running follow has ended, or is of another version");
    if ("error" in got) throw unavailable(`the running follow answers: ${got.error}`);
    const parsed = answer.safeParse(got.ok);
    if (parsed.success) return parsed.data;
    throw unavailable("the running follow is of another version", parsed.error);
  }

  #exchange(line: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#path);
      let text = "";
      socket.setEncoding("utf8");
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      socket.on("connect", () => socket.write(line));
      socket.on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("end", () => {
        resolve(text);
      });
      socket.on("error", (error) => {
        reject(unavailable(`the running follow cannot be asked at ${this.#path}`, error));
      });
    });
  }
}

/** Null when it is no whole answer: a process that ends closes its connections where they stand. */
function parseReply(text: string): z.infer<typeof reply> | null {
  try {
    return reply.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

const STATUS_TIMEOUT_MS = 5000;
const RECORDS_TIMEOUT_MS = 60_000;
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ECONNREFUSED"]);

const unavailable = (message: string, cause?: unknown): Error =>
  syncError("DAEMON_UNAVAILABLE", message, {
    hint: "look whether `tallylake follow` still runs, and at its log",
    ...(cause === undefined ? {} : { cause }),
  });
