import { isSyncError } from "../../types/errors.ts";
import {
  CREATE_TOPICS,
  DESCRIBE_CONFIGS,
  DESCRIBE_PRODUCERS,
  EARLIEST,
  LATEST,
  LIST_OFFSETS,
  RESOURCE,
  type NewTopic,
  type PartitionProducers,
} from "../kafka/admin-messages.ts";
import { BROKER_ERROR, brokerError } from "../kafka/broker-error.ts";
import type { KafkaEndpoint } from "../kafka/endpoint.ts";
import type { TwoTimes } from "../kafka/broker-clock.ts";
import { FETCH, type ClusterMetadata, type TopicMetadata } from "../kafka/messages.ts";
import type { TopicPartition } from "../kafka/record-block.ts";
import { readBatches, type StoredBatch } from "../kafka/record-read.ts";
import { sleep } from "../../util/abort.ts";
import { Cluster, persist } from "./cluster.ts";

/** Offsets of a partition: its first record, the end for readers of committed records, and the end. */
export interface PartitionOffsets {
  readonly partition: number;
  readonly start: number;
  readonly stable: number;
  readonly end: number;
}

const CREATE_MS = 30_000;
/** A broker that lives comes up with the others within its session, which is 9 s unless it is configured. */
const BROKERS_MS = 12_000;
const SPREAD_RETRY_MS = 10;
/** Enough for some batches; a broker sends at least one whole one. */
const TIMES_BYTES = 1 << 16;

/** What is asked of a cluster beside its records: topics, their configuration, offsets, open transactions. */
export class KafkaControl {
  readonly #cluster: Cluster;
  /** Milliseconds of a clock that never goes back. */
  readonly #now: () => number;

  constructor(cluster: Cluster, now: () => number) {
    this.#cluster = cluster;
    this.#now = now;
  }

  static async connect(endpoint: KafkaEndpoint, now: () => number): Promise<KafkaControl> {
    return new KafkaControl(await Cluster.connect(endpoint), now);
  }

  /** The numbers of the brokers. */
  async brokers(): Promise<readonly number[]> {
    return (await this.#cluster.metadata([])).brokers.map(({ nodeId }) => nodeId);
  }

  /** Configuration in force of one broker, by name. */
  async brokerConfig(nodeId: number): Promise<ReadonlyMap<string, string | null>> {
    const resource = { type: RESOURCE.broker, name: String(nodeId) };
    const [answer] = await this.#cluster.send(nodeId, DESCRIBE_CONFIGS, [resource]);
    if (answer === undefined || answer.errorCode !== 0) {
      throw brokerError(
        answer?.errorCode ?? -1,
        `read the configuration of broker ${nodeId}`,
        answer?.message,
      );
    }
    return answer.values;
  }

  /** Topics by name, fresh; those that no broker knows are left out. */
  async topics(names: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata>> {
    if (names.length === 0) return new Map();
    const found = topicsOf(await this.#cluster.metadata(names));
    const missing = names.filter((name) => !found.has(name));
    if (missing.length === 0) return found;
    // A broker may be behind the others, and then it does not know a topic that is there.
    const others = await this.#cluster.metadataOfEach(missing);
    return new Map([...found, ...others.flatMap((metadata) => [...topicsOf(metadata)])]);
  }

  /** Creates topics and waits until their leaders serve them; one that is there already stays as it is. */
  async create(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    const answers = await this.#cluster.send(this.#cluster.anyBroker(), CREATE_TOPICS, {
      topics,
      timeoutMs: CREATE_MS,
    });
    for (const { topic, errorCode, message } of answers) {
      if (errorCode !== 0 && errorCode !== BROKER_ERROR.topicExists)
        throw brokerError(errorCode, `create the topic ${topic}`, message);
    }
    await persist(async () => ({ errorCode: await this.#leaderless(topics) }), "create topics", {
      now: this.#now,
      deadlineMs: this.#now() + CREATE_MS,
    });
  }

  /**
   * Waits until each broker that answers knows the topics, which are there: any of them may be asked for what belongs
   * to them, and one that is behind takes them for missing. One that stays behind is not waited for.
   */
  async spread(names: readonly string[]): Promise<void> {
    const deadlineMs = this.#now() + BROKERS_MS;
    const isKnown = (found: ReadonlyMap<string, unknown>): boolean => names.every((name) => found.has(name));
    while (!(await this.#cluster.metadataOfEach(names)).map(topicsOf).every(isKnown)) {
      if (this.#now() >= deadlineMs) return;
      await sleep(SPREAD_RETRY_MS);
    }
  }

  /** The error of a topic that cannot be used yet, or 0. */
  async #leaderless(topics: readonly NewTopic[]): Promise<number> {
    const found = await this.topics(topics.map(({ topic }) => topic));
    for (const { topic, partitions } of topics) {
      const there = found.get(topic)?.partitions ?? [];
      if (there.length < partitions || there.some(({ leader }) => leader < 0)) return LEADER_NOT_AVAILABLE;
      if (!(await this.#isServed(topic))) return LEADER_NOT_AVAILABLE;
    }
    return 0;
  }

  /** Brokers know a new topic a moment before they serve it. */
  async #isServed(topic: string): Promise<boolean> {
    try {
      await this.offsets(topic);
      return true;
    } catch (error) {
      if (isSyncError(error, "KAFKA_TOPIC_MISSING") || (isSyncError(error) && error.retryable)) return false;
      throw error;
    }
  }

  /** Configuration in force, by topic and name. */
  async topicConfigs(
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string | null>>> {
    const resources = topics.map((name) => ({ type: RESOURCE.topic, name }));
    const answers = await this.#cluster.send(this.#cluster.anyBroker(), DESCRIBE_CONFIGS, resources);
    for (const { name, errorCode, message } of answers) {
      if (errorCode !== 0) throw brokerError(errorCode, `read the configuration of ${name}`, message);
    }
    return new Map(answers.map(({ name, values }) => [name, values]));
  }

  offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    return this.#ofLeaders(topic, () => this.#offsets(topic));
  }

  /** What did not work with the leaders that are known is asked of those that there are then. */
  async #ofLeaders<T>(topic: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      this.#cluster.forget(topic);
      throw error;
    }
  }

  async #offsets(topic: string): Promise<readonly PartitionOffsets[]> {
    const { partitions } = await this.#cluster.topic(topic);
    const found = new Map<number, { start: number; stable: number; end: number }>();
    await Promise.all(
      (["start", "stable", "end"] as const).map(async (kind) => {
        const list = await this.#list(
          topic,
          partitions.map(({ partition }) => partition),
          kind,
        );
        for (const { partition, offset } of list) {
          const entry = found.get(partition) ?? { start: 0, stable: 0, end: 0 };
          entry[kind] = offset;
          found.set(partition, entry);
        }
      }),
    );
    return [...found].map(([partition, offsets]) => ({ partition, ...offsets }));
  }

