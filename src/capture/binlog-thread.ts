import { Worker } from "node:worker_threads";
import { decodeSourcePosition } from "../types/source-position.ts";
import { batchBytes, type ChangeBatch } from "../types/change-batch.ts";
import type { SourceStream, StreamItem } from "../types/ports.ts";
import { sleep } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import { decodeError } from "../util/error-transfer.ts";
import type { Log, LogLevel } from "../util/log.ts";
import { stopOfPlain, type ToMain, type ToWorker, type WorkerInput } from "./binlog-messages.ts";

const GRACE_MS = 1000;

/**
 * The main thread's end of the capture thread: its items in order, as an async iterable. Taking a batch makes
 * room for another. After `stop` the items that are complete still come, then the end.
 */
export class BinlogThread implements SourceStream {
  readonly #worker: Worker;
  readonly #schemas: WorkerInput["schemas"];
  readonly #log: Log;
  readonly #items: StreamItem[] = [];
  readonly #exited: Promise<void>;
  #wake: (() => void) | null = null;
  #end: { readonly error: Error | null } | null = null;

  constructor(input: WorkerInput, log: Log) {
    this.#schemas = input.schemas;
    this.#log = log;
    // The extension is that of this file: `.ts` from the sources, `.js` when built.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./binlog-worker.${extension}`, import.meta.url), {
      workerData: input,
      name: "capture",
      // The thread's memory is bounded by the queue; what it may use beside that is small.
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    this.#worker.on("message", (message: ToMain) => {
      this.#receive(message);
    });
    this.#worker.on("error", (error: Error) => {
      this.#finish(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#finish(code === 0 ? null : new Error(`the capture thread ended with code ${code}`));
        resolve();
      });
    });
  }

  stop(): void {
    this.#post({ kind: "stop" });
  }

  /**
   * Ends the thread, whatever it does; what it has not handed out is dropped. It gets a moment to end by itself:
   * a thread that is torn down in the middle of its work has been seen to take the process with it.
   */
  async terminate(): Promise<void> {
    this.#items.length = 0;
    this.#finish(null);
    this.stop();
    const grace = new AbortController();
    await Promise.race([this.#exited, sleep(GRACE_MS, grace.signal).catch(() => undefined)]);
    grace.abort();
    await this.#worker.terminate();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamItem, void, void> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        const bytes = item.kind === "batch" ? batchBytes(item.batch) : 0;
        yield item;
        if (bytes > 0) this.#post({ kind: "taken", bytes });
        continue;
      }
      if (this.#end !== null) {
        if (this.#end.error !== null) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
  }

  recycle({ rows }: ChangeBatch): void {
    if (rows.form !== "records") return;
    const { buffer: memory } = rows.bytes;
    if (memory instanceof SharedArrayBuffer) this.#post({ kind: "memory", memory });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: ToMain): void {
    // What comes behind the end was dropped with the thread.
    if (this.#end !== null) return;
    switch (message.kind) {
      case "batch": {
        const schema = must(this.#schemas[message.schema], "the schema of a batch");
        this.#push({ kind: "batch", batch: { schema, ...message.batch } });
        return;
      }
      case "position":
        this.#push({
          ...message,
          position: decodeSourcePosition(message.position),
          stops: message.stops.map(stopOfPlain),
        });
        return;
      case "abort":
        this.#push(message);
        return;
      case "log": {
        const {
          level,
          message: text,
          time: _time,
          ...fields
        } = JSON.parse(message.line) as {
          level: LogLevel;
          message: string;
          time: string;
        } & Record<string, string | number>;
        this.#log[level](text, fields);
        return;
      }
      case "end":
        this.#finish(message.error === null ? null : decodeError(message.error));
    }
  }

  #push(item: StreamItem): void {
    this.#items.push(item);
    this.#wake?.();
  }

  #finish(error: Error | null): void {
    this.#end ??= { error };
    this.#wake?.();
  }
}
