import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { channelSecrets, type KafkaChannelConfig } from "../../../src/app/channel-config.ts";
import { printConfig } from "../../../src/app/config-print.ts";
import { must } from "../../../src/util/assert.ts";
import { MINIMAL_CONFIG, parseConfigText, type ConfigParsing } from "../../support/config-text.ts";
import { jwtOf } from "../../support/jwt.ts";
import { tempDir } from "../../support/temp-dir.ts";

const CANARY = "c4nary-s3cret";
const MIB = 1024 ** 2;
const DAY_MS = 86_400_000;

const textWith = (kafka: string): string => `${MINIMAL_CONFIG}channel: {kafka: ${kafka}}\n`;
const channelOf = (kafka: string, parsing: ConfigParsing = {}): KafkaChannelConfig =>
  must(parseConfigText(textWith(kafka), parsing).channel, "the channel");

test("without the section there is no channel", () => {
  expect(parseConfigText(MINIMAL_CONFIG).channel).toBeNull();
});

test("brokers are all that it needs", () => {
  expect(channelOf("{brokers: [kafka-1:9092]}")).toEqual({
    client: "kafkajs",
    endpoint: {
      brokers: ["kafka-1:9092"],
      clientId: "tallylake",
      tls: { mode: "verify", ca: null, cert: null, key: null },
      sasl: null,
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
    },
    login: null,
    transactionalId: "tallylake-db:3306",
    topic: "{source}.{database}.{table}",
    positionTopic: "{source}.tallylake-positions",
    routing: [],
    topics: {
      partitions: 4,
      replication: 3,
      retentionMs: 7 * DAY_MS,
      minInSync: 2,
      messageBytes: 1_000_000,
    },
    compression: "lz4",
    transactionTimeoutMs: 60_000,
    deliveryTimeoutMs: 120_000,
    limits: { rowsMax: 200_000, bytesMax: 64 * MIB, idleMs: 30_000 },
    tombstones: false,
    snapshots: false,
  });
});

test("every key, and the endpoint's login", () => {
  const text = `${MINIMAL_CONFIG}
channel:
  kafka:
    brokers: [kafka-1:9092, "[::1]:9093"]
    client: librdkafka
    clientId: me
    transactionalId: only-one
    topic: cdc_{database}-{table}
    positionTopic: positions.{source}
    partitions: 12
    replication: 2
    minInSyncReplicas: 2
    retention: 36h
    messageBytes: 2MiB
    compression: zstd
    transactionTimeout: 15m
    deliveryTimeout: 2.5s
    transaction: {rows: 7, bytes: 1MiB}
    heartbeat: 5s
    tombstones: true
    snapshots: true
    connectTimeout: 1s
    requestTimeout: 2s
    tls: {mode: insecure}
    sasl: {mechanism: SCRAM-SHA-256, user: "\${env:WHO}", password: "\${env:PW}"}
`;
  const config = must(parseConfigText(text, { env: { PW: CANARY, WHO: "ann" } }).channel, "the channel");
  const { endpoint, login, ...rest } = config;
  expect(rest).toEqual({
    client: "librdkafka",
    transactionalId: "only-one",
    topic: "cdc_{database}-{table}",
    positionTopic: "positions.{source}",
    routing: [],
    topics: {
      partitions: 12,
      replication: 2,
      retentionMs: 1.5 * DAY_MS,
      minInSync: 2,
      messageBytes: 2 * MIB,
    },
    compression: "zstd",
    transactionTimeoutMs: 900_000,
    deliveryTimeoutMs: 2500,
    limits: { rowsMax: 7, bytesMax: MIB, idleMs: 5000 },
    tombstones: true,
    snapshots: true,
  });
  const { sasl, ...plain } = endpoint;
  expect(plain).toEqual({
    brokers: ["kafka-1:9092", "[::1]:9093"],
    clientId: "me",
    tls: { mode: "insecure", ca: null, cert: null, key: null },
    connectTimeoutMs: 1000,
    requestTimeoutMs: 2000,
  });
  if (sasl === null || sasl.mechanism === "OAUTHBEARER") throw new Error("no password");
  expect(sasl).toEqual({ mechanism: "SCRAM-SHA-256", user: "ann", password: sasl.password });
  expect(sasl.password.reveal()).toBe(CANARY);
  expect(login).toEqual({ kind: "password", ...sasl });
});

