import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { FetchAnswer } from "../../../../src/channel/kafka/driver.ts";
import type { ClientError, Done, Message } from "../../../../src/channel/librdkafka/client.ts";
import { LibrdkafkaReader } from "../../../../src/channel/librdkafka/reader.ts";

/*
 * What a library and a leader say to each other only seldom: both are ours here.
 */

interface Assigned {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number;
}

const clientError = (code: number): ClientError => Object.assign(new Error(`error ${code}`), { code });

class FakeConsumer extends EventEmitter {
  static last: FakeConsumer;
  readonly calls: string[] = [];
  /** What each `consume` brings. */
  readonly batches: (readonly Message[] | ClientError)[] = [];
  /** Ends of partitions that come with the next `consume`. */
  ends: { readonly topic: string; readonly partition: number; readonly offset: number }[] = [];

  constructor() {
    super();
    FakeConsumer.last = this;
  }

  setDefaultConsumeTimeout(): void {
    // It is 0.
  }

  connect(_options: unknown, done: Done): void {
    done(null, undefined);
  }

  incrementalAssign(partitions: readonly Assigned[]): void {
    for (const { partition, offset } of partitions) this.calls.push(`${partition} from ${offset ?? "?"}`);
  }

  incrementalUnassign(partitions: readonly Assigned[]): void {
    for (const { partition } of partitions) this.calls.push(`not ${partition}`);
  }

  consume(_count: number, done: Done<readonly Message[]>): void {
    const batch = this.batches.shift() ?? [];
    setImmediate(() => {
      for (const end of this.ends.splice(0)) this.emit("partition.eof", end);
      if (batch instanceof Error) done(batch, []);
      else done(null, batch);
    });
  }

  disconnect(done: Done): void {
    this.calls.push("disconnect");
    done(null, undefined);
  }
}

/** The leader of all partitions of the topic `t`, whose ends are these. */
function fakeCluster(end: { high: number; stable: number }) {
  return {
    metadata: async (topics: readonly string[]) => ({
      topics: topics.map((topic) => ({
        topic,
        topicId: "id",
        errorCode: topic === "t" ? 0 : 3,
        partitions: [0, 1].map((partition) => ({ partition })),
      })),
    }),
    leader: async () => 1,
    forget: () => undefined,
    send: async (_node: number, _message: unknown, request: { isCommittedOnly: boolean; time: number }) => [
      { errorCode: 0, offset: request.time === -2 ? 0 : request.isCommittedOnly ? end.stable : end.high },
    ],
  };
}

async function open(end = { high: 0, stable: 0 }) {
  let nowMs = 0;
  const reader = await LibrdkafkaReader.open({
    library: { Producer: EventEmitter, KafkaConsumer: FakeConsumer, features: [] } as never,
    endpoint: {
      brokers: ["b:1"],
      clientId: "c",
      tls: { mode: "off", ca: null, cert: null, key: null },
      sasl: null,
      connectTimeoutMs: 100,
      requestTimeoutMs: 5000,
    },
    isolation: "committed",
    cluster: fakeCluster(end) as never,
    // Each look at it takes a while.
    now: () => (nowMs += 50),
  });
  const fetch = (partition: number, offset: number, waitMs = 0): Promise<FetchAnswer> =>
    reader.fetch(
      { topic: "t", topicId: "id", partition, offset, bytesMax: 1, waitMs },
      new AbortController().signal,
    );
  return { reader, client: FakeConsumer.last, fetch, end };
}

const messages = (partition: number, from: number, to: number, bytes = 1): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({
    topic: "t",
    partition,
    offset: from + i,
    key: null,
    value: Buffer.alloc(bytes),
  }));

const offsetsOf = ({ blocks, nextOffset }: FetchAnswer): readonly unknown[] => [
  ...blocks.flatMap(({ offsets }) => [...offsets]),
  nextOffset,
];

test("an end that is told before the messages in front of it leaves them in", async () => {
  const { client, fetch } = await open({ high: 9, stable: 9 });
  client.batches.push(messages(0, 3, 5));
  client.ends = [{ topic: "t", partition: 0, offset: 7 }];
  expect(offsetsOf(await fetch(0, 3))).toEqual([3, 4, 7]);
  expect(client.calls).toEqual(["0 from 3"]);
});

