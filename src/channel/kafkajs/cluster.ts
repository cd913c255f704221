import { syncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";
import { messageOf, SyncError } from "../../util/errors.ts";
import { BROKER_ERROR, brokerError, isTransient, kafkaHint } from "../kafka/broker-error.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import {
  FETCH,
  FIND_COORDINATOR,
  INIT_PRODUCER_ID,
  METADATA,
  type BrokerAddress,
  type ClusterMetadata,
  type Message,
  type TopicMetadata,
} from "../kafka/messages.ts";
import type { TopicPartition } from "../kafka/record-block.ts";
import { BrokerConnection } from "./broker-connection.ts";

/** The newest of our messages: a broker that knows them knows the others. */
const TELLING = [METADATA, FETCH, INIT_PRODUCER_ID] as const;

/** The markers of a transaction are written within a few milliseconds of its end. */
const RETRY_MS_MIN = 2;
const RETRY_MS_MAX = 500;
/** To be asked for patience is part of how transactions begin and end, until it has lasted for so long. */
const PATIENCE_MS = 1000;

/** A cluster: its brokers, who leads which partition, and a connection to each broker that was needed. */
export class Cluster {
  readonly #endpoint: KafkaEndpoint;
  readonly #connections = new Map<number, Promise<BrokerConnection>>();
  readonly #topics = new Map<string, TopicMetadata>();
  #brokers = new Map<number, BrokerAddress>();
  /** The addresses of the config, under numbers that no broker has. */
  readonly #seeds: ReadonlyMap<number, BrokerAddress>;
  #turn = 0;
  #isClosed = false;

  private constructor(endpoint: KafkaEndpoint) {
    this.#endpoint = endpoint;
    this.#seeds = new Map(endpoint.brokers.map(seedAddress).map((seed) => [seed.nodeId, seed]));
  }

  /**
   * Asks the brokers of the endpoint one after another, until one answers.
   * @throws SyncError KAFKA_UNREACHABLE when none does, KAFKA_VERSION when one is too old
   */
  static async connect(endpoint: KafkaEndpoint): Promise<Cluster> {
    const cluster = new Cluster(endpoint);
    await cluster.metadata([]);
    return cluster;
  }

  get requestTimeoutMs(): number {
    return this.#endpoint.requestTimeoutMs;
  }

