/**
 * The shape of `channel` in `tallylake.yaml`. Where a default holds for a check between two keys as well, it stands in
 * `CHANNEL_DEFAULTS`.
 */
import { z } from "zod";
import { COMPRESSIONS, KAFKA_CLIENTS } from "../channel/kafka/driver.ts";
import { PASSWORD_MECHANISMS } from "../channel/kafka/endpoint.ts";
import { bearerToken, brokerList, tokenEndpoint, topicTemplate } from "./channel-value.ts";
import { tls } from "./config-tls.ts";
import { routing } from "./routing-schema.ts";
import {
  described,
  duration,
  integer,
  plainText,
  referableText,
  secret,
  size,
  type ValueContext,
} from "./config-value.ts";

export const CHANNEL_DEFAULTS = {
  topic: "{source}.{database}.{table}",
  positionTopic: "{source}.tallylake-positions",
  replication: 3,
  requestTimeout: "30s",
  deliveryTimeout: "120s",
} as const;

const KIB = 1024;
const MIB = 1024 ** 2;
const HOUR_MS = 3_600_000;

const literal = (what: string, name: string): string =>
  `a ${what} must not stand in the config; write \`\${env:KAFKA_${name.toUpperCase()}}\` or \`\${file:kafka.${name}}\` in its place`;

const sasl = (context: ValueContext) =>
  z
    .strictObject({
      mechanism: z
        .enum([...PASSWORD_MECHANISMS, "OAUTHBEARER"])
        .meta(described("How to log in: with a password, or with a token (OAUTHBEARER).", "SCRAM-SHA-512")),
      user: referableText(context).optional().meta(described("User, for PLAIN and SCRAM.", "tallylake")),
      password: secret(context, literal("password", "password"))
        .optional()
        .meta(described("A reference to the user's password.", "${env:KAFKA_PASSWORD}")),
      token: bearerToken(context, literal("token", "token"))
        .optional()
        .meta(
          described(
            "A reference to a JWT, for OAUTHBEARER. It is not renewed: it ends when its `exp` says.",
            "${file:kafka.token}",
          ),
        ),
      tokenEndpoint: tokenEndpoint(context)
        .optional()
        .meta(
          described(
            "HTTPS address at which an OAuth server gives tokens for `clientId` and `clientSecret`, in place of `token`.",
            "https://login.example.com/oauth2/token",
          ),
        ),
      clientId: referableText(context).optional().meta(described("Client at the OAuth server.", "tallylake")),
      clientSecret: secret(context, literal("secret", "secret"))
        .optional()
        .meta(described("A reference to the client's secret.", "${env:KAFKA_SECRET}")),
      scope: plainText()
        .optional()
        .meta(described("Scope to ask the OAuth server for; none without it.", "kafka")),
    })
    .optional()
    .meta(described("The login at the brokers; none without it."));

const transaction = () =>
  z
    .strictObject({
      rows: integer({ min: 1, max: 100_000_000 })
        .default(200_000)
        .meta(described("Most changes of a Kafka transaction.")),
      bytes: size({ min: MIB, max: 64 * 1024 * MIB }, "between 1MiB and 64GiB")
        .prefault("64MiB")
        .meta(described("Most bytes of changes of a Kafka transaction.", "64MiB")),
    })
    .prefault({})
    .meta(
      described(
        "A larger transaction of the source is split into several Kafka transactions; the tables still get it as one.",
      ),
    );

