import { createServer } from "node:net";
import { once } from "node:events";
import { afterAll, expect } from "vitest";
import type { KafkaServer } from "../../../scripts/kafka/server.ts";
import { inspectChannel } from "../../../src/app/inspect-channel.ts";
import { parseConfig } from "../../../src/app/config.ts";
import { KafkaControl } from "../../../src/channel/kafkajs/control.ts";
import type { KafkaDriver } from "../../../src/channel/kafka/driver.ts";
import { KafkajsDriver } from "../../../src/channel/kafkajs/driver.ts";
import type { Problem } from "../../../src/types/ports.ts";
import { must } from "../../../src/util/assert.ts";
import { makeBatch, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { unitEnd } from "../../support/channel-reading.ts";
import { endpointOf, kafkaChannel, kafkajsDriver, monotonicMs } from "../../support/kafka-channel.ts";
import { kafkaTest } from "../../support/kafka.ts";
import type { PrivateKafka } from "../../support/test-kafka.ts";

/* What `check` says of a cluster, and of topics that are there already. */

const TABLES = [{ id: SIMPLE_SCHEMA.id, schema: SIMPLE_SCHEMA }];

async function findingsOf(
  settings: Record<string, unknown>,
  now: () => number = Date.now,
): Promise<readonly Problem[]> {
  const text = JSON.stringify({
    source: { url: "mysql://root@127.0.0.1:1", name: "s" },
    tables: ["shop.*"],
    lake: "/nowhere/lake",
    channel: { kafka: { replication: 1, connectTimeout: "2s", ...settings } },
  });
  const config = parseConfig(text, { env: ENV, hostname: "h", file: "/nowhere/tallylake.yaml" });
  const channel = must(config.channel, "the channel");
  return (await inspectChannel(config, channel, { tables: TABLES, now })).problems;
}

/** `CODE message` of each problem, with what is to be done about it. */
async function problemsOf(
  settings: Record<string, unknown>,
): Promise<readonly (readonly [string, string])[]> {
  const problems = await findingsOf(settings);
  return problems.map(({ code, message, hint }) => [`${code} ${message}`, hint] as const);
}

let shared: Promise<PrivateKafka> | null = null;
afterAll(async () => {
  await (await shared)?.process[Symbol.asyncDispose]();
});

const test = kafkaTest.extend("secured", ({ startKafka }) => async (): Promise<KafkaServer> => {
  shared ??= startKafka({
    listeners: [{ name: "LOGIN", sasl: ["PLAIN", "SCRAM-SHA-512"] }],
    users: { tally: "right", nobody: "right" },
    superUsers: ["tally"],
    properties: { "transaction.max.timeout.ms": "61000" },
  });
  return (await shared).process;
});

test("a cluster as it must be has no problems, whether or not the topics are there", async ({ kafka }) => {
  const topic = kafka.uniqueName();
  const settings = {
    brokers: kafka.brokers,
    topic: `${topic}-{database}-{table}`,
    positionTopic: `${topic}-p`,
  };
  expect(await problemsOf(settings)).toEqual([]);
});

test("routing rules that do not fit the tables are named with their number", async ({ kafka }) => {
  const topic = kafka.uniqueName();
  const routing = [
    { tables: ["shop.t"], where: { v: "a" }, topic: `${topic}-a` },
    { tables: ["shop.*"], where: { w: "a" }, topic: `${topic}-a` },
    { tables: ["shop.u"], topic: `${topic}-a` },
  ];
  const settings = { brokers: kafka.brokers, topic: `${topic}-{database}-{table}`, routing };
  const hint = "correct channel.kafka.routing, or the table patterns of that rule";
  expect(await problemsOf({ ...settings, positionTopic: `${topic}-p` })).toEqual([
    ["KAFKA_ROUTING rule 2 of channel.kafka.routing: shop.t has no column `w`; did you mean `v`?", hint],
    ["KAFKA_ROUTING rule 3 of channel.kafka.routing: no table is shop.u", hint],
  ]);
});

test("F191 F192: topics that are not as they must be are all named, each with the command that mends it", async ({
  kafka,
}) => {
  const name = kafka.uniqueName();
  const settings = {
    brokers: kafka.brokers,
    topic: `${name}-{database}-{table}`,
    positionTopic: `${name}-p`,
  };
  await using control = await controlOf(kafka.brokers);
  await control.control.create([
    {
      topic: `${name}-shop-t`,
      partitions: 7,
      replication: 1,
      config: {
        "cleanup.policy": "compact",
        "max.message.bytes": "1000",
        "compression.type": "snappy",
        "message.timestamp.type": "CreateTime",
        "retention.ms": "1000",
      },
    },
    {
      topic: `${name}-p`,
      partitions: 2,
      replication: 1,
      config: { "unclean.leader.election.enable": "true" },
    },
  ]);
  const t = `the topic ${name}-shop-t`;
  const alter = (topic: string, config: string): string =>
    `kafka-configs --alter --topic ${name}-${topic} --add-config ${config}`;
  expect(await problemsOf(settings)).toEqual([
    [
      `KAFKA_PARTITIONS_CHANGED the topic ${name}-p has 2 partitions, and 1 are configured`,
      expect.stringContaining("remove all topics of this pipeline"),
    ],
    [
      `KAFKA_TOPIC_CONFIG the topic ${name}-p has message.timestamp.type=CreateTime: retention counts by the clock of capture`,
      alter("p", "message.timestamp.type=LogAppendTime"),
    ],
    [
      `KAFKA_TOPIC_CONFIG the topic ${name}-p lets a broker lead that lacks acknowledged records: they can be lost, which is noticed and stops the pipeline`,
      alter("p", "unclean.leader.election.enable=false"),
    ],
    [
      `KAFKA_PARTITIONS_CHANGED ${t} has 7 partitions, and 4 are configured`,
      expect.stringContaining("set channel.kafka.partitions to that of the topic"),
    ],
    [`KAFKA_TOPIC_CONFIG ${t} has cleanup.policy=compact`, alter("shop-t", "cleanup.policy=delete")],
    [
      `KAFKA_TOPIC_CONFIG ${t} takes messages of 1000 bytes, and channel.kafka.messageBytes is 1000000`,
      alter("shop-t", "max.message.bytes=1000000"),
    ],
    [`KAFKA_TOPIC_CONFIG ${t} has compression.type=snappy`, alter("shop-t", "compression.type=producer")],
    [
      `KAFKA_TOPIC_CONFIG ${t} has message.timestamp.type=CreateTime: retention counts by the clock of capture`,
      alter("shop-t", "message.timestamp.type=LogAppendTime"),
    ],
    [
      `KAFKA_TOPIC_CONFIG ${t} keeps records for 1000 ms, and 604800000 are configured`,
      alter("shop-t", "retention.ms=604800000"),
    ],
  ]);
});

test("too few brokers, and a transaction timeout that they do not allow", async ({ kafka, secured }) => {
  expect(await problemsOf({ brokers: [(await secured()).admin], transactionTimeout: "2m" })).toEqual([
    [
      "KAFKA_TRANSACTION_TIMEOUT channel.kafka.transactionTimeout is 120000 ms, and the brokers allow 61000 ms",
      "lower channel.kafka.transactionTimeout, or raise transaction.max.timeout.ms of the brokers",
    ],
  ]);
  expect(await problemsOf({ brokers: kafka.brokers, replication: 3 })).toEqual([
    [
      "KAFKA_TOPIC_CONFIG channel.kafka.replication is 3, and the cluster has 1 broker",
      "set channel.kafka.replication to at most 1, or add brokers",
    ],
  ]);
});

test("F178: no broker, a port that is no broker's, and names that cannot be", async () => {
  expect(await problemsOf({ brokers: ["127.0.0.1:1"] })).toEqual([
    [
      expect.stringContaining("KAFKA_UNREACHABLE no broker answers: cannot connect to 127.0.0.1:1"),
      expect.stringContaining("check channel.kafka.brokers"),
    ],
  ]);
  const names = { topic: "{database}.{table}", positionTopic: "shop_t" };
  expect(await problemsOf({ brokers: ["127.0.0.1:1"], ...names })).toEqual([
    [
      "KAFKA_TOPIC_NAME shop.t and the position topic would share the topic shop_t",
      expect.stringContaining("channel.kafka.topic"),
    ],
  ]);
});

test("wrong credentials, a mechanism that is not on, and a user without rights", async ({ secured }) => {
  const brokers = (await secured()).brokers("LOGIN");
  const sasl = { mechanism: "SCRAM-SHA-512", user: "tally", password: "${env:PW}" };
  const login = (more: object, password: string): Promise<readonly (readonly [string, string])[]> =>
    withPassword(password, () => problemsOf({ brokers, tls: "off", sasl: { ...sasl, ...more } }));
  expect(await login({}, "right")).toEqual([]);
  expect(await login({ user: "nobody" }, "right")).toEqual([
    [
      "KAFKA_ACL_MISSING cannot ask for the topic s.tallylake-positions: TOPIC_AUTHORIZATION_FAILED",
      "grant what the README lists under `Access rights on Kafka` to this user",
    ],
  ]);
  for (const wrong of [
    await login({}, "wrong"),
    await login({ user: "absent" }, "right"),
    await login({ mechanism: "PLAIN" }, "wrong"),
    await login({ mechanism: "SCRAM-SHA-256" }, "right"),
  ]) {
    expect(wrong).toEqual([
      [
        expect.stringContaining("KAFKA_ACCESS_DENIED cannot connect to 127.0.0.1"),
        expect.stringContaining("check channel.kafka.sasl"),
      ],
    ]);
    expect(JSON.stringify(wrong)).not.toContain("wrong");
  }
});

test("a listener that wants a login closes a plain connection, and the remedy says so", async ({
  secured,
}) => {
  const brokers = (await secured()).brokers("LOGIN");
  expect(await problemsOf({ brokers, connectTimeout: "1s", requestTimeout: "2s" })).toEqual([
    [expect.stringContaining("KAFKA_UNREACHABLE"), expect.stringContaining("TLS or SASL")],
  ]);
});

test("F203: a broker that is too old is refused by the request that it does not know", async () => {
  // Answers ApiVersions 0 to 2 with a Metadata of version 5 at most, as Kafka 1.0 does.
  await using server = await oldBroker();
  expect(await problemsOf({ brokers: [`127.0.0.1:${server.port}`] })).toEqual([
    [
      `KAFKA_VERSION 127.0.0.1:${server.port} does not know Metadata version 12`,
      "use Apache Kafka 3.1 or later, or a broker that speaks its protocol",
    ],
  ]);
});

test("K13 F203: what one broker knows is not taken for all: another one that is too old is refused by its address", async ({
  startKafka,
}) => {
  await using old = await oldBroker();
  // A new one that says of itself that it is to be found where the old one is.
  await using kafka = await startKafka({ advertisedPort: old.port });
  const seed = [`127.0.0.1:${kafka.process.port()}`];
  const refused = `127.0.0.1:${old.port} does not know Metadata version 12`;
  await using cluster = await controlOf(seed);
  await expect(cluster.control.brokers()).rejects.toMatchObject({ code: "KAFKA_VERSION", message: refused });
  const known = await problemsOf({ brokers: seed });
  expect(known.map(([what]) => what)).toEqual([`KAFKA_VERSION ${refused}`]);
});

test("F201: a broker whose clock is not ours is named with both times, and a warning when that was long ago", async ({
  kafka,
}) => {
  const topic = kafka.uniqueName();
  const settings = { brokers: kafka.brokers, topic: `${topic}-{database}-{table}`, positionTopic: topic };
  const off = 6 * 60_000;
  // Capture's clock is behind, and so the broker's is ahead.
  const endpoint = endpointOf(kafka.brokers);
  const driver = new KafkajsDriver(endpoint, { nowMs: () => Date.now() - off, monotonicMs });
  const write = async (target: KafkaDriver): Promise<void> => {
    const channel = await kafkaChannel(endpoint, target, { positionTopic: topic, transactionalId: topic });
    const writer = await channel.writer();
    await writer.begin();
    const batch = makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1000, form: channel.takes });
    await writer.append(batch);
    await writer.commit(unitEnd(1));
    await writer.close();
    await channel.close();
  };
  await write(driver);
  const told = async (now: () => number): Promise<unknown> =>
    (await findingsOf(settings, now))
      .filter(({ code }) => code === "KAFKA_CLOCK")
      .map(({ severity, message }) => [severity, message.replaceAll(/\d{4}-\S+Z/g, "TIME")]);
  const message = `the clock of the broker that leads ${topic}/0 is 6m00s ahead: it stored a record at TIME, and here it was TIME`;
  expect(await told(() => Date.now() - off)).toEqual([["error", message]]);
  expect(await told(Date.now)).toEqual([["warning", message]]);
  // The next position tells that it is right again.
  await write(kafkajsDriver(endpoint));
  expect(await told(Date.now)).toEqual([]);
});

async function withPassword<T>(password: string, work: () => Promise<T>): Promise<T> {
  ENV["PW"] = password;
  return work();
}

const ENV: Record<string, string> = {};

async function controlOf(brokers: readonly string[]): Promise<AsyncDisposable & { control: KafkaControl }> {
  const control = await KafkaControl.connect(endpointOf(brokers), monotonicMs);
  return { control, [Symbol.asyncDispose]: () => control.close() };
}

async function oldBroker(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (request) => {
      const body = Buffer.alloc(4 + 2 + 4 + 2 * 6);
      request.copy(body, 0, 8, 12);
      body.writeInt32BE(2, 6);
      [18, 0, 2, 3, 0, 5].forEach((value, i) => body.writeInt16BE(value, 10 + 2 * i));
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length);
      socket.write(Buffer.concat([length, body]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}
