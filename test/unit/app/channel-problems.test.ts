import { describe, expect, test } from "vitest";
import {
  channelProblemsOf as problemsOf,
  configProblems,
  errorOf,
  MINIMAL_CONFIG,
  parseConfigText,
} from "../../support/config-text.ts";

const CANARY = "c4nary-s3cret";
const NO_LITERAL = "must not stand in the config; write";

test("all mistakes of the section are listed at once, with place and what was meant", () => {
  const text = `${MINIMAL_CONFIG}channel:
  kafka:
    brokers: [kafka-1, SASL_SSL://b:9092, "::1:9092", 5, b:1]
    client: rdkafka
    clientId: \${env:ID}
    topic: "{source}.{tabel} x"
    positionTopic: "{database}.positions"
    partitions: 0
    replication: 2
    minInSyncReplicas: 3
    retention: 10s
    messageBytes: 16KB
    compression: snappy
    transactionTimeout: 16m
    deliveryTimeout: 30s
    transaction: {rows: 0, bytes: 1KiB}
    heartbeat: 30
    tombstones: 'yes'
    transactionalId:
    linger.ms: 5
    schema.registry.url: http://x
    retention.ms: 5
    tls: {mode: 'off', ca: no.pem, cert: no.pem}
    sasl:
      mechanism: scram-sha-256
      user: ann
      password: ${CANARY}
      username: ann
`;
  expect(configProblems(text)).toEqual([
    "6:55: `channel.kafka.brokers[3]` must be text, is the number `5`",
    "7:13: `channel.kafka.client` must be one of kafkajs, librdkafka, is `rdkafka`",
    "8:15: `channel.kafka.clientId` cannot be a reference; `${env:…}` and `${file:…}` are for URLs, users and passwords",
    "9:12: `channel.kafka.topic` holds `{tabel}`, which has no meaning; did you mean `{table}`?",
    "9:12: `channel.kafka.topic` must hold {database} and {table}, or two tables could share a topic",
    "9:12: `channel.kafka.topic` must be letters, digits, dots, dashes and underscores beside {source}, {database} and {table}",
    "10:20: `channel.kafka.positionTopic` holds `{database}`, which has no meaning; known here: {source}",
    "11:17: `channel.kafka.partitions` must be between 1 and 10000, is the number `0`",
    "13:24: `channel.kafka.minInSyncReplicas` is 3, and `channel.kafka.replication` only 2",
    "14:16: `channel.kafka.retention` must be between 1m and 3650d, is 10s",
    "15:19: `channel.kafka.messageBytes` must be between 16KiB and 64MiB, is 16KB",
    "16:18: `channel.kafka.compression` must be one of none, gzip, lz4, zstd, is `snappy`",
    "17:25: `channel.kafka.transactionTimeout` must be between 1s and 15m, is 16m",
    "18:22: `channel.kafka.deliveryTimeout` (30s) must be above `channel.kafka.requestTimeout` (30s)",
    "19:25: `channel.kafka.transaction.rows` must be between 1 and 100000000, is the number `0`",
    "19:35: `channel.kafka.transaction.bytes` must be between 1MiB and 64GiB, is 1KiB",
    "20:16: `channel.kafka.heartbeat` must be text, such as `30s`, is the number `30`",
    "21:17: `channel.kafka.tombstones` must be true or false, is `yes`",
    "22:21: `channel.kafka.transactionalId` is empty",
    "23:5: unknown key `channel.kafka.linger.ms`; known here: brokers, client, clientId, transactionalId, topic, routing, positionTopic, partitions, replication, minInSyncReplicas, retention, messageBytes, compression, transactionTimeout, deliveryTimeout, heartbeat, connectTimeout, requestTimeout, transaction, tombstones, snapshots, tls, sasl",
    "24:5: unknown key `channel.kafka.schema.registry.url`; this version cannot do that yet",
    "25:5: unknown key `channel.kafka.retention.ms`; did you mean `channel.kafka.retention`?",
    "26:28: `channel.kafka.tls.ca` names a file that cannot be read: no.pem",
    "26:28: `channel.kafka.tls.ca` has no use when the mode is off",
    "26:42: `channel.kafka.tls.cert` names a file that cannot be read: no.pem",
    "26:42: `channel.kafka.tls.cert` needs `channel.kafka.tls.key` beside it",
    "28:18: `channel.kafka.sasl.mechanism` must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, is `scram-sha-256`; did you mean `SCRAM-SHA-256`?",
    `30:17: \`channel.kafka.sasl.password\`: a password ${NO_LITERAL} \`\${env:KAFKA_PASSWORD}\` or \`\${file:kafka.password}\` in its place`,
    "31:7: unknown key `channel.kafka.sasl.username`; did you mean `channel.kafka.sasl.user`?",
  ]);
});

