import { positionClockProblems } from "../channel/kafka/broker-clock.ts";
import { routingProblems } from "../channel/kafka/routing/table-router.ts";
import { namedTopics, requireDistinct, topicName } from "../channel/kafka/topic-name.ts";
import type { TopicWanted } from "../channel/kafka/topic-settings.ts";
import { Topics } from "../channel/kafka/topics.ts";
import { KafkaControl } from "../channel/kafkajs/control.ts";
import type { Problem } from "../types/ports.ts";
import type { TableId } from "../types/table-id.ts";
import { SyncError } from "../util/errors.ts";
import type { KafkaChannelConfig } from "./channel-config.ts";
import type { Config } from "./config.ts";
import { problemOf } from "./inspect.ts";
import type { CheckedTable } from "./problem-view.ts";
import { monotonicMs } from "./open-channel.ts";

interface ChannelFinding {
  readonly text: string;
  readonly problems: readonly Problem[];
}

interface InspectedChannel {
  readonly tables: readonly Pick<CheckedTable, "id" | "schema">[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The cluster, and what of our topics is there already. Nothing is made and no producer is opened. */
export async function inspectChannel(
  config: Config,
  kafka: KafkaChannelConfig,
  { tables, now }: InspectedChannel,
): Promise<ChannelFinding> {
  const { endpoint, client, login } = kafka;
  const how = [
    login === null ? "no login" : login.kind === "password" ? login.mechanism : "OAUTHBEARER",
    endpoint.tls.mode === "off" ? "no TLS" : `TLS ${endpoint.tls.mode}`,
  ].join(", ");
  const text = `Kafka at ${endpoint.brokers.join(", ")} by ${client}, ${how}`;
  let wanted: readonly TopicWanted[];
  let rules: readonly Problem[] = [];
  let control: KafkaControl;
  try {
    wanted = topicsOf(
      config,
      kafka,
      tables.map(({ id }) => id),
    );
    rules = ruleProblems(config, kafka, tables);
    control = await KafkaControl.connect(endpoint, monotonicMs);
  } catch (error) {
    return { text, problems: [...rules, problemOf(error)] };
  }
  try {
    const brokers = await control.brokers();
    const problems = [
      ...rules,
      ...replicationProblems(kafka, brokers.length),
      ...(await timeoutProblems(kafka, control, brokers)),
      ...(await orProblem(async () => [
        ...(await topicProblems(kafka, control, wanted)),
        ...(await orProblem(() => positionClockProblems(control, positionsOf(config, kafka), now()))),
      ])),
    ];
    return { text: `${text}, ${brokers.length} broker${brokers.length === 1 ? "" : "s"}`, problems };
  } catch (error) {
    // Others than the one that was asked first may be too old, or want another login.
    return { text, problems: [...rules, problemOf(error)] };
  } finally {
    await control.close();
  }
}

/**
 * The topics of the tables and the one of positions.
 * @throws SyncError KAFKA_TOPIC_NAME
 */
function topicsOf(
  config: Config,
  kafka: KafkaChannelConfig,
  tables: readonly TableId[],
): readonly TopicWanted[] {
  const { topic, topics } = kafka;
  const ofTables = namedTopics(topic, config.source.name, tables);
  const positions = positionsOf(config, kafka);
  requireDistinct([...ofTables, { name: positions, of: "the position topic" }]);
  return [
    { topic: positions, partitions: 1 },
    ...ofTables.map(({ name }) => ({ topic: name, partitions: topics.partitions })),
  ];
}

const positionsOf = ({ source }: Config, { positionTopic }: KafkaChannelConfig): string =>
  topicName(positionTopic, { source: source.name });

/** Whether the rules fit the tables, as far as the source has shown them. */
function ruleProblems(
  config: Config,
  kafka: KafkaChannelConfig,
  tables: readonly Pick<CheckedTable, "id" | "schema">[],
): readonly Problem[] {
  const schemas = tables.flatMap(({ schema }) => (schema === null ? [] : [schema]));
  if (schemas.length === 0) return [];
  const { routing, topic } = kafka;
  const source = config.source.name;
  return routingProblems(routing, schemas, { source, topic, positionTopic: positionsOf(config, kafka) });
}

function replicationProblems({ topics }: KafkaChannelConfig, brokers: number): readonly Problem[] {
  if (topics.replication <= brokers) return [];
  return [
    {
      code: "KAFKA_TOPIC_CONFIG",
      table: null,
      message: `channel.kafka.replication is ${topics.replication}, and the cluster has ${brokers} broker${brokers === 1 ? "" : "s"}`,
      hint: `set channel.kafka.replication to at most ${brokers}, or add brokers`,
      severity: "error",
    },
  ];
}

/** Who may not read the configuration of brokers learns it when capture opens its producer. */
async function timeoutProblems(
  { transactionTimeoutMs }: KafkaChannelConfig,
  control: KafkaControl,
  brokers: readonly number[],
): Promise<readonly Problem[]> {
  const [broker] = brokers;
  if (broker === undefined) return [];
  try {
    const max = Number((await control.brokerConfig(broker)).get("transaction.max.timeout.ms") ?? Infinity);
    if (transactionTimeoutMs <= max) return [];
    return [
      {
        code: "KAFKA_TRANSACTION_TIMEOUT",
        table: null,
        message: `channel.kafka.transactionTimeout is ${transactionTimeoutMs} ms, and the brokers allow ${max} ms`,
        hint: "lower channel.kafka.transactionTimeout, or raise transaction.max.timeout.ms of the brokers",
        severity: "error",
      },
    ];
  } catch (error) {
    if (error instanceof SyncError) return [];
    throw error;
  }
}

const topicProblems = (
  { topics }: KafkaChannelConfig,
  control: KafkaControl,
  wanted: readonly TopicWanted[],
): Promise<readonly Problem[]> => new Topics(control, topics, () => undefined).problems(wanted);

async function orProblem(look: () => Promise<readonly Problem[]>): Promise<readonly Problem[]> {
  try {
    return await look();
  } catch (error) {
    return [problemOf(error)];
  }
}
