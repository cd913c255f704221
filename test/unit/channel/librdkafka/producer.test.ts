import { EventEmitter } from "node:events";
import { beforeEach, expect, test } from "vitest";
import { syncError } from "../../../../src/types/errors.ts";
import type { ClientError, Done } from "../../../../src/channel/librdkafka/client.ts";
import { LibrdkafkaProducer, type ProducerParts } from "../../../../src/channel/librdkafka/producer.ts";
import { recordBlock } from "../../../support/record-block.ts";

/*
 * What no broker does when it is asked to: the library is one of ours here.
 */

const TARGET = { topic: "t", partition: 2 };
const rows = (count: number) =>
  recordBlock(Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `v${i}`, header: `h${i}` })));

const clientError = (code: number, more: Partial<ClientError> = {}): ClientError =>
  Object.assign(new Error(`error ${code}`), { code, ...more });

/** Keeps up to so many records, each of which is stored when it is told to. */
class FakeClient extends EventEmitter {
  static last: FakeClient;
  readonly produced: unknown[][] = [];
  readonly calls: string[] = [];
  room = Infinity;
  offset = 100;
  refusal: ClientError | null = null;
  readonly answers = new Map<string, (ClientError | null)[]>();

  constructor() {
    super();
    FakeClient.last = this;
  }

  #end(name: string, done: Done): void {
    this.calls.push(name);
    const [answer = null] = this.answers.get(name)?.splice(0, 1) ?? [];
    setImmediate(() => {
      done(answer, undefined);
    });
  }

  connect(_options: unknown, done: Done): void {
    this.#end("connect", done);
  }

  setPollInBackground(): void {
    this.emit("event.stats", { message: '{"eos": { "producer_id":-1, "producer_epoch":-1 } }' });
    this.emit("event.stats", { message: '{"eos": { "producer_id":7, "producer_epoch":3 } }' });
  }

  initTransactions(_ms: number, done: Done): void {
    this.#end("init", done);
  }

  beginTransaction(done: Done): void {
    this.#end("begin", done);
  }

  commitTransaction(_ms: number, done: Done): void {
    this.#end("commit", done);
  }

  abortTransaction(_ms: number, done: Done): void {
    this.#end("abort", done);
  }

  flush(_ms: number, done: Done): void {
    this.#end("flush", done);
  }

  disconnect(_ms: number, done: Done): void {
    this.#end("disconnect", done);
  }

  produce(...args: unknown[]): void {
    if (this.refusal !== null) throw this.refusal;
    if (this.room === 0) throw clientError(-184);
    this.room--;
    this.produced.push(args);
  }

  /** Reports on so many of the records that were not reported on. */
  report(count: number, error: ClientError | null = null): void {
    for (let i = 0; i < count; i++) {
      this.room++;
      this.emit("delivery-report", error, { ...TARGET, offset: error === null ? this.offset++ : -1 });
    }
  }
}

let nowMs = 0;
let judged: { readonly code: string; readonly wasOngoing: boolean }[] = [];

beforeEach(() => {
  nowMs = 0;
  judged = [];
});

const PARTS: Omit<ProducerParts, "library"> = {
  endpoint: {
    brokers: ["b:1"],
    clientId: "c",
    tls: { mode: "off", ca: null, cert: null, key: null },
    sasl: null,
    connectTimeoutMs: 100,
    requestTimeoutMs: 100,
  },
  options: {
    transactionalId: "id",
    transactionTimeoutMs: 1000,
    compression: "none",
    batchBytesMax: 1000,
    deliveryTimeoutMs: 500,
  },
  now: () => (nowMs += 100),
  judge: async (error, _identity, wasOngoing) => {
    judged.push({ code: error.code, wasOngoing });
    return syncError("KAFKA_TRANSACTION_EXPIRED", "it was open for too long", { hint: "none" });
  },
};

async function open(): Promise<{ producer: LibrdkafkaProducer; client: FakeClient }> {
  const library = { Producer: FakeClient, KafkaConsumer: EventEmitter, features: [] } as never;
  const producer = await LibrdkafkaProducer.open({ ...PARTS, library });
  return { producer, client: FakeClient.last };
}

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await turns();
  return settled;
};

test("hands records over with their partition, key, value and header, and waits while there is no room", async () => {
  const { producer, client } = await open();
  await producer.begin();
  client.room = 2;
  const sending = producer.send(TARGET, rows(3));
  expect(await isSettled(sending)).toBe(false);
  client.report(1);
  await sending;
  expect(
    client.produced.map((args) => args.map((arg) => (arg instanceof Uint8Array ? String(arg) : arg))),
  ).toEqual(
    [0, 1, 2].map((i) => [
      "t",
      2,
      `v${i}`,
      `k${i}`,
      undefined,
      undefined,
      [{ tallylake: Buffer.from(`h${i}`) }],
    ]),
  );
});

