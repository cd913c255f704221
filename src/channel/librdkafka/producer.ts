import { setImmediate as nextTurn } from "node:timers/promises";
import { syncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";
import { assert } from "../../util/assert.ts";
import { messageOf, SyncError } from "../../util/errors.ts";
import { BROKER_ERROR, kafkaHint } from "../kafka/broker-error.ts";
import type { ProducerOptions, TransactionalProducer, WrittenRange } from "../kafka/driver.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import {
  RECORD_HEADER,
  type ProducerIdentity,
  type RecordBlock,
  type TopicPartition,
} from "../kafka/record-block.ts";
import {
  call,
  isClientError,
  type ClientError,
  type ClientLibrary,
  type Done,
  type ProducerClient,
} from "./client.ts";
import { CLIENT_ERROR, clientError, isConsequence } from "./client-error.ts";
import { Complaints } from "./complaints.ts";
import { Deliveries } from "./deliveries.ts";
import { producerSettings } from "./settings.ts";

/** Records after which the event loop has its turn: to hand one over takes some microseconds. */
const RECORDS_IN_A_ROW = 256;
/** A native call keeps one of the few threads that all of the process share, and cannot be left before it ends. */
const CALL_MS_MAX = 1000;
const RETRY_MS = 20;
/** Long enough for the library to send what it would have kept a little longer. */
const FLUSH_MS = 10;
/** How long statistics may take to come, which come every half second. */
const IDENTITY_MS_MAX = 10_000;

type TimedCall = (timeoutMs: number, done: Done) => unknown;

export interface ProducerParts {
  readonly library: ClientLibrary;
  readonly endpoint: KafkaEndpoint;
  readonly options: ProducerOptions;
  /** Tells a producer that was fenced off from a transaction that was open for too long. */
  readonly judge: (error: SyncError, identity: ProducerIdentity, wasOngoing: boolean) => Promise<SyncError>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * The transactional producer of librdkafka. It keeps what is sent in a queue of its own, which is bounded, and repeats
 * requests until the delivery timeout; after an error that it tells of it is closed.
 *
 * Limit. Unlike our own requests it asks for the end of a transaction again when no answer came. Were the first request
 * to come to the coordinator behind the answer to the second, it would end the transaction that has begun since: its
 * rows so far would be committed without their position, so others see them twice, and our own readers never do.
 */
export class LibrdkafkaProducer implements TransactionalProducer {
  readonly #client: ProducerClient;
  readonly #complaints: Complaints;
  readonly #parts: ProducerParts;
  readonly #deliveries = new Deliveries();
  #identity: ProducerIdentity | null = null;
  #isConnected = false;
  #isOpen = false;
  #failure: SyncError | null = null;
  /** The native call that is under way: the client must not be taken down beneath it. */
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(client: ProducerClient, parts: ProducerParts) {
    this.#client = client;
    this.#complaints = new Complaints(client);
    this.#parts = parts;
    client.on("delivery-report", (error, report) => {
      this.#deliveries.take(error, report);
    });
    client.on("event.stats", ({ message }) => {
      this.#identity = identityIn(message) ?? this.#identity;
    });
  }

