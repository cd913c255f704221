import { isSyncError } from "../types/errors.ts";
import type { TraceRecord, TraceStore } from "../types/ports.ts";
import { tableKey, type TableId } from "../types/table-id.ts";
import { sleep, StopError, throwIfAborted } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import type { Log } from "../util/log.ts";
import { retry } from "../util/retry.ts";
import { step } from "../util/step.ts";
import { CommitFeed, type CommitLog } from "./commit-feed.ts";

export interface RecorderOptions {
  /** Name of the source in the config. */
  readonly source: string;
  /** Tables whose commits are recorded from the start, those made before it included. */
  readonly tables: readonly TableId[];
  /** Opens the store; null when the config has none. Called again until it succeeds. */
  readonly open: (() => Promise<TraceStore>) | null;
  readonly commits: CommitLog;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  readonly delayMsMin?: number;
  readonly delayMsMax?: number;
  /** How long the first of several announcements waits for the others: each call makes parts in the store. */
  readonly lingerMs?: number;
}

export interface RecorderState {
  /** `unknown` until the store has been asked once, `off` without a store. */
  readonly state: "off" | "unknown" | "ok" | "away";
  /** Commits that the store does not have; null while it has not been asked about each table. */
  readonly queuedCommits: number | null;
  /** When the oldest of them was committed, since 1970; null when there is none, or none is known. */
  readonly oldestQueuedMs: number | null;
  readonly lastError: RecorderFailure | null;
}

export interface RecorderFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly atMs: number;
}

/** Records in one call of the store. */
const BATCH_MAX = 200;