test.each<[string, readonly string[], Record<string, string>?]>([
  ["'a:1, b:2 ,c:3'", ["a:1", "b:2", "c:3"]],
  ["[a:1, 'b:2,c:3']", ["a:1", "b:2", "c:3"]],
  ["'${env:BROKERS}'", ["a:1", "b:2"], { BROKERS: "a:1,b:2" }],
  ["['${env:ONE}', b:65535]", ["a.b-c_d:1", "b:65535"], { ONE: "a.b-c_d:1" }],
  ["['[2001:DB8::1]:9092', 10.0.0.1:9092]", ["[2001:DB8::1]:9092", "10.0.0.1:9092"]],
])("brokers: %s", (written, brokers, env = {}) => {
  expect(channelOf(`{brokers: ${written}}`, { env }).endpoint.brokers).toEqual(brokers);
});

test.each([
  [1, 1],
  [2, 1],
  [3, 2],
  [5, 4],
])("of %i copies %i must have a record, without a word on it", (replication, minInSync) => {
  expect(channelOf(`{brokers: a:1, replication: ${replication}}`).topics.minInSync).toBe(minInSync);
});

test("positions are written ten times while one is retained, whatever the heartbeat is", () => {
  const idleMs = (rest: string): number => channelOf(`{brokers: a:1, ${rest}}`).limits.idleMs;
  expect(idleMs("heartbeat: 1h, retention: 1h")).toBe(360_000);
  expect(idleMs("heartbeat: 1h, retention: 10h")).toBe(3_600_000);
  expect(idleMs("retention: 1m")).toBe(6000);
});

describe("TLS", () => {
  const login = (mechanism: string): string =>
    `sasl: {mechanism: ${mechanism}, user: u, password: '\${env:PW}'}`;
  test.each([
    ["brokers: [localhost:1, '[::1]:2', 127.0.0.9:3]", "off"],
    ["brokers: [localhost:1, kafka:2]", "verify"],
    ["brokers: '${env:BROKERS}'", "off"],
    // What a loopback address leads to may lie elsewhere.
    [`brokers: localhost:1, ${login("PLAIN")}`, "verify"],
    [`brokers: localhost:1, ${login("SCRAM-SHA-512")}`, "verify"],
    [`brokers: kafka:1, ${login("PLAIN")}`, "verify"],
    // In the clear only where it is written.
    [`brokers: kafka:1, tls: 'off', ${login("PLAIN")}`, "off"],
    [`brokers: kafka:1, tls: {mode: 'off'}, ${login("PLAIN")}`, "off"],
    [`brokers: kafka:1, tls: insecure, ${login("PLAIN")}`, "insecure"],
    ["brokers: localhost:1, tls: verify", "verify"],
    ["brokers: localhost:1, tls: {}", "verify"],
  ])("of {%s} is %s", (kafka, mode) => {
    const env = { PW: CANARY, BROKERS: "localhost:1,127.0.0.1:2" };
    expect(channelOf(`{${kafka}}`, { env }).endpoint.tls.mode).toBe(mode);
  });

  test("takes its files from beside the config", async () => {
    await using dir = await tempDir();
    for (const name of ["ca", "cert", "key"]) await writeFile(join(dir.path, name), `${name} text`);
    const file = join(dir.path, "c.yaml");
    const tlsOf = (tls: string) => channelOf(`{brokers: a:1, tls: ${tls}}`, { file }).endpoint.tls;
    const full = tlsOf("{ca: ca, cert: cert, key: key}");
    expect({ ...full, key: full.key?.reveal() }).toEqual({
      mode: "verify",
      ca: "ca text",
      cert: "cert text",
      key: "key text",
    });
    const own = tlsOf("{mode: insecure, cert: cert, key: key}");
    expect({ ...own, key: own.key?.reveal() }).toEqual({
      mode: "insecure",
      ca: null,
      cert: "cert text",
      key: "key text",
    });
  });
});

describe("OAUTHBEARER", () => {
  test("with a token that is given", async () => {
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const token = jwtOf({ sub: "capture", exp });
    const { endpoint, login } = channelOf(
      "{brokers: a:1, sasl: {mechanism: OAUTHBEARER, token: '${env:TOKEN}'}}",
      {
        env: { TOKEN: token },
      },
    );
    if (endpoint.sasl?.mechanism !== "OAUTHBEARER") throw new Error("no token");
    const { value, ...facts } = await endpoint.sasl.token();
    expect(value.reveal()).toBe(token);
    expect(facts).toEqual({ expiresAtMs: exp * 1000, principal: "capture" });
    expect(login).toEqual({ kind: "token", token: value });
  });

  test("with an OAuth server", () => {
    const { endpoint, login } = channelOf(
      "{brokers: a:1, requestTimeout: 7s, sasl: {mechanism: OAUTHBEARER, tokenEndpoint: 'https://id/token', clientId: me, clientSecret: '${env:PW}', scope: a b}}",
      { env: { PW: CANARY } },
    );
    expect(endpoint.sasl).toEqual({ mechanism: "OAUTHBEARER", token: expect.any(Function) as unknown });
    if (login?.kind !== "client") throw new Error("no client");
    const { clientSecret, ...client } = login.client;
    expect(clientSecret.reveal()).toBe(CANARY);
    expect(client).toEqual({
      tokenEndpoint: "https://id/token",
      clientId: "me",
      scope: "a b",
      timeoutMs: 7000,
    });
  });
});

