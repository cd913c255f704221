import { expect, test } from "vitest";
import type { ClientError } from "../../../../src/channel/librdkafka/client.ts";
import { Deliveries } from "../../../../src/channel/librdkafka/deliveries.ts";

const producer = { id: "7", epoch: 1 };
const error = (code: number): ClientError => Object.assign(new Error(""), { code });
const report = (partition: number, offset: number) => ({ topic: "t", partition, offset });

test("adds up where the records of a transaction are, for each partition", () => {
  const deliveries = new Deliveries();
  deliveries.begin();
  const offsets: readonly (readonly [number, number])[] = [
    [0, 5],
    [1, 9],
    [0, 4],
    [0, 6],
    [1, 10],
  ];
  for (const [partition, offset] of offsets) {
    deliveries.sent();
    deliveries.take(null, report(partition, offset));
  }
  expect(deliveries.pending).toBe(0);
  expect(deliveries.ranges(producer)).toEqual([
    { topic: "t", partition: 0, from: 4, to: 7, count: 3, producer },
    { topic: "t", partition: 1, from: 9, to: 11, count: 2, producer },
  ]);
  deliveries.begin();
  expect([deliveries.hasStored, deliveries.ranges(producer)]).toEqual([false, []]);
});

test("keeps the first error, unless it followed from one that is told later", () => {
  const deliveries = new Deliveries();
  for (const code of [-152, -151, 47, 10]) {
    deliveries.sent();
    deliveries.take(error(code), report(code === 47 ? 3 : 0, -1));
  }
  expect([deliveries.error?.code, deliveries.where?.partition]).toEqual([47, 3]);
});

test("a record that is stored nobody knows where is an error", () => {
  const deliveries = new Deliveries();
  deliveries.sent();
  deliveries.take(null, report(2, -1));
  expect(deliveries.placeless).toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN", retryable: true });
});

test("those who wait go on with each report, and when they are told to", async () => {
  const deliveries = new Deliveries();
  deliveries.sent();
  const waiting = [deliveries.next(), deliveries.next()];
  deliveries.take(null, report(0, 0));
  await Promise.all(waiting);
  const last = deliveries.next();
  deliveries.wake();
  await last;
});
