import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  INIT_PRODUCER_ID,
  PRODUCE,
  type ProduceAnswer,
  type ProduceRequest,
} from "../../../../src/channel/kafka/messages.ts";
import { KafkajsProducer } from "../../../../src/channel/kafkajs/producer.ts";
import { recordBlock } from "../../../support/record-block.ts";

const BLOCK_BYTES = 1 << 20;
const TURNS = 1000;

/** A broker that stores nothing until it is told to. */
class FakeCluster {
  readonly requestTimeoutMs = 1000;
  readonly #stored = Promise.withResolvers<undefined>();
  bytes = 0;

  async coordinator(): Promise<number> {
    return 0;
  }

  async leader(): Promise<number> {
    return 0;
  }

  async send(_node: number, message: unknown, request: ProduceRequest): Promise<unknown> {
    if (message === INIT_PRODUCER_ID) return { errorCode: 0, producer: { id: 1n, epoch: 0 } };
    if (message !== PRODUCE) return { errorCode: 0 };
    await this.#stored.promise;
    return request.topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, batch }): ProduceAnswer => {
        this.bytes += batch.length;
        return { topic, partition, errorCode: 0, baseOffset: 0, logAppendMs: -1, message: null };
      }),
    );
  }

  store(): void {
    this.#stored.resolve(undefined);
  }
}

test("K16: what a broker does not take keeps the sender waiting, before it fills the memory", async () => {
  const cluster = new FakeCluster();
  const options = {
    ...{ transactionalId: "x", transactionTimeoutMs: 60_000, deliveryTimeoutMs: 60_000 },
    ...{ batchBytesMax: BLOCK_BYTES + 1000, compression: "none" as const },
  };
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const producer = await KafkajsProducer.open(cluster as never, options, clock);
  const block = recordBlock([{ key: "k", value: "v".repeat(BLOCK_BYTES), header: null }]);
  await producer.begin();
  let taken = 0;
  const sending = (async () => {
    for (let i = 0; i < 100; i++) {
      await producer.send({ topic: "t", partition: i % 3 }, block);
      taken++;
    }
  })();
  // Everything that can be done without the broker has been done after some turns of the event loop.
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  // 16 MiB that wait for the broker, and what is being encoded beside them.
  expect(taken).toBeGreaterThan(15);
  expect(taken).toBeLessThanOrEqual(16 + 8 + 1);
  cluster.store();
  await sending;
  const ranges = await producer.flush();
  expect(ranges.map(({ count }) => count)).toEqual([34, 33, 33]);
  expect(cluster.bytes).toBeGreaterThan(100 * BLOCK_BYTES);
  await producer.abort();
});