/**
 * Brings the counts of commits to the trace store, in order, and never makes anybody wait. The queue is the
 * lake: its commits carry their counts. So this object may be told about a commit late, twice or never, and
 * be killed at any point; it asks the store for the newest commit that it has, and the lake for the rest.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #feeds = new Map<string, CommitFeed>();
  #store: TraceStore | null = null;
  #isMigrated = false;
  #state: "unknown" | "ok" | "away" = "unknown";
  #lastError: RecorderFailure | null = null;
  #wake: (() => void) | null = null;
  /** Ends the wait for more commits. */
  #hurry: (() => void) | null = null;
  readonly #waiting: Waiting[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
    for (const table of options.tables) this.#feed(table);
  }

  /** A commit of the lake is complete. */
  notify(table: TableId, instant: string): void {
    this.#feed(table).announce(instant);
    this.#wake?.();
  }

  /** The store while it is open, for reading; null while it is away. */
  get store(): TraceStore | null {
    return this.#store;
  }

  state(): RecorderState {
    if (this.#options.open === null) {
      return { state: "off", queuedCommits: null, oldestQueuedMs: null, lastError: null };
    }
    const feeds = [...this.#feeds.values()];
    const queued = feeds.map((feed) => feed.queued);
    const times = feeds.map((feed) => feed.oldestQueuedAtMs).filter((ms) => ms !== null);
    return {
      state: this.#state,
      queuedCommits: queued.reduce((sum, n) => (sum === null || n === null ? null : sum + n), 0),
      oldestQueuedMs: times.length === 0 ? null : Math.min(...times),
      lastError: this.#lastError,
    };
  }

  /** Resolves when the store has every commit announced so far, at once without a store. */
  async settled(signal: AbortSignal): Promise<void> {
    if (this.#options.open === null || !this.#hasWork()) return;
    throwIfAborted(signal);
    let onAbort = (): void => {};
    const settled = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#hurry?.();
      onAbort = () => {
        reject(new StopError("the trace store does not have all counts yet", { cause: signal.reason }));
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
    await settled.finally(() => signal.removeEventListener("abort", onAbort));
  }

  /** Works until the signal aborts. Rejects only for defects and for errors that are not operating ones. */
  async run(signal: AbortSignal): Promise<void> {
    const { open, log, random, delayMsMin = 500, delayMsMax = 60_000 } = this.#options;
    if (open === null) {
      log.info("no trace store is configured: counts stay in the commits of the lake");
      return;
    }
    // A statement that is under way need not be waited for: what it was to record is found again.
    let closing: Promise<void> | undefined;
    const onAbort = (): void => {
      closing = this.#store?.close();
      this.#wake?.();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        await this.#work(signal);
        await retry(() => this.#pass(open, signal), {
          name: "record counts",
          attemptsMax: Number.POSITIVE_INFINITY,
          delayMsMin,
          delayMsMax,
          random,
          signal,
          retryable: (error) => isSyncError(error) && !signal.aborted,
          onRetry: (error, attempt, delayMs) => this.#onFailure(error, attempt, delayMs),
        });
        this.#onSuccess();
      }
    } catch (error) {
      if (!signal.aborted || !(error instanceof StopError || isSyncError(error))) throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      await closing;
      await this.#store?.close();
      this.#store = null;
      for (const { reject } of this.#waiting.splice(0)) reject(new StopError("the recorder has stopped"));
    }
  }

  #feed(table: TableId): CommitFeed {
    const key = tableKey(table);
    let feed = this.#feeds.get(key);
    if (feed === undefined) {
      feed = new CommitFeed(table, this.#options);
      this.#feeds.set(key, feed);
    }
    return feed;
  }

  #hasWork(): boolean {
    return this.#state !== "ok" || [...this.#feeds.values()].some((feed) => feed.isDirty);
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!this.#hasWork()) {
      throwIfAborted(signal);
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
    throwIfAborted(signal);
    if (this.#waiting.length === 0 && this.#state !== "unknown") await this.#linger(signal);
  }

  /** Lets a few commits gather, until somebody waits for them. */
  async #linger(signal: AbortSignal): Promise<void> {
    const { lingerMs = 1000 } = this.#options;
    const over = new AbortController();
    const hurried = new Promise<void>((resolve) => (this.#hurry = resolve));
    try {
      await Promise.race([sleep(lingerMs, AbortSignal.any([signal, over.signal])), hurried]);
    } finally {
      this.#hurry = null;
      over.abort();
    }
  }

  /** Sends what the store lacks now. Records of several tables share a call, which saves parts in the store. */
  async #pass(open: () => Promise<TraceStore>, signal: AbortSignal): Promise<void> {
    this.#store ??= await open();
    if (!this.#isMigrated) await this.#store.migrate();
    this.#isMigrated = true;
    let batch: Queued[] = [];
    for (const feed of this.#feeds.values()) {
      if (!feed.isDirty) continue;
      const records = await feed.pending(this.#store);
      for (const [i, record] of records.entries()) {
        batch.push({ feed, record, next: records[i + 1] });
        if (batch.length < BATCH_MAX) continue;
        await send(this.#store, batch);
        batch = [];
        throwIfAborted(signal);
      }
    }
    await send(this.#store, batch);
  }

  #onFailure(error: unknown, attempt: number, delayMs: number): void {
    const failure = must(isSyncError(error) ? error : null, "a retryable error");
    this.#state = "away";
    this.#lastError = {
      code: failure.code,
      message: failure.message,
      hint: failure.hint,
      atMs: this.#options.now(),
    };
    // The store may come back as another one, or without some of what it had.
    this.#isMigrated = false;
    for (const feed of this.#feeds.values()) feed.invalidate();
    this.#options.log.warn("counts cannot be recorded now; they wait in the commits of the lake", {
      code: failure.code,
      error: failure.message,
      remedy: failure.hint,
      attempt,
      retryMs: Math.round(delayMs),
    });
  }

  #onSuccess(): void {
    if (this.#state === "away") this.#options.log.info("counts are recorded again");
    this.#state = "ok";
    if (this.#hasWork()) return;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Queued {
  readonly feed: CommitFeed;
  readonly record: TraceRecord;
  readonly next: TraceRecord | undefined;
}

async function send(store: TraceStore, batch: readonly Queued[]): Promise<void> {
  if (batch.length === 0) return;
  step("trace.record");
  await store.record(batch.map(({ record }) => record));
  step("trace.recorded");
  for (const { feed, record, next } of batch) feed.advance(record, next);
}
