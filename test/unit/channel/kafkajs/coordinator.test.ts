import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ADD_PARTITIONS_TO_TXN, END_TXN } from "../../../../src/channel/kafka/messages.ts";
import { TransactionCoordinator } from "../../../../src/channel/kafkajs/coordinator.ts";
import { syncError } from "../../../../src/types/errors.ts";

/* How soon the coordinator is asked again: the clock goes only when it is told to. */

const CONCURRENT_TRANSACTIONS = 51;
const PRODUCER = { id: 7n, epoch: 3 };

class FakeCluster {
  readonly asked: { readonly name: string; readonly atMs: number }[] = [];
  lookups = 0;
  /** So many answers say that the transaction before is still being ended. */
  busy = 0;

  /** Until then nobody answers who it is. */
  awayUntilMs = 0;

  async coordinator(): Promise<number> {
    this.lookups++;
    if (performance.now() < this.awayUntilMs) {
      throw syncError("KAFKA_UNREACHABLE", "no broker answers", { hint: "" });
    }
    return 1;
  }

  async send(_node: number, message: { readonly name: string }): Promise<{ readonly errorCode: number }> {
    this.asked.push({ name: message.name, atMs: performance.now() });
    return { errorCode: this.busy-- > 0 ? CONCURRENT_TRANSACTIONS : 0 };
  }
}

let cluster = new FakeCluster();
let told: { readonly message: string; readonly atMs: number }[] = [];
const firstToldMs = (): number => told[0]?.atMs ?? 0;
const coordinatorOf = (deliveryTimeoutMs: number): TransactionCoordinator => {
  const options = { transactionalId: "x", transactionTimeoutMs: 60_000, batchBytesMax: 1, deliveryTimeoutMs };
  const now = (): number => performance.now();
  const onRetry = ({ message }: Error): void => void told.push({ message, atMs: now() });
  return new TransactionCoordinator(cluster as never, { ...options, compression: "none", onRetry }, now);
};

/** Those that the coordinator is sent again and again until it is done. */
const REQUESTS = [
  [ADD_PARTITIONS_TO_TXN.name, (c: TransactionCoordinator) => c.addPartitions(PRODUCER, TARGETS)],
  [END_TXN.name, (c: TransactionCoordinator) => c.endTransaction(PRODUCER, true)],
] as const;

beforeEach(() => {
  vi.useFakeTimers();
  cluster = new FakeCluster();
  told = [];
});

afterEach(() => {
  vi.useRealTimers();
});

test.for(REQUESTS)(
  "K6: while the transaction before is ended, %s is asked for again within milliseconds",
  async ([name, ask]) => {
    cluster.busy = 5;
    const startMs = performance.now();
    const done = ask(coordinatorOf(20_000));
    await vi.runAllTimersAsync();
    await done;
    expect(cluster.asked.map(({ atMs }) => atMs - startMs)).toEqual([0, 2, 6, 14, 30, 62]);
    expect(new Set(cluster.asked.map((one) => one.name))).toEqual(new Set([name]));
    // It stays the coordinator all the while.
    expect(cluster.lookups).toBe(1);
    // That is how transactions end, and nothing to be told of.
    expect(told).toEqual([]);
  },
);

test.for(REQUESTS)(
  "F178: %s waits for brokers that are away, and tells of it after a second",
  async ([, ask]) => {
    const startMs = performance.now();
    cluster.awayUntilMs = startMs + 3000;
    const done = ask(coordinatorOf(20_000));
    await vi.runAllTimersAsync();
    await done;
    expect(told[0]?.message).toBe("no broker answers");
    expect(firstToldMs() - startMs).toBeGreaterThanOrEqual(1000);
    expect(firstToldMs() - startMs).toBeLessThan(2000);
  },
);

test("K5: a transaction before that never ends is told when the time is over", async () => {
  cluster.busy = Infinity;
  const failed = expect(coordinatorOf(20_000).addPartitions(PRODUCER, TARGETS)).rejects.toMatchObject({
    code: "KAFKA_BUSY",
    retryable: true,
  });
  const startMs = performance.now();
  await vi.runAllTimersAsync();
  await failed;
  expect(performance.now() - startMs).toBeLessThanOrEqual(20_000);
  expect(told[0]?.message).toContain("add t to a transaction");
  expect(firstToldMs() - startMs).toBeGreaterThanOrEqual(1000);
  expect(firstToldMs() - startMs).toBeLessThan(2000);
});

const TARGETS = [{ topic: "t", partition: 0 }];