  static async open(parts: ProducerParts): Promise<LibrdkafkaProducer> {
    const { library, endpoint, options } = parts;
    const producer = new LibrdkafkaProducer(new library.Producer(producerSettings(endpoint, options)), parts);
    const client = producer.#client;
    const what = `open the producer ${options.transactionalId}`;
    try {
      const metadata = { allTopics: false, timeout: endpoint.connectTimeoutMs };
      await producer.#native((done) => client.connect(metadata, done));
      producer.#isConnected = true;
      client.setPollInBackground(true);
      await producer.#inParts((ms, done) => client.initTransactions(ms, done));
      await producer.#introduce();
      return producer;
    } catch (error) {
      await producer.close();
      if (!isClientError(error)) throw error;
      throw clientError(error, what, producer.#complaints.last);
    }
  }

  /** Learns who it is. Without that, a fence and a transaction that was open for too long would be the same to us. */
  async #introduce(): Promise<void> {
    for (let waitedMs = 0; this.#identity === null && waitedMs < IDENTITY_MS_MAX; waitedMs += RETRY_MS) {
      await sleep(RETRY_MS);
    }
    assert(this.#identity !== null, "the statistics of librdkafka tell who its producer is");
  }

  async begin(): Promise<void> {
    this.#throwFailure();
    assert(!this.#isOpen, "a Kafka transaction is already open");
    await this.#do("begin a transaction", (_ms, done) => this.#client.beginTransaction(done));
    this.#deliveries.begin();
    this.#isOpen = true;
  }

  async send(target: TopicPartition, records: RecordBlock): Promise<void> {
    assert(this.#isOpen, "no Kafka transaction is open");
    this.#throwFailure();
    for (let i = 0; i < records.count; i++) {
      if (i % RECORDS_IN_A_ROW === RECORDS_IN_A_ROW - 1) {
        await nextTurn();
        await this.#throwUndelivered();
      }
      for (let error = this.#produce(target, records, i); error !== null;) {
        if (error.code !== CLIENT_ERROR.queueFull) throw await this.#failed(error, writeTo(target));
        await this.#deliveries.next();
        await this.#throwUndelivered();
        error = this.#produce(target, records, i);
      }
    }
  }

  /** Hands one record over; gives why it was not taken. */
  #produce({ topic, partition }: TopicPartition, records: RecordBlock, i: number): ClientError | null {
    const { bytes, keys, values, headers } = records;
    const header = bytesAt(bytes, headers.start[i] as number, headers.end[i] as number);
    try {
      this.#client.produce(
        topic,
        partition,
        bytesAt(bytes, values.start[i] as number, values.end[i] as number),
        bytesAt(bytes, keys.start[i] as number, keys.end[i] as number),
        undefined,
        undefined,
        header === null ? undefined : [{ [RECORD_HEADER]: header }],
      );
      this.#deliveries.sent();
      return null;
    } catch (error) {
      if (isClientError(error)) return error;
      throw error;
    }
  }

  async flush(): Promise<readonly WrittenRange[]> {
    assert(this.#isOpen, "no Kafka transaction is open");
    await this.#drain();
    return this.#deliveries.ranges(this.#identity as ProducerIdentity);
  }

  async commit(): Promise<void> {
    await this.#end("commit a transaction", (ms, done) => this.#client.commitTransaction(ms, done));
  }

  /** What the brokers were given stays there, marked as aborted. */
  async abort(): Promise<void> {
    await this.#end("abort a transaction", (ms, done) => this.#client.abortTransaction(ms, done));
  }

  async close(): Promise<void> {
    this.#failure ??= syncError("KAFKA_OUTCOME_UNKNOWN", "the producer is closed", {
      hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"),
    });
    this.#deliveries.wake();
    await this.#busy;
    if (!this.#isConnected) return;
    this.#isConnected = false;
    await call((done) => this.#client.disconnect(0, done));
  }

  async #end(what: string, native: TimedCall): Promise<void> {
    assert(this.#isOpen, "no Kafka transaction is open");
    await this.#drain();
    this.#isOpen = false;
    try {
      await this.#do(what, native);
    } catch (error) {
      throw this.#unknownOutcome(error, what);
    }
  }

  /** Where the coordinator did not say what it did, it may have done it. */
  #unknownOutcome(error: unknown, what: string): unknown {
    if (!(error instanceof SyncError) || !error.retryable || error.code === "KAFKA_TRANSACTION_EXPIRED")
      return error;
    this.#failure = syncError(
      "KAFKA_OUTCOME_UNKNOWN",
      `whether the broker did ${what} is not known: ${messageOf(error)}`,
      { hint: kafkaHint("KAFKA_OUTCOME_UNKNOWN"), cause: error },
    );
    return this.#failure;
  }

