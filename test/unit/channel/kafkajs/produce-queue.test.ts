import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PRODUCE, type ProduceAnswer, type ProduceRequest } from "../../../../src/channel/kafka/messages.ts";
import { ProduceQueue } from "../../../../src/channel/kafkajs/produce-queue.ts";
import { must } from "../../../../src/util/assert.ts";

/*
 * What no broker does when it is asked to: the brokers are two of ours here, each the leader of every other partition,
 * and the clock goes only when it is told to.
 */

const NOT_LEADER = 6;
const OUT_OF_ORDER = 45;
const NOT_ENOUGH_REPLICAS = 19;
const DELIVERY_MS = 10_000;

interface Asked {
  readonly node: number;
  readonly request: ProduceRequest;
  readonly answer: (errorCode?: number) => void;
}

class FakeCluster {
  readonly requestTimeoutMs = 1000;
  readonly asked: Asked[] = [];
  readonly stored = new Map<number, string[]>();
  /** Who leads a partition now. */
  readonly moved = new Map<number, number>();
  /** Every request is answered at once with it. */
  errorCode: number | null = null;
  /** Requests on their way to each broker, and batches to each partition: the most that there ever were. */
  readonly most = { toBroker: 0, toPartition: 0 };
  readonly #toBroker = new Map<number, number>();
  readonly #toPartition = new Map<number, number>();
  forgotten = 0;

  async leader({ partition }: { readonly partition: number }): Promise<number> {
    return this.moved.get(partition) ?? partition % 2;
  }

  forget(): void {
    this.forgotten++;
  }

  async send(node: number, message: unknown, request: ProduceRequest): Promise<readonly ProduceAnswer[]> {
    expect(message).toBe(PRODUCE);
    const partitions = request.topics.flatMap((topic) => topic.partitions);
    const end = this.#count(node, partitions);
    const errorCode = await new Promise<number>((resolve) => {
      if (this.errorCode !== null) resolve(this.errorCode);
      else {
        const answer = (code = 0): void => {
          resolve(code);
        };
        this.asked.push({ node, request, answer });
      }
    });
    end();
    return partitions.map(({ partition, batch }) => {
      const stored = this.stored.get(partition) ?? [];
      if (errorCode === 0) this.stored.set(partition, [...stored, Buffer.from(batch).toString()]);
      return { topic: "t", partition, errorCode, baseOffset: stored.length, logAppendMs: -1, message: null };
    });
  }