describe("secrets", () => {
  const TOKEN = jwtOf({ sub: CANARY, exp: 1 });
  const LOGINS = [
    ["{mechanism: PLAIN, user: u, password: '${env:PW}'}", CANARY],
    ["{mechanism: OAUTHBEARER, token: '${env:TOKEN}'}", TOKEN],
    [
      "{mechanism: OAUTHBEARER, tokenEndpoint: 'https://i/t', clientId: c, clientSecret: '${env:PW}'}",
      CANARY,
    ],
  ] as const;

  test.each(LOGINS)("of %s are masked however the config is printed, and known", (sasl, secret) => {
    const text = textWith(
      `{brokers: a:1, tls: {cert: ${import.meta.filename}, key: ${import.meta.filename}}, sasl: ${sasl}}`,
    );
    const config = parseConfigText(text, { env: { PW: CANARY, TOKEN } });
    const channel = must(config.channel, "the channel");
    const { cert: _cert, ...tls } = channel.endpoint.tls;
    const shown = { ...channel, endpoint: { ...channel.endpoint, tls } };
    for (const printed of [
      printConfig(config),
      JSON.stringify(shown),
      inspect(shown, { depth: 9, showHidden: true }),
    ]) {
      expect(printed).toContain("***");
      expect(printed).not.toContain(secret);
    }
    const [key, login, ...more] = channelSecrets(channel);
    // This very file is the key.
    expect(key?.reveal()).toContain("This very file");
    expect(login?.reveal()).toBe(secret);
    expect(more).toEqual([]);
  });

  test("are printed as what they are for", () => {
    const [plain, token, client] = LOGINS.map(([sasl]) => {
      const config = parseConfigText(textWith(`{brokers: a:1, sasl: ${sasl}}`), {
        env: { PW: CANARY, TOKEN },
      });
      return /\n {4}sasl:\n((?: {6}.*\n)*)/.exec(printConfig(config))?.[1]?.replaceAll(/^ {6}/gm, "");
    });
    expect(plain).toBe('mechanism: PLAIN\nuser: u\npassword: "***"\n');
    expect(token).toBe('mechanism: OAUTHBEARER\ntoken: "***"\n');
    expect(client).toBe(
      'mechanism: OAUTHBEARER\ntokenEndpoint: https://i/t\nclientId: c\nclientSecret: "***"\n',
    );
  });
});

test("what is printed reads back as the same channel", () => {
  const ms = (min: number, max: number) => fc.integer({ min, max }).map((n) => `${n}ms`);
  const kafka = fc.record({
    brokers: fc.constantFrom("a:1,b:2", ["[::1]:9093", "kafka-1:9092"]),
    client: fc.constantFrom("kafkajs", "librdkafka"),
    clientId: fc.constantFrom("x", "ü: #"),
    transactionalId: fc.constantFrom("t", "a\nb"),
    topic: fc.constantFrom("{table}{database}", "x-{source}.{database}_{table}"),
    positionTopic: fc.constantFrom("positions", "{source}.p"),
    partitions: fc.integer({ min: 1, max: 10_000 }),
    replication: fc.integer({ min: 5, max: 100 }),
    minInSyncReplicas: fc.integer({ min: 1, max: 5 }),
    retention: ms(60_000, 3650 * DAY_MS),
    messageBytes: fc.integer({ min: 16 * 1024, max: 64 * MIB }).map((n) => `${n}B`),
    compression: fc.constantFrom("none", "gzip", "lz4", "zstd"),
    transactionTimeout: ms(1000, 900_000),
    deliveryTimeout: ms(700_000, 3_600_000),
    transaction: fc.record({
      rows: fc.integer({ min: 1, max: 100_000_000 }),
      bytes: fc.integer({ min: MIB, max: 2 ** 36 }).map((n) => `${n}B`),
    }),
    heartbeat: ms(100, DAY_MS),
    tombstones: fc.boolean(),
    snapshots: fc.boolean(),
    connectTimeout: ms(100, 600_000),
    requestTimeout: ms(100, 600_000),
    tls: fc.constantFrom("verify", "insecure", "off", { mode: "off" }),
  });
  fc.assert(
    fc.property(kafka, (values) => {
      const config = parseConfigText(MINIMAL_CONFIG + stringify({ channel: { kafka: values } }));
      expect(parseConfigText(printConfig(config))).toEqual(config);
      expect(config.channel?.topics.partitions).toBe(values.partitions);
    }),
    { numRuns: 30 },
  );
});
