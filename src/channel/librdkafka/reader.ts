import { isSyncError, syncError } from "../../types/errors.ts";
import { throwIfAborted } from "../../util/abort.ts";
import type { SyncError } from "../../util/errors.ts";
import { kafkaHint } from "../kafka/broker-error.ts";
import type { FetchAnswer, FetchRequest, Isolation, RecordReader } from "../kafka/driver.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import type { Cluster } from "../kafkajs/cluster.ts";
import { endFor, readOf, requireTopic } from "./bounds.ts";
import {
  call,
  isClientError,
  type ClientLibrary,
  type ConsumerClient,
  type DeliveryReport,
  type Message,
} from "./client.ts";
import { CLIENT_ERROR, clientError } from "./client-error.ts";
import { Complaints } from "./complaints.ts";
import { FetchedPartition } from "./fetched-partition.ts";
import { consumerSettings } from "./settings.ts";

/** Each is made into objects, which keeps the event loop for some microseconds. */
const MESSAGES_MAX = 1000;
/** What may be kept of a partition, and of all, before no more is fetched of those that nobody waits for. */
const PARTITION_BYTES_MAX = 8 << 20;
const KEPT_BYTES_MAX = 64 << 20;
/** When it is too much, what nobody has asked for in this time is given up. */
const KEPT_MS = 60_000;
/** How soon to look again for messages without being told that there are some. */
const LOOK_MS = 100;
/** When it is asked whether there are records at all, and how often again. */
const FIRST_CHECK_MS = 20;
const CHECK_MS = 500;

/** Errors of what a broker has stored. They come without their place, and what lies there may be passed over. */
const OF_RECORDS: ReadonlySet<number> = new Set([
  CLIENT_ERROR.badMessage,
  CLIENT_ERROR.badCompression,
  CLIENT_ERROR.notImplemented,
]);

export interface ReaderParts {
  readonly library: ClientLibrary;
  readonly endpoint: KafkaEndpoint;
  readonly isolation: Isolation;
  /** For what the library does not tell. */
  readonly cluster: Cluster;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/**
 * Reads partitions through one consumer without a group. The library fetches ahead of what is asked for, of all
 * partitions that were; what comes of others is kept for those who ask for it next, as long as there is room.
 *
 * The library does not tell which partition an error is of, tells the end of a partition only once, and the layer over
 * it swallows an error behind messages. So an answer without records is given only when the leader, asked after the
 * library has brought nothing, says that there are none; and an offset that is gone is told by the leader as well.
 */
export class LibrdkafkaReader implements RecordReader {
  readonly #client: ConsumerClient;
  readonly #complaints: Complaints;
  readonly #parts: ReaderParts;
  readonly #partitions = new Map<string, FetchedPartition>();
  /** Of each partition the end of the last fetch that was asked for. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Ends of partitions that the `consume` under way has come to: they are told before the messages that are before them. */
  #ends: DeliveryReport[] = [];
  #consuming: Promise<void> | null = null;
  /** Whether the library may have something that was not taken yet, and those who wait for that. */
  #hasNews = false;
  readonly #waiting = new Set<() => void>();
  #failure: SyncError | null = null;
  #isClosed = false;