const topics = () => ({
  topic: topicTemplate(["source", "database", "table"], ["database", "table"])
    .prefault(CHANNEL_DEFAULTS.topic)
    .meta(
      described("Topic of a table's changes, with {source}, {database} and {table}.", CHANNEL_DEFAULTS.topic),
    ),
  routing: routing(),
  positionTopic: topicTemplate(["source"], [])
    .prefault(CHANNEL_DEFAULTS.positionTopic)
    .meta(
      described(
        "Topic of the positions, by which changes are put together in the order of the binlog; may hold {source}.",
        CHANNEL_DEFAULTS.positionTopic,
      ),
    ),
  partitions: integer({ min: 1, max: 10_000 })
    .default(4)
    .meta(
      described("Partitions of a topic of changes, never to be changed: a key's partition depends on it."),
    ),
  replication: integer({ min: 1, max: 100 })
    .default(CHANNEL_DEFAULTS.replication)
    .meta(
      described(
        "Copies of each partition, 3 by default. `check` tells when there are fewer brokers than that.",
      ),
    ),
  minInSyncReplicas: integer({ min: 1, max: 100 })
    .optional()
    .meta(
      described("Copies that must have a record before it counts; one less than `replication`, at least 1."),
    ),
  retention: duration({ min: 60_000, max: 3650 * 24 * HOUR_MS }, "between 1m and 3650d")
    .prefault("7d")
    .meta(
      described(
        "How long records stay: longer than the tables may lag behind. What is gone is read from the binlog again.",
        "7d",
      ),
    ),
  messageBytes: size({ min: 16 * KIB, max: 64 * MIB }, "between 16KiB and 64MiB")
    .prefault("1MB")
    .meta(
      described(
        "Longest record batch, and so about the longest row; Kafka's own limit is 1048588 bytes, unless the brokers have another.",
        "1MB",
      ),
    ),
});

const times = () => ({
  transactionTimeout: duration({ min: 1000, max: 900_000 }, "between 1s and 15m")
    .prefault("60s")
    .meta(
      described("The brokers abort a transaction that is open for longer: its writer must have died.", "60s"),
    ),
  deliveryTimeout: duration({ min: 200, max: HOUR_MS }, "between 200ms and 1h")
    .prefault(CHANNEL_DEFAULTS.deliveryTimeout)
    .meta(described("Longest time to get a record stored, with retries; above `requestTimeout`.", "120s")),
  heartbeat: duration({ min: 100, max: 24 * HOUR_MS }, "between 100ms and 24h")
    .prefault("30s")
    .meta(
      described(
        "The position is written at least this often, also without changes; and never less often than ten times in `retention`.",
        "30s",
      ),
    ),
  connectTimeout: duration({ min: 100, max: 600_000 }, "between 100ms and 10m")
    .prefault("10s")
    .meta(described("Longest wait for a connection.", "10s")),
  requestTimeout: duration({ min: 100, max: 600_000 }, "between 100ms and 10m")
    .prefault(CHANNEL_DEFAULTS.requestTimeout)
    .meta(described("Longest wait for an answer of a broker, or of the OAuth server.", "30s")),
});

const kafka = (context: ValueContext) =>
  z
    .strictObject({
      brokers: brokerList(context).meta(
        described(
          "Some brokers as host:port, in a list or in one text with commas, which may be a reference.",
          ["kafka-1:9092", "kafka-2:9092"],
          "kafka-1:9092,kafka-2:9092",
        ),
      ),
      client: z
        .enum(KAFKA_CLIENTS)
        .default("kafkajs")
        .meta(described("Client library; `librdkafka` is to be installed beside this program.")),
      clientId: plainText()
        .prefault("tallylake")
        .meta(described("Names this program in the brokers' logs and quotas.")),
      transactionalId: plainText()
        .optional()
        .meta(
          described(
            "Of the one writer: a second one with the same id ends the first. `tallylake-<source name>` without it.",
          ),
        ),
      ...topics(),
      compression: z.enum(COMPRESSIONS).default("lz4").meta(described("How record batches are compressed.")),
      ...times(),
      transaction: transaction(),
      tombstones: z
        .boolean()
        .default(false)
        .meta(
          described("A record with a null value behind each delete, for who compacts a copy of the topic."),
        ),
      snapshots: z
        .boolean()
        .default(false)
        .meta(
          described(
            "Publish the rows that a table had when its changes begin as well, as records `r` in front of them, for who begins with nothing.",
          ),
        ),
      tls: tls(context, "when all brokers are loopback addresses and there is no `sasl`"),
      sasl: sasl(context),
    })
    .meta(described("A Kafka cluster.", { brokers: ["kafka-1:9092"] }));

export const channel = (context: ValueContext) =>
  z
    .strictObject({ kafka: kafka(context) })
    .optional()
    .meta(
      described(
        "What changes go through on their way to the lake, and where others can read them. Without it they are captured and applied in one process, and nothing is kept.",
      ),
    );

export type ParsedChannel = NonNullable<z.output<ReturnType<typeof channel>>>;