  async #list(
    topic: string,
    partitions: readonly number[],
    kind: "start" | "stable" | "end",
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]> {
    const byLeader = await this.#byLeader(topic, partitions);
    const lists = [...byLeader].map(([leader, led]) =>
      this.#cluster.send(leader, LIST_OFFSETS, {
        isCommittedOnly: kind === "stable",
        topic,
        partitions: led,
        time: kind === "start" ? EARLIEST : LATEST,
      }),
    );
    const answers = (await Promise.all(lists)).flat();
    for (const { partition, errorCode } of answers) {
      if (errorCode !== 0) throw brokerError(errorCode, `ask for the offsets of ${topic}/${partition}`);
    }
    return answers;
  }

  /** The broker that leads it, as far as is known. */
  leader(target: TopicPartition): Promise<number> {
    return this.#cluster.leader(target);
  }

  /**
   * When the newest record from this offset on was written, by its writer's clock, and stored, by its broker's. Null
   * when there is none, or when its topic does not keep the broker's time.
   */
  newestTimes(target: TopicPartition, from: number): Promise<TwoTimes | null> {
    return this.#ofLeaders(target.topic, () => this.#newestTimes(target, from));
  }

  async #newestTimes(target: TopicPartition, from: number): Promise<TwoTimes | null> {
    let newest: StoredBatch | null = null;
    for (let offset = from; ;) {
      const batches: readonly StoredBatch[] = await this.#batches(target, offset);
      const last = batches.at(-1);
      if (last === undefined) break;
      newest = batches.findLast(({ control }) => control === null) ?? newest;
      offset = last.lastOffset + 1;
    }
    if (newest?.isLogAppendTime !== true) return null;
    return { brokerMs: newest.maxTimestampMs, oursMs: newest.baseTimestampMs };
  }

  /** Those from an offset on, of open and aborted transactions as well. */
  async #batches(target: TopicPartition, offset: number): Promise<readonly StoredBatch[]> {
    const { topic, partition } = target;
    const { topicId } = await this.#cluster.topic(topic);
    const leader = await this.#cluster.leader(target);
    const request = { topicId, partition, offset, bytesMax: TIMES_BYTES, waitMs: 0, isCommittedOnly: false };
    const answer = await this.#cluster.send(leader, FETCH, request);
    const errorCode = answer.errorCode !== 0 ? answer.errorCode : (answer.partition?.errorCode ?? 0);
    if (errorCode !== 0) throw brokerError(errorCode, `read ${topic}/${partition} at offset ${offset}`);
    const records = answer.partition?.records ?? null;
    return records === null ? [] : readBatches(records, target);
  }

  /** Who writes to the partitions of a topic, and whose transactions are open. */
  producers(topic: string): Promise<readonly PartitionProducers[]> {
    return this.#ofLeaders(topic, () => this.#producers(topic));
  }

  async #producers(topic: string): Promise<readonly PartitionProducers[]> {
    const { partitions } = await this.#cluster.topic(topic);
    const byLeader = await this.#byLeader(
      topic,
      partitions.map(({ partition }) => partition),
    );
    const answers = [...byLeader].map(([leader, led]) =>
      this.#cluster.send(leader, DESCRIBE_PRODUCERS, { topic, partitions: led }),
    );
    return (await Promise.all(answers)).flat();
  }

  async #byLeader(
    topic: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, readonly number[]>> {
    const byLeader = new Map<number, number[]>();
    for (const partition of partitions) {
      const leader = await this.#cluster.leader({ topic, partition });
      const led = byLeader.get(leader);
      if (led === undefined) byLeader.set(leader, [partition]);
      else led.push(partition);
    }
    return byLeader;
  }

  close(): Promise<void> {
    return this.#cluster.close();
  }
}

const LEADER_NOT_AVAILABLE = 5;

/** Those that a broker knows. */
function topicsOf({ topics }: ClusterMetadata): ReadonlyMap<string, TopicMetadata> {
  for (const { topic, errorCode } of topics) {
    if (errorCode !== 0 && errorCode !== BROKER_ERROR.unknownTopic)
      throw brokerError(errorCode, `ask for the topic ${topic}`);
  }
  return new Map(topics.filter(({ errorCode }) => errorCode === 0).map((topic) => [topic.topic, topic]));
}
