import { SyncError } from "../../util/errors.ts";
import { sleep } from "../../util/abort.ts";
import { brokerError, isTransient, kafkaHint } from "../kafka/broker-error.ts";
import { PRODUCE, type ProduceAnswer } from "../kafka/messages.ts";
import type { TopicPartition } from "../kafka/record-block.ts";
import { syncError } from "../../types/errors.ts";
import { must } from "../../util/assert.ts";
import type { Cluster } from "./cluster.ts";
import { releaseMemory } from "../../util/release-memory.ts";

/** A record batch on its way to one partition. */
export interface QueuedBatch extends TopicPartition {
  readonly bytes: Uint8Array;
  /** It is stored from this offset on. */
  readonly onStored: (baseOffset: number) => void;
  /** When it was handed over, by the clock of the queue. */
  readonly sinceMs: number;
}

export interface ProduceQueueOptions {
  readonly cluster: Cluster;
  readonly transactionalId: string | null;
  readonly deliveryTimeoutMs: number;
  readonly onRetry?: (error: SyncError) => void;
  readonly now: () => number;
}

/** Batches of one request together. */
const REQUEST_BYTES_MAX = 8 << 20;
const RETRY_MS = 20;

/**
 * Carries record batches to the leaders of their partitions: of each partition one at a time and in order, of each
 * broker one request at a time with what waits for it. A batch stays at the head of its partition until it is
 * acknowledged, and is sent again as the same bytes, to whoever leads then; the broker knows a batch that it has by
 * its sequence numbers, and answers with the offset that it gave. So neither a lost answer nor a leader that moves
 * in the middle of a request loses a record or writes one twice.
 */
export class ProduceQueue {
  readonly #options: ProduceQueueOptions;
  /** By partition, in order. */
  readonly #waiting = new Map<string, QueuedBatch[]>();
  readonly #busy = new Set<number>();
  readonly #sending = new Set<QueuedBatch>();
  readonly #idle: (() => void)[] = [];
  #bytes = 0;
  #isRunning = false;
  #isDirty = false;
  #failure: SyncError | null = null;

  constructor(options: ProduceQueueOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(batch: QueuedBatch): void {
    this.throwFailure();
    const key = `${batch.topic}/${batch.partition}`;
    const queue = this.#waiting.get(key);
    if (queue === undefined) this.#waiting.set(key, [batch]);
    else queue.push(batch);
    this.#bytes += batch.bytes.length;
    this.#pump();
  }

  /** Resolves when no more than so many bytes wait. */
  async below(bytes: number): Promise<void> {
    while (this.#bytes > bytes && this.#failure === null) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    this.throwFailure();
  }

  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #pump(): void {
    this.#isDirty = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().catch((error: unknown) => {
      this.#fail(error);
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDirty && this.#failure === null) {
        this.#isDirty = false;
        await this.#dispatch();
        // Nobody leads what waits: it is looked at again in a while.
        const isStuck = this.#sending.size === 0 && this.#waiting.size > 0;
        if (isStuck) await sleep(RETRY_MS);
        this.#isDirty ||= isStuck;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Starts a request to each broker that has none and for which something waits. */
  async #dispatch(): Promise<void> {
    const byLeader = new Map<number, { readonly batches: QueuedBatch[]; bytes: number }>();
    for (const [batch] of [...this.#waiting.values()]) {
      if (batch === undefined || this.#sending.has(batch)) continue;
      const leader = await this.#leaderOf(batch);
      if (leader === null || this.#busy.has(leader)) continue;
      const chosen = byLeader.get(leader) ?? { batches: [], bytes: 0 };
      if (chosen.bytes > 0 && chosen.bytes + batch.bytes.length > REQUEST_BYTES_MAX) continue;
      chosen.batches.push(batch);
      chosen.bytes += batch.bytes.length;
      byLeader.set(leader, chosen);
    }
    for (const [leader, { batches }] of byLeader) this.#start(leader, batches);
  }

  #start(leader: number, batches: readonly QueuedBatch[]): void {
    this.#busy.add(leader);
    for (const batch of batches) this.#sending.add(batch);
    this.#request(leader, batches)
      .catch((error: unknown) => {
        this.#fail(error);
      })
      .finally(() => {
        this.#busy.delete(leader);
        for (const batch of batches) this.#sending.delete(batch);
        if (this.#waiting.size > 0) this.#pump();
      });
  }

  /** Null while the partition has none. */
  async #leaderOf(batch: QueuedBatch): Promise<number | null> {
    try {
      return await this.#options.cluster.leader(batch);
    } catch (error) {
      this.#mayRetry(batch, error);
      return null;
    }
  }

  async #request(leader: number, batches: readonly QueuedBatch[]): Promise<void> {
    const { cluster, transactionalId } = this.#options;
    const topics = new Map<string, { partition: number; batch: Uint8Array }[]>();
    for (const { topic, partition, bytes } of batches) {
      const partitions = topics.get(topic) ?? [];
      partitions.push({ partition, batch: bytes });
      topics.set(topic, partitions);
    }
    let answers: readonly ProduceAnswer[];
    try {
      answers = await cluster.send(leader, PRODUCE, {
        transactionalId,
        timeoutMs: cluster.requestTimeoutMs,
        topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
      });
    } catch (error) {
      for (const batch of batches) this.#mayRetry(batch, error);
      await sleep(RETRY_MS);
      return;
    }
    // What was sent before a failure may still be answered behind it.
    if (this.#failure !== null) return;
    let isAgain = false;
    for (const batch of batches) isAgain = this.#settle(batch, answers) || isAgain;
    if (isAgain) await sleep(RETRY_MS);
  }

  /** Takes the answer for a batch; gives whether it has to be sent again. */
  #settle(batch: QueuedBatch, answers: readonly ProduceAnswer[]): boolean {
    const { topic, partition } = batch;
    const answer = answers.find((one) => one.topic === topic && one.partition === partition);
    const what = `write to ${topic}/${partition}`;
    if (answer === undefined) {
      throw syncError("KAFKA_PROTOCOL", `cannot ${what}: the broker's answer leaves the partition out`, {
        hint: kafkaHint("KAFKA_PROTOCOL"),
      });
    }
    if (answer.errorCode !== 0) {
      const error = brokerError(answer.errorCode, what, answer.message);
      if (!isTransient(answer.errorCode)) throw error;
      this.#mayRetry(batch, error);
      return true;
    }
    const key = `${topic}/${partition}`;
    const queue = must(this.#waiting.get(key), "the queue of a partition");
    queue.shift();
    if (queue.length === 0) this.#waiting.delete(key);
    this.#bytes -= batch.bytes.length;
    releaseMemory(batch.bytes);
    batch.onStored(answer.baseOffset);
    this.#wake();
    return false;
  }

  /** Throws when the batch cannot or may no longer be sent again. */
  #mayRetry(batch: QueuedBatch, error: unknown): void {
    if (!(error instanceof SyncError) || !error.retryable) throw error;
    const { now, deliveryTimeoutMs, cluster, onRetry } = this.#options;
    if (now() - batch.sinceMs > deliveryTimeoutMs) throw error;
    onRetry?.(error);
    cluster.forget(batch.topic);
  }

  #fail(error: unknown): void {
    if (!(error instanceof SyncError)) throw error;
    this.#failure ??= error;
    this.#waiting.clear();
    this.#bytes = 0;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