test("a flush ends with the last report, and not with that of the library", async () => {
  const { producer, client } = await open();
  await producer.begin();
  await producer.send(TARGET, rows(3));
  const flushing = producer.flush();
  client.report(2);
  expect(await isSettled(flushing)).toBe(false);
  expect(client.calls).toContain("flush");
  client.report(1);
  expect(await flushing).toEqual([
    { ...TARGET, from: 100, to: 103, count: 3, producer: { id: "7", epoch: 3 } },
  ]);
});

test("what was refused keeps its transaction from being committed, whatever the library would do", async () => {
  const { producer, client } = await open();
  await producer.begin();
  client.refusal = clientError(10);
  const code = "KAFKA_MESSAGE_TOO_LARGE";
  await expect(producer.send(TARGET, rows(1))).rejects.toMatchObject({ code });
  await expect(producer.commit()).rejects.toMatchObject({ code });
  expect(client.calls).not.toContain("commit");
});

test("a commit without an answer is asked for again, until nobody knows what became of it", async () => {
  const { producer, client } = await open();
  const slow = clientError(-185, { isRetriable: true });
  client.answers.set("commit", [slow, slow, null, slow, slow, slow, slow, slow, slow]);
  await producer.begin();
  await producer.commit();
  await producer.begin();
  await expect(producer.commit()).rejects.toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN", retryable: true });
  expect(client.calls.filter((call) => call === "commit").length).toBeGreaterThan(5);
  await expect(producer.begin()).rejects.toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN" });
  await producer.close();
  expect(client.calls.at(-1)).toBe("disconnect");
});

test("a commit that the coordinator refuses is not in doubt", async () => {
  const { producer, client } = await open();
  client.answers.set("commit", [clientError(53)]);
  await producer.begin();
  await expect(producer.commit()).rejects.toMatchObject({ code: "KAFKA_ACL_MISSING" });
});

test("an error that only followed from another one is told as that", async () => {
  const { producer, client } = await open();
  await producer.begin();
  client.answers.set("begin", [clientError(-144)]);
  client.refusal = clientError(-150);
  await expect(producer.send(TARGET, rows(1))).rejects.toMatchObject({ code: "KAFKA_TRANSACTION_EXPIRED" });
  expect(judged).toEqual([{ code: "KAFKA_FENCED", wasOngoing: false }]);
});

test("a record that was stored, or refused by its leader, shows that there was a transaction to end", async () => {
  for (const isStored of [true, false]) {
    judged = [];
    const { producer, client } = await open();
    await producer.begin();
    await producer.send(TARGET, rows(2));
    if (isStored) client.report(1);
    client.report(1, clientError(isStored ? -152 : 47));
    client.answers.set("begin", [clientError(-144)]);
    await expect(producer.flush()).rejects.toMatchObject({ code: "KAFKA_TRANSACTION_EXPIRED" });
    expect(judged).toEqual([{ code: "KAFKA_FENCED", wasOngoing: true }]);
  }
});

test("closing lets those go who wait, and waits for the call that is under way", async () => {
  const { producer, client } = await open();
  await producer.begin();
  client.room = 0;
  const sending = producer.send(TARGET, rows(1));
  sending.catch(() => undefined);
  await turns();
  const slow = clientError(-185, { isRetriable: true });
  client.answers.set(
    "commit",
    Array.from({ length: 9 }, () => slow),
  );
  await producer.close();
  await expect(sending).rejects.toMatchObject({ code: "KAFKA_OUTCOME_UNKNOWN" });
  await producer.close();
  expect(client.calls.filter((call) => call === "disconnect").length).toBe(1);
});

test("a client that never connects is not taken down, and says what was wrong", async () => {
  const failing = class extends FakeClient {
    override connect(_options: unknown, done: Done): void {
      this.emit("event.log", {
        fac: "FAIL",
        message: "[thrd:b:1/bootstrap]: b:1: SSL handshake failed: no",
      });
      done(clientError(-195), undefined);
    }
  };
  const library = { Producer: failing, KafkaConsumer: EventEmitter, features: [] } as never;
  await expect(LibrdkafkaProducer.open({ ...PARTS, library })).rejects.toMatchObject({
    code: "KAFKA_TLS",
    message: "cannot open the producer id: _TRANSPORT (b:1: SSL handshake failed: no)",
  });
  expect(FakeClient.last.calls).toEqual([]);
});