  private constructor(parts: ReaderParts) {
    const { library, endpoint, isolation } = parts;
    const onNews = (): void => {
      this.#hasNews = true;
      for (const goOn of [...this.#waiting]) goOn();
    };
    const client = new library.KafkaConsumer(consumerSettings(endpoint, isolation, onNews));
    this.#client = client;
    this.#complaints = new Complaints(client);
    this.#parts = parts;
    // One that waits would keep one of the few threads that all of the process share.
    client.setDefaultConsumeTimeout(0);
    client.on("partition.eof", (end) => {
      this.#ends.push(end);
    });
  }

  static async open(parts: ReaderParts): Promise<LibrdkafkaReader> {
    const reader = new LibrdkafkaReader(parts);
    try {
      const metadata = { allTopics: false, timeout: parts.endpoint.connectTimeoutMs };
      await call((done) => reader.#client.connect(metadata, done));
      return reader;
    } catch (error) {
      if (!isClientError(error)) throw error;
      throw clientError(error, "open a reader", reader.#complaints.last);
    }
  }

  /** The library stands at one place of a partition, so those who want different ones take turns. */
  async fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    const key = keyOf(request.topic, request.partition);
    const before = this.#turns.get(key);
    const turn = (async () => {
      await before?.catch(() => undefined);
      return await this.#fetchAlone(request, signal);
    })();
    this.#turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  async #fetchAlone(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    throwIfAborted(signal);
    const partition = await this.#claim(request);
    try {
      return await this.#fetch(request, partition, signal);
    } catch (error) {
      // Whoever asks again gets a fetch that begins anew.
      if (isSyncError(error) && this.#failure === null) {
        await this.#between(() => {
          this.#forget(partition);
        });
      }
      throw error;
    } finally {
      partition.waiting--;
    }
  }

  async #fetch(
    request: FetchRequest,
    partition: FetchedPartition,
    signal: AbortSignal,
  ): Promise<FetchAnswer> {
    const { now, endpoint } = this.#parts;
    const { offset, bytesMax, waitMs } = request;
    const startMs = now();
    const lateMs = startMs + waitMs + endpoint.requestTimeoutMs;
    let checkMs = startMs + Math.max(waitMs, FIRST_CHECK_MS);
    for (;;) {
      if (partition.to <= offset) await this.#consume();
      throwIfAborted(signal);
      if (partition.to > offset) return partition.take(offset, bytesMax);
      if (now() >= checkMs) {
        if (await this.#isAtEnd(request, lateMs)) return { blocks: [], nextOffset: offset };
        checkMs = now() + CHECK_MS;
      }
      await this.#news(Math.max(0, Math.min(LOOK_MS, checkMs - now())), signal);
    }
  }

  /** Resolves when the library may have something, when it is time to look anyway, or when the signal aborts. */
  async #news(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#hasNews) return;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", goOn);
        this.#waiting.delete(goOn);
        resolve();
      };
      const timer = setTimeout(goOn, ms);
      signal.addEventListener("abort", goOn, { once: true });
      this.#waiting.add(goOn);
    });
  }

  /** Whether there is nothing from this offset on; throws when there is and the library does not bring it. */
  async #isAtEnd(request: FetchRequest, lateMs: number): Promise<boolean> {
    const { cluster, isolation, now } = this.#parts;
    const isLate = now() >= lateMs;
    try {
      await requireTopic(cluster, request);
      if ((await endFor(cluster, request, isolation === "committed")) <= request.offset) return true;
    } catch (error) {
      if (!isSyncError(error) || !error.retryable || isLate) throw error;
      return false;
    }
    if (!isLate) return false;
    throw syncError(
      "KAFKA_UNREACHABLE",
      `cannot ${readOf(request)}: ${this.#complaints.last ?? "it does not come"}`,
      {
        hint: kafkaHint("KAFKA_UNREACHABLE"),
      },
    );
  }

  /**
   * The partition for one who waits for it, with what there is of it from the wanted offset on, and more to come when
   * there is nothing.
   */
  async #claim(request: FetchRequest): Promise<FetchedPartition> {
    this.#throwFailure();
    const { topic, partition, offset } = request;
    const key = keyOf(topic, partition);
    const known = this.#partitions.get(key);
    if (known?.holds(offset) === true && (known.isFetched || known.to > offset)) return this.#claimed(known);
    if (known?.holds(offset) !== true) await requireTopic(this.#parts.cluster, request);
    return await this.#between(() => {
      const kept = this.#partitions.get(key);
      const claimed =
        kept?.holds(offset) === true ? kept : new FetchedPartition({ topic, partition }, offset);
      if (kept !== undefined && kept !== claimed) this.#forget(kept);
      this.#partitions.set(key, claimed);
      this.#resume(claimed);
      return this.#claimed(claimed);
    });
  }

  #claimed(partition: FetchedPartition): FetchedPartition {
    partition.waiting++;
    partition.askedMs = this.#parts.now();
    return partition;
  }

  /** Takes what the library has fetched; those who wait for different partitions share it. */
  async #consume(): Promise<void> {
    this.#throwFailure();
    this.#consuming ??= this.#take().finally(() => {
      this.#consuming = null;
    });
    await this.#consuming;
  }

  async #take(): Promise<void> {
    let messages: readonly Message[];
    this.#hasNews = false;
    try {
      messages = await call<readonly Message[]>((done) => this.#client.consume(MESSAGES_MAX, done));
    } catch (error) {
      if (!isClientError(error)) throw error;
      this.#hasNews = true;
      // Whether a topic or an offset is gone is asked for as soon as nothing comes.
      if (OF_RECORDS.has(error.code))
        this.#failure = clientError(error, "read what a broker has stored", null);
      return;
    }
    // The library tells only of what comes after nothing was there.
    if (messages.length === MESSAGES_MAX) this.#hasNews = true;
    for (let from = 0; from < messages.length;) {
      const { topic, partition } = messages[from] as Message;
      let to = from + 1;
      while (messages[to]?.partition === partition && messages[to]?.topic === topic) to++;
      this.#partitions.get(keyOf(topic, partition))?.add(messages.slice(from, to));
      from = to;
    }
    for (const { topic, partition, offset } of this.#ends.splice(0)) {
      this.#partitions.get(keyOf(topic, partition))?.reach(offset);
    }
    if (messages.length > 0) this.#complaints.forget();
    this.#limit();
  }

  /** Lets no more come of what nobody waits for, when there is enough of it. */
  #limit(): void {
    let bytes = 0;
    for (const partition of this.#partitions.values()) bytes += partition.bytes;
    const isFull = bytes > KEPT_BYTES_MAX;
    for (const partition of [...this.#partitions.values()]) {
      if (partition.waiting > 0) continue;
      if (isFull || partition.bytes > PARTITION_BYTES_MAX) this.#pause(partition);
      if (isFull && this.#parts.now() - partition.askedMs > KEPT_MS) this.#forget(partition);
    }
  }

  /** More of it is fetched, from where it ends. What the library has of it already is fetched again. */
  #resume(partition: FetchedPartition): void {
    if (partition.isFetched) return;
    partition.isFetched = true;
    this.#client.incrementalAssign([{ ...partition.target, offset: partition.to }]);
  }

  #pause(partition: FetchedPartition): void {
    if (!partition.isFetched) return;
    partition.isFetched = false;
    this.#client.incrementalUnassign([partition.target]);
  }

  #forget(partition: FetchedPartition): void {
    const { topic, partition: number } = partition.target;
    this.#pause(partition);
    const key = keyOf(topic, number);
    if (this.#partitions.get(key) === partition) this.#partitions.delete(key);
  }

  /** Does what must not happen while messages are on their way to us: they would be those of before. */
  async #between<T>(change: () => T): Promise<T> {
    while (this.#consuming !== null) await this.#consuming;
    this.#throwFailure();
    return change();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const goOn of [...this.#waiting]) goOn();
    this.#failure ??= syncError("KAFKA_UNREACHABLE", "the reader is closed", {
      hint: kafkaHint("KAFKA_UNREACHABLE"),
    });
    while (this.#consuming !== null) await this.#consuming;
    await call((done) => this.#client.disconnect(done));
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