test("nothing is answered only when the leader has nothing", async () => {
  const { client, fetch, end } = await open({ high: 5, stable: 3 });
  expect(offsetsOf(await fetch(0, 3))).toEqual([3]);
  end.stable = 5;
  const coming = fetch(0, 3);
  setTimeout(() => client.batches.push(messages(0, 3, 5)), 100);
  expect(offsetsOf(await coming)).toEqual([3, 4, 5]);
});

test("records that never come are an error that passes, and are fetched anew by whoever asks again", async () => {
  const { client, fetch } = await open({ high: 5, stable: 5 });
  await expect(fetch(0, 3)).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE", retryable: true });
  client.batches.push(messages(0, 3, 4));
  expect(offsetsOf(await fetch(0, 3))).toEqual([3, 4]);
  expect(client.calls).toEqual(["0 from 3", "not 0", "0 from 3"]);
});

test("an offset that is gone is told by the leader, whatever the library says and of whichever partition", async () => {
  const { client, fetch } = await open({ high: 5, stable: 5 });
  client.batches.push(clientError(-140));
  await expect(fetch(0, 7)).rejects.toMatchObject({ code: "KAFKA_OFFSET_GONE", retryable: false });
  client.batches.push(clientError(-140), messages(1, 2, 3));
  expect(offsetsOf(await fetch(1, 2))).toEqual([2, 3]);
});

test.for([
  [-199, "KAFKA_RECORD_CORRUPT"],
  [-198, "KAFKA_RECORD_CORRUPT"],
  [-170, "KAFKA_CODEC"],
] as const)("after error %i of what is stored nothing is read any more", async ([code, expected]) => {
  const { client, fetch, reader } = await open({ high: 5, stable: 5 });
  client.batches.push(clientError(code), messages(0, 0, 1));
  await expect(fetch(0, 0)).rejects.toMatchObject({ code: expected, retryable: false });
  await expect(fetch(1, 0)).rejects.toMatchObject({ code: expected });
  await reader.close();
  expect(client.calls.at(-1)).toBe("disconnect");
});

test("what nobody waits for is kept for later, and no more of it comes when that is enough", async () => {
  const { client, fetch } = await open({ high: 99, stable: 99 });
  client.batches.push(messages(1, 0, 1));
  expect(offsetsOf(await fetch(1, 0))).toEqual([0, 1]);
  client.batches.push(messages(1, 1, 3, 5 << 20), messages(0, 0, 1));
  expect(offsetsOf(await fetch(0, 0))).toEqual([0, 1]);
  expect(client.calls).toEqual(["1 from 0", "0 from 0", "not 1"]);
  expect(offsetsOf(await fetch(1, 1))).toEqual([1, 2]);
  expect(offsetsOf(await fetch(1, 2))).toEqual([2, 3]);
  client.batches.push(messages(1, 3, 4));
  expect(offsetsOf(await fetch(1, 3))).toEqual([3, 4]);
  expect(client.calls.slice(3)).toEqual(["1 from 3"]);
});

test("who asks for another place gets a fetch from there", async () => {
  const { client, fetch } = await open({ high: 99, stable: 99 });
  client.batches.push(messages(0, 5, 9));
  await fetch(0, 5);
  client.batches.push(messages(0, 2, 4));
  expect(offsetsOf(await fetch(0, 2))).toEqual([2, 3, 4]);
  expect(client.calls).toEqual(["0 from 5", "not 0", "0 from 2"]);
});

test("a topic that is not there, or not the one that was meant, is never fetched", async () => {
  const { client, reader } = await open();
  const request = { partition: 0, offset: 0, bytesMax: 1, waitMs: 0 };
  const { signal } = new AbortController();
  await expect(reader.fetch({ ...request, topic: "u", topicId: null }, signal)).rejects.toMatchObject({
    code: "KAFKA_TOPIC_MISSING",
  });
  await expect(reader.fetch({ ...request, topic: "t", topicId: "other" }, signal)).rejects.toMatchObject({
    code: "KAFKA_TOPIC_REPLACED",
  });
  expect(client.calls).toEqual([]);
});

test("a closed reader ends those who wait", async () => {
  const { client, fetch, reader } = await open({ high: 9, stable: 9 });
  const waiting = fetch(0, 0, 60_000);
  waiting.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await reader.close();
  await expect(waiting).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE" });
  await expect(fetch(1, 0)).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE" });
  expect(client.calls.at(-1)).toBe("disconnect");
});
