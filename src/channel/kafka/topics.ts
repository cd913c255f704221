import { syncError } from "../../types/errors.ts";
import type { Problem } from "../../types/ports.ts";
import type { KafkaControl } from "../kafkajs/control.ts";
import type { NewTopic } from "./admin-messages.ts";
import type { TopicMetadata } from "./messages.ts";

/** How our topics are made, and what is expected of those that are there. */
export interface TopicSettings {
  /** Of a topic with changes; the position topic has one. Pinned: the partition of a key depends on it. */
  readonly partitions: number;
  readonly replication: number;
  readonly retentionMs: number;
  readonly minInSync: number;
  /** Longest record batch. */
  readonly messageBytes: number;
}

export interface TopicWanted {
  readonly topic: string;
  readonly partitions: number;
}

/** Codecs that every reader of ours has. */
const READABLE: ReadonlySet<string> = new Set(["producer", "uncompressed", "none", "gzip", "lz4", "zstd"]);

export function newTopic({ topic, partitions }: TopicWanted, settings: TopicSettings): NewTopic {
  return {
    topic,
    partitions,
    replication: settings.replication,
    config: {
      // Records that are named by a position must not vanish one by one.
      "cleanup.policy": "delete",
      "compression.type": "producer",
      "max.message.bytes": String(settings.messageBytes),
      // Retention must count from when a record came, not from when its row changed.
      "message.timestamp.type": "LogAppendTime",
      "min.insync.replicas": String(settings.minInSync),
      "retention.bytes": "-1",
      "retention.ms": String(settings.retentionMs),
      // A leader that lacks what it had acknowledged would take records back.
      "unclean.leader.election.enable": "false",
    },
  };
}

export interface ExistingTopic {
  readonly metadata: TopicMetadata;
  readonly config: ReadonlyMap<string, string | null>;
}

/** What is wrong with a topic that is there; warnings do not keep the program from using it. */
export function topicProblems(
  { metadata, config }: ExistingTopic,
  { topic, partitions }: TopicWanted,
  settings: TopicSettings,
): readonly Problem[] {
  const problems: Problem[] = [];
  const value = (name: string): string => config.get(name) ?? "";
  const add = (severity: Problem["severity"], code: Problem["code"], message: string, hint: string): void => {
    problems.push({ code, table: null, message: `the topic ${topic} ${message}`, hint, severity });
  };
  const alter = (name: string, to: string): string =>
    `kafka-configs --alter --topic ${topic} --add-config ${name}=${to}`;
  if (metadata.partitions.length !== partitions) {
    add(
      "error",
      "KAFKA_PARTITIONS_CHANGED",
      `has ${metadata.partitions.length} partitions, and ${partitions} are configured`,
      "the partition of a key depends on their number: set channel.kafka.partitions to that of the topic, or remove all topics of this pipeline and start `capture` again",
    );
  }
  if (value("cleanup.policy") !== "delete") {
    add(
      "error",
      "KAFKA_TOPIC_CONFIG",
      `has cleanup.policy=${value("cleanup.policy")}`,
      alter("cleanup.policy", "delete"),
    );
  }
  if (Number(value("max.message.bytes")) < settings.messageBytes) {
    add(
      "error",
      "KAFKA_TOPIC_CONFIG",
      `takes messages of ${value("max.message.bytes")} bytes, and channel.kafka.messageBytes is ${settings.messageBytes}`,
      alter("max.message.bytes", String(settings.messageBytes)),
    );
  }
  if (!READABLE.has(value("compression.type"))) {
    add(
      "error",
      "KAFKA_TOPIC_CONFIG",
      `has compression.type=${value("compression.type")}`,
      alter("compression.type", "producer"),
    );
  }
  if (value("message.timestamp.type") !== "LogAppendTime") {
    add(
      "warning",
      "KAFKA_TOPIC_CONFIG",
      `has message.timestamp.type=${value("message.timestamp.type")}: retention counts by the clock of capture`,
      alter("message.timestamp.type", "LogAppendTime"),
    );
  }
  const retentionMs = Number(value("retention.ms"));
  if (retentionMs >= 0 && retentionMs < settings.retentionMs) {
    add(
      "warning",
      "KAFKA_TOPIC_CONFIG",
      `keeps records for ${retentionMs} ms, and ${settings.retentionMs} are configured`,
      alter("retention.ms", String(settings.retentionMs)),
    );
  }
  if (Number(value("min.insync.replicas")) < settings.minInSync) {
    add(
      "warning",
      "KAFKA_TOPIC_CONFIG",
      `has min.insync.replicas=${value("min.insync.replicas")}, and ${settings.minInSync} is configured`,
      alter("min.insync.replicas", String(settings.minInSync)),
    );
  }
  if (value("unclean.leader.election.enable") === "true") {
    add(
      "warning",
      "KAFKA_TOPIC_CONFIG",
      "lets a broker lead that lacks acknowledged records: they can be lost, which is noticed and stops the pipeline",
      alter("unclean.leader.election.enable", "false"),
    );
  }
  return problems;
}