describe("the section", () => {
  test.each([
    ["channel:", "4:9: `channel` is empty"],
    ["channel: {}", '4:10: `channel.kafka` is missing; for example `kafka: {"brokers":["kafka-1:9092"]}`'],
    ["channel: kafka", "4:10: `channel` must be a map of keys and values, is `kafka`"],
    [
      "channel: {kafka: {}}",
      '4:18: `channel.kafka.brokers` is missing; for example `brokers: ["kafka-1:9092","kafka-2:9092"]`',
    ],
    [
      "channel: {kafka: {brokers: }}",
      '4:28: `channel.kafka.brokers` is empty; for example `brokers: ["kafka-1:9092","kafka-2:9092"]`',
    ],
    [
      "channel: {kafka: {brokers: a:1, tls: on}}",
      "4:38: `channel.kafka.tls` must be one of verify, insecure, off, is `on`",
    ],
    [
      "channel: {kafka: {brokers: a:1, tls: [x]}}",
      "4:38: `channel.kafka.tls` must be text or a map, is a list",
    ],
  ])("%s", (line, problem) => {
    expect(configProblems(`${MINIMAL_CONFIG}${line}\n`)).toEqual([problem]);
  });
});

describe("brokers", () => {
  const HOST = "must begin with the name or the address of a host, such as `kafka-1:9092`";
  const PORT = "must be `host:port`; the port is missing, and 9092 is the usual one";
  const KEYS = "; encryption and login have their own keys, `tls` and `sasl`";
  test.each([
    ["kafka-1", PORT],
    ["'kafka-1:'", PORT],
    ["'[::1]'", PORT],
    ["kafka://kafka-1:9092", "must be `host:port`, without `kafka://` in front"],
    ["PLAINTEXT://kafka-1:9092", `must be \`host:port\`, without \`PLAINTEXT://\` in front${KEYS}`],
    ["SASL_SSL://kafka-1:9092", `must be \`host:port\`, without \`SASL_SSL://\` in front${KEYS}`],
    ["ssl://kafka-1:9092", `must be \`host:port\`, without \`ssl://\` in front${KEYS}`],
    ["kafka-1:0", "must have a port of 1 to 65535"],
    ["kafka-1:65536", "must have a port of 1 to 65535"],
    ["kafka-1:9e3", "must have a port of 1 to 65535"],
    ["kafka-1:kafka", "must have a port of 1 to 65535"],
    ["':9092'", HOST],
    ["'ka fka:9092'", HOST],
    ["-kafka:9092", HOST],
    ["kafka-:9092", HOST],
    ["'[kafka]:9092'", HOST],
    ["'::1:9092'", "must have an IPv6 address in brackets, such as `[::1]:9092`"],
    ["2001:db8::1", "must have an IPv6 address in brackets, such as `[::1]:9092`"],
    ["kafka-1:9092/", "must end behind the port"],
    ["kafka-1:9092?ssl=1", "must end behind the port"],
    [`u:${CANARY}@kafka-1:9092`, "must hold no user and no password; they stand in `channel.kafka.sasl`"],
    ["''", "is empty"],
  ])("%s", (broker, message) => {
    expect(problemsOf(`brokers: [${broker}]`)).toEqual([`10: \`channel.kafka.brokers[0]\` ${message}`]);
  });

  test("each of a text, of a list and of a reference has its own message", () => {
    expect(problemsOf("brokers: 'a, kafka://b:1,, A:1,a:1'")).toEqual([
      `9: \`channel.kafka.brokers\`: entry 1 ${PORT}`,
      "9: `channel.kafka.brokers`: entry 2 must be `host:port`, without `kafka://` in front",
      "9: `channel.kafka.brokers`: entry 3 is empty",
      "9: `channel.kafka.brokers`: entry 5 is in the list already",
    ]);
    expect(problemsOf("brokers: [a:1, b, 'c:1,c:01', a:1]")).toEqual([
      `15: \`channel.kafka.brokers[1]\` ${PORT}`,
      "18: `channel.kafka.brokers[2]`: entry 2 is in the list already",
      "30: `channel.kafka.brokers[3]` is in the list already",
    ]);
    const env = { TWO: `a:1,${CANARY}`, ONE: CANARY };
    expect(problemsOf("brokers: '${env:TWO}'", env)).toEqual([
      `9: \`channel.kafka.brokers\`: entry 2 of what \`\${env:TWO}\` holds ${PORT}`,
    ]);
    expect(problemsOf("brokers: ['${env:ONE}', 'x${env:ONE}', '${env:NONE}', '${ONE}']", env)).toEqual([
      `10: \`channel.kafka.brokers[0]\`: what \`\${env:ONE}\` holds ${PORT}`,
      "24: `channel.kafka.brokers[1]` must be one reference or none",
      "39: `channel.kafka.brokers[2]`: the environment variable NONE of `${env:NONE}` is not set",
      "54: `channel.kafka.brokers[3]`: `${ONE}` must be `${env:NAME}` or `${file:path}`; did you mean `${env:ONE}`?",
    ]);
  });

  test.each([
    ["brokers: []", "9: `channel.kafka.brokers` must have at least one entry"],
    ["brokers: 9092", "9: `channel.kafka.brokers` must be text or a list, is the number `9092`"],
    ["brokers: {a: 1}", "9: `channel.kafka.brokers` must be text or a list, is a map"],
  ])("%s", (kafka, problem) => {
    expect(problemsOf(kafka)).toEqual([problem]);
  });

  test("a variable that is not set has its own code", () => {
    const text = `${MINIMAL_CONFIG}channel: {kafka: {brokers: '\${env:NONE}'}}\n`;
    expect(errorOf(() => parseConfigText(text))).toMatchObject({ code: "SECRET_MISSING" });
  });
});

