import { StopError } from "./abort.ts";

export interface QueueLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

interface Item<T> {
  readonly value: T;
  readonly count: number;
  readonly bytes: number;
}

/**
 * A first-in first-out queue between one producer and one consumer, bounded by a count and by bytes.
 * `put` waits while the queue is full; one item larger than the limits still passes, alone.
 */
export class BoundedQueue<T> {
  readonly #limits: QueueLimits;
  readonly #items: Item<T>[] = [];
  #count = 0;
  #bytes = 0;
  #ended = false;
  #error: Error | null = null;
  #wakeConsumer: (() => void) | null = null;
  #wakeProducers: (() => void)[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async put(value: T, count: number, bytes: number): Promise<void> {
    while (this.#items.length > 0 && this.#isFull(count, bytes)) {
      await new Promise<void>((resolve) => this.#wakeProducers.push(resolve));
      if (this.#error !== null) throw this.#error;
    }
    if (this.#ended) throw new StopError("the queue is closed");
    this.#items.push({ value, count, bytes });
    this.#count += count;
    this.#bytes += bytes;
    this.#wakeConsumer?.();
  }

  /** The consumer still gets what is queued, then the end. */
  end(): void {
    this.#ended = true;
    this.#wakeConsumer?.();
    this.#releaseProducers();
  }

  /** Both sides fail with this error at once; what is queued is dropped. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#ended = true;
    this.#items.length = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#wakeConsumer?.();
    this.#releaseProducers();
  }

  async take(): Promise<T | undefined> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#count -= item.count;
        this.#bytes -= item.bytes;
        this.#releaseProducers();
        return item.value;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wakeConsumer = resolve));
      this.#wakeConsumer = null;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      const value = await this.take();
      if (value === undefined) return;
      yield value;
    }
  }

  #isFull(count: number, bytes: number): boolean {
    return this.#count + count > this.#limits.countMax || this.#bytes + bytes > this.#limits.bytesMax;
  }

  #releaseProducers(): void {
    const waiting = this.#wakeProducers;
    this.#wakeProducers = [];
    for (const wake of waiting) wake();
  }
}
