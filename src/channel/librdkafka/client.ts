/**
 * The part of `@confluentinc/kafka-javascript` that is used: its low-level clients, whose every answer comes by a
 * callback. They are librdkafka in the same process, behind a thin layer.
 */
import { isMainThread } from "node:worker_threads";
import { syncError } from "../../types/errors.ts";
import { codeOf, messageOf } from "../../util/errors.ts";

const PACKAGE = "@confluentinc/kafka-javascript";
/** The lower bound that package.json has. */
const VERSION = "1.10.1";

/** What the calls of a client end with, or throw. */
export interface ClientError extends Error {
  /** Of Kafka's protocol, or below -100 one of librdkafka's own (`client-error.ts`). */
  readonly code: number;
  /** Of a transaction's calls: whether the same call goes on with what has begun. */
  readonly isRetriable?: boolean;
}

export type Done<T = unknown> = (error: ClientError | null | undefined, value: T) => void;

export type Setting = string | number | boolean | ((...args: never[]) => unknown);
/** By their names in librdkafka's CONFIGURATION.md. */
export type Settings = Readonly<Record<string, Setting>>;

export interface LogLine {
  /** What of the library says it, such as `FAIL`. */
  readonly fac: string;
  readonly message: string;
}

interface ClientEvents {
  readonly "event.log": (line: LogLine) => void;
  readonly error: (error: ClientError) => void;
}

export interface Client<Events extends ClientEvents = ClientEvents> {
  on<E extends keyof Events>(event: E, listener: Events[E]): unknown;
  /** Ends when a broker has told of the cluster. */
  connect(metadata: { readonly allTopics: boolean; readonly timeout: number }, done: Done): unknown;
}

/** Where a record was stored, or was meant to be. */
export interface DeliveryReport {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

interface ProducerEvents extends ClientEvents {
  readonly "event.stats": (stats: { readonly message: string }) => void;
  readonly "delivery-report": (error: ClientError | null, report: DeliveryReport) => void;
}

export interface ProducerClient extends Client<ProducerEvents> {
  /** Events are taken from the library on a thread of its own, and come to us without our asking. */
  setPollInBackground(isOn: boolean): unknown;
  initTransactions(timeoutMs: number, done: Done): unknown;
  beginTransaction(done: Done): unknown;
  commitTransaction(timeoutMs: number, done: Done): unknown;
  abortTransaction(timeoutMs: number, done: Done): unknown;
  flush(timeoutMs: number, done: Done): unknown;
  /** Copies what it is given. @throws ClientError */
  produce(
    topic: string,
    partition: number,
    value: Uint8Array | null,
    key: Uint8Array | null,
    timestamp: undefined,
    opaque: undefined,
    headers: readonly Readonly<Record<string, Uint8Array>>[] | undefined,
  ): unknown;
  disconnect(flushMs: number, done: Done): unknown;
}

export interface Message extends DeliveryReport {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly Readonly<Record<string, Uint8Array>>[];
}

interface Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number;
}

interface ConsumerEvents extends ClientEvents {
  /** Comes before the messages of the same `consume`. */
  readonly "partition.eof": (end: DeliveryReport) => void;
}

export interface ConsumerClient extends Client<ConsumerEvents> {
  /** How long `consume` waits, on one of the few threads that all of the process share. */
  setDefaultConsumeTimeout(timeoutMs: number): unknown;
  incrementalAssign(partitions: readonly Assignment[]): unknown;
  incrementalUnassign(partitions: readonly Assignment[]): unknown;
  consume(count: number, done: Done<readonly Message[]>): unknown;
  disconnect(done: Done): unknown;
}

export interface ClientLibrary {
  readonly Producer: new (settings: Settings) => ProducerClient;
  readonly KafkaConsumer: new (settings: Settings) => ConsumerClient;
  /** What it was built with, such as `zstd`. */
  readonly features: readonly string[];
}

/** Brings the package's module. */
export type LoadClient = () => Promise<unknown>;

/** The one that is installed beside us. No name that a compiler could resolve, since it need not be there. */
export const loadInstalled: LoadClient = () => import(PACKAGE);

/** @throws SyncError KAFKA_CLIENT_MISSING when it is not installed or was built for another Node */
export async function loadClient(load: LoadClient, isMain = isMainThread): Promise<ClientLibrary> {
  // Its callbacks run in the event loop of the main thread, whoever has made the client.
  if (!isMain) throw missing("works in the main thread only", null);
  let loaded: unknown;
  try {
    loaded = await load();
  } catch (error) {
    const isAbsent = codeOf(error) === "ERR_MODULE_NOT_FOUND" && messageOf(error).includes(PACKAGE);
    if (isAbsent) throw missing("is not installed", error);
    throw missing(`does not load here: ${messageOf(error).split("\n")[0] ?? ""}`, error);
  }
  const library = isObject(loaded) && "default" in loaded ? loaded.default : loaded;
  if (!isLibrary(library))
    throw missing("is another one than we know: it has no Producer and KafkaConsumer", null);
  return library;
}

const missing = (problem: string, cause: unknown): Error =>
  syncError("KAFKA_CLIENT_MISSING", `the package ${PACKAGE}, which is librdkafka for Node, ${problem}`, {
    hint: `run \`npm install ${PACKAGE}@${VERSION}\` with the Node that runs tallylake, or leave channel.kafka.client at kafkajs`,
    ...(cause === null ? {} : { cause }),
  });

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const isLibrary = (value: unknown): value is ClientLibrary =>
  isObject(value) &&
  "Producer" in value &&
  typeof value.Producer === "function" &&
  "KafkaConsumer" in value &&
  typeof value.KafkaConsumer === "function";

/** A call whose end is told to a callback. */
export const call = <T = unknown>(start: (done: Done<T>) => unknown): Promise<T> =>
  new Promise((resolve, reject) => {
    start((error, value) => {
      if (error !== null && error !== undefined) reject(error);
      else resolve(value);
    });
  });

export const isClientError = (error: unknown): error is ClientError =>
  isObject(error) &&
  "code" in error &&
  typeof error.code === "number" &&
  "message" in error &&
  typeof error.message === "string";