describe("between two keys", () => {
  test.each([
    [
      "requestTimeout: 2m",
      "`channel.kafka.deliveryTimeout` (120s) must be above `channel.kafka.requestTimeout` (2m)",
      30,
    ],
    [
      "deliveryTimeout: 1s, requestTimeout: 1500ms",
      "`channel.kafka.deliveryTimeout` (1s) must be above `channel.kafka.requestTimeout` (1500ms)",
      31,
    ],
    [
      "minInSyncReplicas: 4",
      "`channel.kafka.minInSyncReplicas` is 4, and `channel.kafka.replication` only 3",
      33,
    ],
    ["tls: {key: KEY}", "`channel.kafka.tls.key` needs `channel.kafka.tls.cert` beside it", 25],
    ["tls: {mode: insecure, ca: KEY}", "`channel.kafka.tls.ca` has no use when the mode is insecure", 40],
  ])("%s", (line, message, column) => {
    const kafka = `brokers: a:1, ${line.replace("KEY", import.meta.filename)}`;
    expect(problemsOf(kafka)).toEqual([`${column}: ${message}`]);
  });

  test("the two topics", () => {
    const same = "`channel.kafka.positionTopic` and `channel.kafka.topic` must be two topics";
    const shared =
      "`channel.kafka.topic` must hold {database} and {table}, or two tables could share a topic";
    expect(problemsOf("brokers: a:1, topic: t, positionTopic: t")).toEqual([`21: ${shared}`, `39: ${same}`]);
    expect(problemsOf("brokers: a:1, topic: '{source}.tallylake-positions'")).toEqual([
      `21: ${shared}`,
      `21: ${same}`,
    ]);
    expect(problemsOf("brokers: a:1, topic: '{database}', positionTopic: 'p{'")).toEqual([
      "21: `channel.kafka.topic` must hold {table}, or two tables could share a topic",
      "50: `channel.kafka.positionTopic` must be letters, digits, dots, dashes and underscores beside {source}",
    ]);
    expect(problemsOf(`brokers: a:1, positionTopic: ${"p".repeat(250)}`)).toEqual([
      "29: `channel.kafka.positionTopic` must be shorter: the name of a topic has at most 249 characters",
    ]);
  });
});

describe("the words of others", () => {
  test.each([
    ["bootstrap.servers: a:1", "channel.kafka.brokers"],
    ["kafka: {brokers: a:1}", "channel.kafka"],
    ["compression.type: lz4", "channel.kafka.compression"],
    ["security.protocol: SASL_SSL", "channel.kafka.tls"],
    ["channel: {kafka: {brokers: a:1, bootstrapServers: a:1}}", "channel.kafka.brokers"],
    ["channel: {kafka: {brokers: a:1, transactional.id: x}}", "channel.kafka.transactionalId"],
    ["channel: {kafka: {brokers: a:1, client.id: x}}", "channel.kafka.clientId"],
    ["channel: {kafka: {brokers: a:1, min.insync.replicas: 2}}", "channel.kafka.minInSyncReplicas"],
    ["channel: {kafka: {brokers: a:1, replicationFactor: 2}}", "channel.kafka.replication"],
    ["channel: {kafka: {brokers: a:1, max.message.bytes: 2}}", "channel.kafka.messageBytes"],
    ["channel: {kafka: {brokers: a:1, topic.prefix: x}}", "channel.kafka.topic"],
    ["channel: {kafka: {brokers: a:1, topics: x}}", "channel.kafka.topic"],
    ["channel: {kafka: {brokers: a:1, ssl: true}}", "channel.kafka.tls"],
    ["channel: {kafka: {brokers: a:1, ssl.ca.location: x}}", "channel.kafka.tls.ca"],
    ["channel: {kafka: {brokers: a:1, sasl.password: x}}", "channel.kafka.sasl.password"],
    ["channel: {kafka: {brokers: a:1, user: x}}", "channel.kafka.sasl.user"],
    ["channel: {kafka: {brokers: a:1, heartbeat.interval.ms: 1}}", "channel.kafka.heartbeat"],
    ["channel: {kafka: {brokers: a:1, connect.timeout: 1s}}", "channel.kafka.connectTimeout"],
    ["channel: {kafka: {brokers: a:1, retencion: 1s}}", "channel.kafka.retention"],
    ["channel: {kafka: {brokers: a:1, transaction: {row: 1}}}", "channel.kafka.transaction.rows"],
  ])("%s", (line, meant) => {
    const [first] = configProblems(`${MINIMAL_CONFIG}${line}\n`);
    expect(first).toMatch(new RegExp(`; did you mean \`${meant}\`\\?$`));
  });
});