/** The topics of a pipeline: made when they are not there, checked when they are, and then watched. */
export class Topics {
  readonly #control: KafkaControl;
  readonly #settings: TopicSettings;
  readonly #onWarning: (problem: Problem) => void;
  readonly #known = new Map<string, TopicMetadata>();

  constructor(control: KafkaControl, settings: TopicSettings, onWarning: (problem: Problem) => void) {
    this.#control = control;
    this.#settings = settings;
    this.#onWarning = onWarning;
  }

  get settings(): TopicSettings {
    return this.#settings;
  }

  has(topic: string): boolean {
    return this.#known.has(topic);
  }

  /** @throws InvariantError when the topic was not ensured */
  idOf(topic: string): string {
    const known = this.#known.get(topic);
    if (known === undefined) throw new RangeError(`the topic ${topic} is not known`);
    return known.topicId;
  }

  /**
   * Makes those that are not there.
   * @throws SyncError KAFKA_TOPIC_CONFIG, KAFKA_PARTITIONS_CHANGED with all that is wrong with those that are
   */
  async ensure(wanted: readonly TopicWanted[]): Promise<void> {
    const fresh = wanted.filter(({ topic }) => !this.#known.has(topic));
    if (fresh.length === 0) return;
    const names = fresh.map(({ topic }) => topic);
    const before = await this.#control.topics(names);
    await this.#control.create(
      fresh.filter(({ topic }) => !before.has(topic)).map((one) => newTopic(one, this.#settings)),
    );
    const problems = await this.#problems(fresh);
    for (const problem of problems) if (problem.severity === "warning") this.#onWarning(problem);
    const errors = problems.filter(({ severity }) => severity === "error");
    const [first] = errors;
    if (first !== undefined) {
      throw syncError(first.code as "KAFKA_TOPIC_CONFIG", errors.map(({ message }) => message).join("; "), {
        hint: errors.map(({ hint }) => hint).join("; "),
      });
    }
    for (const [topic, metadata] of await this.#control.topics(names)) this.#known.set(topic, metadata);
  }

  /** Of those of the topics that are there. */
  async problems(wanted: readonly TopicWanted[]): Promise<readonly Problem[]> {
    return await this.#problems(wanted);
  }

  async #problems(wanted: readonly TopicWanted[]): Promise<readonly Problem[]> {
    const there = await this.#control.topics(wanted.map(({ topic }) => topic));
    if (there.size === 0) return [];
    const configs = await this.#control.topicConfigs([...there.keys()]);
    return wanted.flatMap((one) => {
      const metadata = there.get(one.topic);
      const config = configs.get(one.topic);
      if (metadata === undefined || config === undefined) return [];
      return topicProblems({ metadata, config }, one, this.#settings);
    });
  }

  /**
   * Whether the topics are still those that were found.
   * @throws SyncError KAFKA_TOPIC_MISSING, KAFKA_TOPIC_REPLACED, KAFKA_PARTITIONS_CHANGED
   */
  async watch(): Promise<void> {
    const now = await this.#control.topics([...this.#known.keys()]);
    for (const [topic, before] of this.#known) {
      const found = now.get(topic);
      if (found === undefined) {
        throw syncError("KAFKA_TOPIC_MISSING", `the topic ${topic} was deleted`, { hint: TOPIC_GONE });
      }
      if (found.topicId !== before.topicId) {
        throw syncError("KAFKA_TOPIC_REPLACED", `the topic ${topic} was deleted and made anew`, {
          hint: TOPIC_GONE,
        });
      }
      if (found.partitions.length !== before.partitions.length) {
        throw syncError(
          "KAFKA_PARTITIONS_CHANGED",
          `the topic ${topic} has ${found.partitions.length} partitions now, and had ${before.partitions.length}`,
          {
            hint: "the order of a key's changes holds within a partition: remove all topics of this pipeline, set channel.kafka.partitions and start `capture` again",
          },
        );
      }
    }
  }
}

const TOPIC_GONE =
  "start `capture` again: it publishes anew what the tables have not applied, from the binlog";