  #count(node: number, partitions: readonly { readonly partition: number }[]): () => void {
    const add = (counts: Map<number, number>, key: number, by: number): number => {
      const now = (counts.get(key) ?? 0) + by;
      counts.set(key, now);
      return now;
    };
    this.most.toBroker = Math.max(this.most.toBroker, add(this.#toBroker, node, 1));
    for (const { partition } of partitions)
      this.most.toPartition = Math.max(this.most.toPartition, add(this.#toPartition, partition, 1));
    return () => {
      add(this.#toBroker, node, -1);
      for (const { partition } of partitions) add(this.#toPartition, partition, -1);
    };
  }

  /** Answers whatever is asked until nothing is any more. */
  async answerAll(): Promise<void> {
    for (;;) {
      await vi.advanceTimersByTimeAsync(50);
      const asked = this.asked.splice(0);
      if (asked.length === 0) return;
      for (const { answer } of asked) answer();
    }
  }
}

let cluster = new FakeCluster();
let queue = open();
function open(): ProduceQueue {
  const options = { transactionalId: "x", deliveryTimeoutMs: DELIVERY_MS, now: () => performance.now() };
  return new ProduceQueue({ ...options, cluster: cluster as never });
}

beforeEach(() => {
  vi.useFakeTimers();
  cluster = new FakeCluster();
  queue = open();
});

afterEach(() => {
  vi.useRealTimers();
});

const offsets = new Map<string, number>();
const push = (partition: number, text: string): void => {
  queue.push({
    topic: "t",
    partition,
    bytes: Buffer.from(text),
    sinceMs: performance.now(),
    onStored: (offset) => offsets.set(text, offset),
  });
};

test("F181 K2 K7: of a partition one batch is on its way, in order, and of a broker one request", async () => {
  for (let i = 0; i < 40; i++) push(i % 4, `${i % 4}:${i}`);
  await cluster.answerAll();
  await queue.below(0);
  for (const partition of [0, 1, 2, 3]) {
    const expected = Array.from({ length: 10 }, (_, i) => `${partition}:${i * 4 + partition}`);
    expect(cluster.stored.get(partition)).toEqual(expected);
    expect(expected.map((text) => offsets.get(text))).toEqual(expected.map((_, i) => i));
  }
  expect(cluster.most).toEqual({ toBroker: 1, toPartition: 1 });
});

test("K2: what is repeated waits for no other broker, and nothing of it is on its way twice", async () => {
  for (const partition of [0, 1]) for (const i of [1, 2]) push(partition, `${partition}:${i}`);
  await vi.advanceTimersByTimeAsync(0);
  const [even, odd] = cluster.asked.splice(0);
  expect([even?.node, odd?.node]).toEqual([0, 1]);
  must(even, "the request to broker 0").answer(NOT_ENOUGH_REPLICAS);
  await vi.advanceTimersByTimeAsync(100);
  // The other broker has not answered yet.
  const [again, ...others] = cluster.asked.splice(0);
  expect([again?.node, others]).toEqual([0, []]);
  expect(textsIn(must(again, "the repeated request"))).toEqual(["0:1"]);
  again?.answer();
  odd?.answer();
  await cluster.answerAll();
  await queue.below(0);
  expect([cluster.stored.get(0), cluster.stored.get(1)]).toEqual([
    ["0:1", "0:2"],
    ["1:1", "1:2"],
  ]);
  expect(cluster.most).toEqual({ toBroker: 1, toPartition: 1 });
});

test("K1 K2: a leader that moves under a request is asked when that has ended, for what it did not store", async () => {
  push(0, "0:1");
  await vi.advanceTimersByTimeAsync(0);
  const [before] = cluster.asked.splice(0);
  cluster.moved.set(0, 1);
  for (const text of ["0:2", "0:3"]) push(0, text);
  push(1, "1:1");
  await vi.advanceTimersByTimeAsync(500);
  // The new leader has been asked for another partition, and has answered.
  const [other] = cluster.asked.splice(0);
  expect(textsIn(must(other, "the request to broker 1"))).toEqual(["1:1"]);
  other?.answer();
  await vi.advanceTimersByTimeAsync(500);
  expect(cluster.asked).toEqual([]);
  must(before, "the request to broker 0").answer(NOT_LEADER);
  await cluster.answerAll();
  await queue.below(0);
  expect(cluster.stored.get(0)).toEqual(["0:1", "0:2", "0:3"]);
  expect(cluster.most).toEqual({ toBroker: 1, toPartition: 1 });
});

test("K5: what may be repeated is repeated until the delivery timeout, and ends with what the broker said", async () => {
  cluster.errorCode = NOT_ENOUGH_REPLICAS;
  push(0, "a");
  const over = queue.below(0).then(
    () => "stored",
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(DELIVERY_MS - 100);
  expect(await Promise.race([over, Promise.resolve("repeating")])).toBe("repeating");
  await vi.advanceTimersByTimeAsync(200);
  expect(await over).toMatchObject({ code: "KAFKA_NOT_ENOUGH_REPLICAS", retryable: true });
  // Who leads is asked before each attempt, and no attempt comes at once behind another.
  expect(cluster.forgotten).toBeGreaterThan(100);
  expect(cluster.forgotten).toBeLessThan(DELIVERY_MS / 19);
  expect(vi.getTimerCount()).toBe(0);
});

test("F182: a sequence number that the broker refuses is not sent again, and nothing behind it is", async () => {
  for (const text of ["a", "b"]) push(0, text);
  await vi.advanceTimersByTimeAsync(0);
  cluster.asked.splice(0)[0]?.answer(OUT_OF_ORDER);
  await vi.advanceTimersByTimeAsync(DELIVERY_MS);
  await expect(queue.below(0)).rejects.toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN", retryable: true });
  expect(cluster.asked).toEqual([]);
  expect(() => {
    push(0, "c");
  }).toThrow("OUT_OF_ORDER_SEQUENCE_NUMBER");
});

const textsIn = ({ request }: Asked): readonly string[] =>
  request.topics.flatMap(({ partitions }) => partitions.map(({ batch }) => Buffer.from(batch).toString()));