  /** Waits until the brokers have all that was sent. */
  async #drain(): Promise<void> {
    this.#throwFailure();
    if (this.#deliveries.pending > 0) {
      // Its own end says nothing, since reports are still on their way to us then. It makes the library send at once.
      this.#native((done) => this.#client.flush(FLUSH_MS, done)).catch(() => undefined);
    }
    while (this.#deliveries.pending > 0) {
      await this.#throwUndelivered();
      await this.#deliveries.next();
    }
    await this.#throwUndelivered();
    if (this.#deliveries.placeless !== null) throw (this.#failure = this.#deliveries.placeless);
  }

  async #throwUndelivered(): Promise<void> {
    this.#throwFailure();
    const { error, where } = this.#deliveries;
    if (error !== null) throw await this.#failed(error, where === null ? "write" : writeTo(where));
  }

  async #do(what: string, native: TimedCall): Promise<void> {
    this.#complaints.forget();
    try {
      await this.#inParts(native);
    } catch (error) {
      if (!isClientError(error)) throw error;
      throw await this.#failed(error, what);
    }
  }

  /** The library goes on with a call that has run out of its time, when it is made again. */
  async #inParts(native: TimedCall): Promise<void> {
    const { now, options } = this.#parts;
    const lateMs = now() + options.deliveryTimeoutMs;
    for (;;) {
      this.#throwFailure();
      try {
        await this.#native((done) => native(CALL_MS_MAX, done));
        return;
      } catch (error) {
        if (!isClientError(error) || error.isRetriable !== true || now() >= lateMs) throw error;
      }
      await sleep(RETRY_MS);
    }
  }

  #native(start: (done: Done) => unknown): Promise<unknown> {
    const running = call(start);
    this.#busy = Promise.allSettled([this.#busy, running]);
    return running;
  }

  /** Remembers why the producer is of no use any more, and gives it. */
  async #failed(error: ClientError, what: string): Promise<SyncError> {
    if (this.#failure !== null) return this.#failure;
    const cause = isConsequence(error) ? ((await this.#causeOf(error)) ?? error) : error;
    const found = clientError(cause, what, this.#complaints.last);
    const isOfTransaction = found.code === "KAFKA_FENCED" || found.code === "KAFKA_TRANSACTION_EXPIRED";
    const judged =
      isOfTransaction && this.#identity !== null
        ? await this.#parts.judge(found, this.#identity, this.#wasOngoing(error))
        : found;
    this.#failure ??= judged;
    return this.#failure;
  }

  /** No record goes to a partition that the coordinator does not know to be part of the transaction. */
  #wasOngoing({ code }: ClientError): boolean {
    return this.#deliveries.hasStored || code === BROKER_ERROR.invalidProducerEpoch;
  }

  /** A transaction that has failed refuses another one to begin, with the error that it has failed of. */
  async #causeOf(error: ClientError): Promise<ClientError | null> {
    try {
      await this.#native((done) => this.#client.beginTransaction(done));
      return null;
    } catch (cause) {
      if (!isClientError(cause)) throw cause;
      return cause.code === CLIENT_ERROR.state ? error : cause;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

const writeTo = ({ topic, partition }: TopicPartition): string => `write to ${topic}/${partition}`;

const bytesAt = (bytes: Uint8Array, start: number, end: number): Uint8Array | null =>
  start < 0 ? null : bytes.subarray(start, end);

/** Statistics are a JSON text of up to a megabyte, of which two numbers are wanted. */
function identityIn(statistics: string): ProducerIdentity | null {
  const at = statistics.lastIndexOf('"eos":');
  const found = /"producer_id":\s*(\d+),\s*"producer_epoch":\s*(\d+)/.exec(
    at < 0 ? "" : statistics.slice(at),
  );
  return found === null ? null : { id: found[1] ?? "", epoch: Number(found[2]) };
}
