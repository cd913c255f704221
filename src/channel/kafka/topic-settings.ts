import type { ErrorCode } from "../../types/errors.ts";
import type { Problem } from "../../types/ports.ts";
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

/** Codecs that every reader of ours has. */
const READABLE: ReadonlySet<string> = new Set(["producer", "uncompressed", "none", "gzip", "lz4", "zstd"]);

/** One name of a topic's configuration, and what is wrong with a value; null when it is as it must be. */
interface Rule {
  readonly name: string;
  readonly severity: Problem["severity"];
  readonly wrong: (value: string, settings: TopicSettings) => string | null;
  /** The value that mends it. */
  readonly to: (settings: TopicSettings) => string;
}

const RULES: readonly Rule[] = [
  {
    name: "cleanup.policy",
    severity: "error",
    wrong: (value) => (value === "delete" ? null : `has cleanup.policy=${value}`),
    to: () => "delete",
  },
  {
    name: "max.message.bytes",
    severity: "error",
    wrong: (value, { messageBytes }) =>
      Number(value) >= messageBytes
        ? null
        : `takes messages of ${value} bytes, and channel.kafka.messageBytes is ${messageBytes}`,
    to: ({ messageBytes }) => String(messageBytes),
  },
  {
    name: "compression.type",
    severity: "error",
    wrong: (value) => (READABLE.has(value) ? null : `has compression.type=${value}`),
    to: () => "producer",
  },
  {
    name: "message.timestamp.type",
    severity: "warning",
    wrong: (value) =>
      value === "LogAppendTime"
        ? null
        : `has message.timestamp.type=${value}: retention counts by the clock of capture`,
    to: () => "LogAppendTime",
  },
  {
    name: "retention.ms",
    severity: "warning",
    wrong: (value, { retentionMs }) =>
      Number(value) < 0 || Number(value) >= retentionMs
        ? null
        : `keeps records for ${value} ms, and ${retentionMs} are configured`,
    to: ({ retentionMs }) => String(retentionMs),
  },
  {
    name: "min.insync.replicas",
    severity: "warning",
    wrong: (value, { minInSync }) =>
      Number(value) >= minInSync ? null : `has min.insync.replicas=${value}, and ${minInSync} is configured`,
    to: ({ minInSync }) => String(minInSync),
  },
  {
    name: "unclean.leader.election.enable",
    severity: "warning",
    wrong: (value) =>
      value === "true"
        ? "lets a broker lead that lacks acknowledged records: they can be lost, which is noticed and stops the pipeline"
        : null,
    to: () => "false",
  },
];

/** What is wrong with a topic that is there; warnings do not keep the program from using it. */
export function topicProblems(
  { metadata, config }: ExistingTopic,
  { topic, partitions }: TopicWanted,
  settings: TopicSettings,
): readonly Problem[] {
  const problem = (
    severity: Problem["severity"],
    code: ErrorCode,
    { message, hint }: { readonly message: string; readonly hint: string },
  ): Problem => ({ severity, code, table: null, message: `the topic ${topic} ${message}`, hint });
  const found = metadata.partitions.length;
  const ofPartitions =
    found === partitions
      ? []
      : [
          problem("error", "KAFKA_PARTITIONS_CHANGED", {
            message: `has ${found} partitions, and ${partitions} are configured`,
            hint: "the partition of a key depends on their number: set channel.kafka.partitions to that of the topic, or remove all topics of this pipeline and start `capture` again",
          }),
        ];
  const ofConfig = RULES.flatMap(({ name, severity, wrong, to }) => {
    const message = wrong(config.get(name) ?? "", settings);
    const hint = `kafka-configs --alter --topic ${topic} --add-config ${name}=${to(settings)}`;
    return message === null ? [] : [problem(severity, "KAFKA_TOPIC_CONFIG", { message, hint })];
  });
  return [...ofPartitions, ...ofConfig];
}