  /** Fresh from a broker; null asks for all topics. What it says of leaders is remembered. */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    return this.#remember(await this.#askAny(topics));
  }

  /** What each broker says of the topics, but for those that do not answer. */
  async metadataOfEach(topics: readonly string[]): Promise<readonly ClusterMetadata[]> {
    const asked = [...this.#brokers.keys()].map((nodeId) => this.send(nodeId, METADATA, topics));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => {
      if (answer.status === "fulfilled") return [this.#remember(answer.value)];
      const error: unknown = answer.reason;
      if (!(error instanceof SyncError) || !error.retryable) throw error;
      return [];
    });
  }

  #remember(metadata: ClusterMetadata): ClusterMetadata {
    this.#brokers = new Map(metadata.brokers.map((broker) => [broker.nodeId, broker]));
    for (const topic of metadata.topics) {
      if (topic.errorCode === 0) this.#topics.set(topic.topic, topic);
      else this.#topics.delete(topic.topic);
    }
    return metadata;
  }

  /** What is known of a topic, or fresh. */
  async topic(topic: string): Promise<TopicMetadata> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const { topics } = await this.metadata([topic]);
    const [found] = topics;
    if (found === undefined || found.errorCode !== 0) {
      throw brokerError(found?.errorCode ?? BROKER_ERROR.unknownTopic, `find the topic ${topic}`);
    }
    return found;
  }

  /** Who leads is asked again before the next request to this topic. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /** @throws SyncError KAFKA_UNREACHABLE while the partition has no leader */
  async leader({ topic, partition }: TopicPartition): Promise<number> {
    const { partitions } = await this.topic(topic);
    const found = partitions.find((one) => one.partition === partition);
    if (found !== undefined && found.leader >= 0) return found.leader;
    this.forget(topic);
    if (found === undefined) {
      throw brokerError(BROKER_ERROR.unknownTopic, `find partition ${partition} of the topic ${topic}`);
    }
    throw syncError("KAFKA_UNREACHABLE", `${topic}/${partition} has no leader`, {
      hint: kafkaHint("KAFKA_UNREACHABLE"),
    });
  }

  /** The broker that coordinates the transactions of an id. Asking is what creates the log of transactions at first. */
  async coordinator(transactionalId: string): Promise<number> {
    const answer = await this.send(this.anyBroker(), FIND_COORDINATOR, transactionalId);
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, "find the coordinator of transactions");
    const { address } = answer;
    this.#brokers.set(address.nodeId, address);
    return address.nodeId;
  }

  async send<Request, Answer>(
    nodeId: number,
    message: Message<Request, Answer>,
    request: Request,
    waitMs = 0,
  ): Promise<Answer> {
    const connection = await this.#connection(nodeId);
    return await connection.send(message, request, waitMs);
  }

  /** A broker of the cluster, for what any of them can answer; another one after a failure. */
  anyBroker(): number {
    const nodes = [...this.#brokers.keys()];
    return nodes[this.#turn++ % nodes.length] ?? 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of await Promise.allSettled(open)) {
      if (connection.status === "fulfilled") connection.value.close();
    }
  }

  /** The connection to a broker, made when there is none that lives; those who ask at once share it. */
  async #connection(nodeId: number): Promise<BrokerConnection> {
    const known = this.#connections.get(nodeId);
    if (known === undefined) return await this.#connect(nodeId);
    const connection = await known.catch(() => null);
    if (connection !== null && !connection.isLost) return connection;
    if (this.#connections.get(nodeId) === known) this.#connections.delete(nodeId);
    return await this.#connection(nodeId);
  }

  #connect(nodeId: number): Promise<BrokerConnection> {
    const address = this.#brokers.get(nodeId) ?? this.#seeds.get(nodeId);
    if (address === undefined || this.#isClosed) {
      const reason = this.#isClosed ? "the client is closed" : `broker ${nodeId} is not in the cluster now`;
      throw syncError("KAFKA_UNREACHABLE", reason, { hint: kafkaHint("KAFKA_UNREACHABLE") });
    }
    const opening = openChecked(address, this.#endpoint);
    this.#connections.set(nodeId, opening);
    return opening;
  }

  /** Metadata from any broker that answers: those that are known, then those of the config. */
  async #askAny(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const failures: SyncError[] = [];
    for (const nodeId of [...this.#brokers.keys(), ...this.#seeds.keys()]) {
      try {
        return await this.send(nodeId, METADATA, topics);
      } catch (error) {
        // Whatever is wrong with a login or a certificate is the same everywhere, and waiting does not mend it.
        if (!(error instanceof SyncError) || !error.retryable) throw error;
        failures.push(error);
      }
    }
    throw syncError("KAFKA_UNREACHABLE", `no broker answers: ${failures.map(messageOf).join("; ")}`, {
      hint: failures[0]?.hint ?? kafkaHint("KAFKA_UNREACHABLE"),
      cause: failures[0],
    });
  }
}

async function openChecked(address: BrokerAddress, endpoint: KafkaEndpoint): Promise<BrokerConnection> {
  const connection = await BrokerConnection.open(address, endpoint);
  const unknown = TELLING.find((message) => !connection.knows(message));
  if (unknown === undefined) return connection;
  connection.close();
  throw syncError(
    "KAFKA_VERSION",
    `${address.host}:${address.port} does not know ${unknown.name} version ${unknown.version}`,
    { hint: kafkaHint("KAFKA_VERSION") },
  );
}

function seedAddress(broker: string, index: number): BrokerAddress {
  const at = broker.lastIndexOf(":");
  const host = broker.slice(0, at).replace(/^\[|\]$/g, "");
  return { nodeId: -2 - index, host, port: Number(broker.slice(at + 1)) };
}

export interface PersistOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** Told of what stands in the way for longer than is usual. */
  readonly onRetry?: ((error: SyncError) => void) | undefined;
}

/**
 * Repeats a request that is safe to repeat while its answer is that it may succeed later: each attempt sees fresh
 * leaders and coordinators. `attempt` gives the error code of the answer, 0 when it was done, or null to give up.
 */
export async function persist<T extends { readonly errorCode: number } | null>(
  attempt: () => Promise<T>,
  what: string,
  { now, deadlineMs, signal, onRetry }: PersistOptions,
): Promise<T> {
  const startMs = now();
  for (let waitMs = RETRY_MS_MIN; ; waitMs = Math.min(RETRY_MS_MAX, waitMs * 2)) {
    let failure: SyncError;
    try {
      const answer = await attempt();
      if (answer === null || !isTransient(answer.errorCode)) return answer;
      failure = brokerError(answer.errorCode, what);
    } catch (error) {
      if (!(error instanceof SyncError) || !error.retryable) throw error;
      failure = error;
    }
    if (now() - startMs >= PATIENCE_MS) onRetry?.(failure);
    if (now() + waitMs > deadlineMs) throw failure;
    await sleep(waitMs, signal);
  }
}
