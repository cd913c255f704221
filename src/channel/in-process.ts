/**
 * The channel between capture and apply.
 *
 * Job: hand over whole units of the source (batches and the position that they reach) so that the reader sees
 * all of a unit or nothing, in order, once. Implementations: in process (this file) and, later, Kafka.
 *
 * In process there is nothing to recover: the lake's commits hold the positions, and after a crash capture
 * begins again at the smallest of them. What is left is order, atomicity and a bound on memory. A unit is kept
 * in memory until it is committed; beyond `spillBytes` its batches go to a file, so that a transaction of any
 * size passes. Committed units wait in a queue that is bounded by rows and bytes: a full queue makes `commit`
 * wait, which pauses the reader of the binlog and in the end the server.
 *
 * | the process dies …        | what the next one sees                                   |
 * |---------------------------|----------------------------------------------------------|
 * | anywhere                  | an empty channel; spill files of the old one are removed  |
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { batchBytes, type ChangeBatch } from "../types/change-batch.ts";
import type { CapturePosition, Channel, ChannelWriter, Delivery } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { StopError } from "../util/abort.ts";
import { assert } from "../util/assert.ts";
import { BoundedQueue } from "../util/bounded-queue.ts";
import { step } from "../util/step.ts";
import { SpilledBatch } from "./spilled-batch.ts";

export interface InProcessChannelOptions {
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** Size from which an uncommitted unit is kept on disk. */
  readonly spillBytes: number;
  /** Folder of our own for spill files; emptied at the start. */
  readonly spillDir: string;
}

type HeldBatch = ChangeBatch | SpilledBatch;

interface Unit {
  readonly batches: readonly HeldBatch[];
  readonly end: CapturePosition;
}

export class InProcessChannel implements Channel {
  readonly takes = "columns";
  readonly gives = "columns";
  readonly #options: InProcessChannelOptions;
  readonly #queue: BoundedQueue<Unit>;
  #writer: InProcessWriter | null = null;
  #files = 0;

  private constructor(options: InProcessChannelOptions) {
    this.#options = options;
    this.#queue = new BoundedQueue({ countMax: options.rowsMax, bytesMax: options.bytesMax });
  }

  static async open(options: InProcessChannelOptions): Promise<InProcessChannel> {
    await rm(options.spillDir, { recursive: true, force: true });
    await mkdir(options.spillDir, { recursive: true, mode: 0o700 });
    return new InProcessChannel(options);
  }

  async writer(): Promise<ChannelWriter> {
    this.#writer?.fence();
    this.#writer = new InProcessWriter(this.#queue, {
      spillBytes: this.#options.spillBytes,
      nextFile: () => join(this.#options.spillDir, `${++this.#files}.batch`),
    });
    return this.#writer;
  }

  async *reader(_from: SourcePosition, signal: AbortSignal): AsyncGenerator<Delivery, void, void> {
    const stop = (): void => {
      this.#queue.fail(new StopError("the channel's reader was stopped", { cause: signal.reason }));
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      for await (const unit of this.#queue) {
        yield { batches: load(unit.batches), end: unit.end, tables: null, origin: null };
        await discard(unit.batches);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  backlog(): { readonly rows: number; readonly bytes: number } {
    return { rows: this.#queue.count, bytes: this.#queue.bytes };
  }

  fail(error: Error): void {
    this.#queue.fail(error);
  }

  async close(): Promise<void> {
    this.#queue.fail(new StopError("the channel is closed"));
    await rm(this.#options.spillDir, { recursive: true, force: true });
  }
}

interface WriterOptions {
  readonly spillBytes: number;
  readonly nextFile: () => string;
}

class InProcessWriter implements ChannelWriter {
  readonly isCopying = false;
  readonly resume = null;
  /** The queue is all there is, and its failure reaches every call. */
  readonly lost = new Promise<never>(() => undefined);
  readonly snapshots = null;
  readonly #queue: BoundedQueue<Unit>;
  readonly #options: WriterOptions;
  #open: HeldBatch[] | null = null;
  #rows = 0;
  #memoryBytes = 0;
  #isFenced = false;

  constructor(queue: BoundedQueue<Unit>, options: WriterOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  fence(): void {
    this.#isFenced = true;
  }

  async begin(): Promise<void> {
    this.#checkFence();
    assert(this.#open === null, "a channel transaction is already open");
    this.#open = [];
    this.#rows = 0;
    this.#memoryBytes = 0;
  }

  async append(batch: ChangeBatch): Promise<void> {
    this.#checkFence();
    const open = this.#mustBeOpen();
    const bytes = batchBytes(batch);
    this.#rows += batch.count;
    if (this.#memoryBytes + bytes <= this.#options.spillBytes) {
      this.#memoryBytes += bytes;
      open.push(batch);
    } else {
      step("channel.spill");
      open.push(await SpilledBatch.write(batch, this.#options.nextFile()));
    }
  }

  async commit(end: CapturePosition): Promise<void> {
    this.#checkFence();
    const batches = this.#mustBeOpen();
    step("channel.commit");
    this.#open = null;
    await this.#queue.put({ batches, end }, this.#rows, this.#memoryBytes);
  }

  async abort(): Promise<void> {
    const batches = this.#mustBeOpen();
    this.#open = null;
    await discard(batches);
  }

  async close(): Promise<void> {
    if (this.#open !== null) await this.abort();
    if (!this.#isFenced) this.#queue.end();
  }

  #mustBeOpen(): HeldBatch[] {
    assert(this.#open !== null, "no channel transaction is open");
    return this.#open;
  }

  #checkFence(): void {
    assert(!this.#isFenced, "another writer has taken the channel over");
  }
}

async function* load(batches: readonly HeldBatch[]): AsyncGenerator<ChangeBatch, void, void> {
  for (const batch of batches) yield batch instanceof SpilledBatch ? await batch.read() : batch;
}

async function discard(batches: readonly HeldBatch[]): Promise<void> {
  for (const batch of batches) if (batch instanceof SpilledBatch) await batch.remove();
}
