import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect } from "vitest";
import type { KafkaDriver } from "../../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint, KafkaSasl, KafkaTls } from "../../../src/channel/kafka/endpoint.ts";
import { KafkaControl } from "../../../src/channel/kafkajs/control.ts";
import { Secret } from "../../../src/util/secret.ts";
import type { SaslMechanism } from "../../../scripts/kafka/listener.ts";
import { kafkaTool } from "../../../scripts/kafka/tool.ts";
import { readAll, values } from "../../contract/kafka-driver-rig.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { endpointOf, kafkajsDriver, monotonicMs } from "../../support/kafka-channel.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver, librdkafkaForTests } from "../../support/librdkafka.ts";
import type { PrivateKafka } from "../../support/test-kafka.ts";

/*
 * How each driver logs in, encrypts, and says what is wrong with that: on one broker with a listener for each way.
 */

const TLS = join(import.meta.dirname, "../../fixtures/tls");
const ACLS = "org.apache.kafka.tools.AclCommand";
const MECHANISMS: readonly SaslMechanism[] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];
const USERS = { admin: 'quote " and ü', reader: "r-secret" };
const OFF: KafkaTls = { mode: "off", ca: null, cert: null, key: null };

const pem = (name: string): Promise<string> => readFile(join(TLS, name), "utf8");

const withPassword = (
  mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512",
  user: keyof typeof USERS,
  password: string = USERS[user],
): KafkaSasl => ({ mechanism, user, password: new Secret(password) });

/** A token that nobody has signed, which brokers take as long as they are not told otherwise. */
function unsigned(user: string): KafkaSasl {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    mechanism: "OAUTHBEARER",
    token: async () => {
      const now = Math.floor(Date.now() / 1000);
      const claims = part({ sub: user, iat: now, exp: now + 3600 });
      return {
        value: new Secret(`${part({ alg: "none" })}.${claims}.`),
        expiresAtMs: (now + 3600) * 1000,
        principal: user,
      };
    },
  };
}

beforeAll(librdkafkaForTests, LIBRDKAFKA_MS);

const DRIVERS = [
  { name: "kafkajs", open: async (endpoint: KafkaEndpoint) => kafkajsDriver(endpoint) },
  { name: "librdkafka", open: librdkafkaDriver },
] as const;

async function newTopic(kafka: PrivateKafka): Promise<string> {
  const control = await KafkaControl.connect(endpointOf([kafka.process.admin]), monotonicMs);
  try {
    const topic = kafka.uniqueName();
    await control.create([{ topic, partitions: 1, replication: 1, config: {} }]);
    return topic;
  } finally {
    await control.close();
  }
}

/** Writes a record and reads it. */
async function roundTrip(driver: KafkaDriver, topic: string): Promise<readonly string[]> {
  try {
    const producer = await driver.openProducer({
      transactionalId: topic,
      transactionTimeoutMs: 10_000,
      compression: "lz4",
      batchBytesMax: 100_000,
      deliveryTimeoutMs: 10_000,
    });
    await producer.begin();
    await producer.send({ topic, partition: 0 }, values(1));
    await producer.commit();
    return await readAll(await driver.openReader("committed"), topic, 1);
  } finally {
    await driver.close();
  }
}

describe.for(DRIVERS)("$name", ({ open }) => {
  test("logs in by every mechanism, with and without TLS, and says what a broker refuses", async ({
    startKafka,
    skip,
  }) => {
    const ca = await pem("ca.pem");
    const named = { key: await pem("server-name.key"), certificate: await pem("server-name.pem") };
    const numbered = { key: await pem("server-ip.key"), certificate: await pem("server-ip.pem") };
    await using kafka = await startKafka({
      listeners: [
        { name: "LOGIN", sasl: MECHANISMS },
        { name: "SECRET_LOGIN", sasl: ["SCRAM-SHA-512"], tls: named, host: "localhost" },
        { name: "CERTIFICATE", tls: { ...named, clientCa: ca }, host: "localhost" },
        { name: "NUMBER", tls: numbered },
        // Its certificate is for another name.
        { name: "OTHER", tls: named },
      ],
      users: USERS,
      superUsers: ["admin", "CN=tallylake test server"],
    });
    const driverOn = async (listener: string, way: { sasl?: KafkaSasl; tls?: Partial<KafkaTls> }) => {
      const { sasl = null, tls = {} } = way;
      const endpoint = endpointOf(kafka.process.brokers(listener));
      const driver = await open({ ...endpoint, connectTimeoutMs: 3000, sasl, tls: { ...OFF, ...tls } });
      return "missing" in driver ? skip(driver.missing) : driver;
    };
    const passes = async (listener: string, way: { sasl?: KafkaSasl; tls?: Partial<KafkaTls> }) => {
      expect(await roundTrip(await driverOn(listener, way), await newTopic(kafka)), listener).toEqual(["v0"]);
    };
    const fails = async (
      listener: string,
      way: { sasl?: KafkaSasl; tls?: Partial<KafkaTls> },
      code: string,
    ) => {
      await expect(
        roundTrip(await driverOn(listener, way), await newTopic(kafka)),
        listener,
      ).rejects.toMatchObject({ code });
    };
    const verified = { mode: "verify", ca } as const;

    await passes("LOGIN", { sasl: withPassword("PLAIN", "admin") });
    await passes("LOGIN", { sasl: withPassword("SCRAM-SHA-256", "admin") });
    await passes("LOGIN", { sasl: unsigned("admin") });
    await passes("SECRET_LOGIN", { sasl: withPassword("SCRAM-SHA-512", "admin"), tls: verified });
    await passes("CERTIFICATE", {
      tls: { ...verified, cert: named.certificate, key: new Secret(named.key) },
    });
    await passes("NUMBER", { tls: verified });
    await passes("OTHER", { tls: { mode: "insecure" } });

    await fails("LOGIN", { sasl: withPassword("PLAIN", "admin", "wrong") }, "KAFKA_ACCESS_DENIED");
    await fails("LOGIN", { sasl: withPassword("SCRAM-SHA-512", "admin", "wrong") }, "KAFKA_ACCESS_DENIED");
    await fails("OTHER", { tls: verified }, "KAFKA_TLS");
    await fails("NUMBER", { tls: { mode: "verify" } }, "KAFKA_TLS");
    await fails("CERTIFICATE", { tls: verified }, "KAFKA_TLS");
    await fails("LOGIN", {}, "KAFKA_UNREACHABLE");
    await fails("LOGIN", { sasl: withPassword("PLAIN", "reader") }, "KAFKA_ACL_MISSING");
  });

  test("needs no rights but those on its topics and its transactional id", async ({ startKafka, skip }) => {
    await using kafka = await startKafka({
      listeners: [{ name: "LOGIN", sasl: ["PLAIN"] }],
      users: USERS,
      superUsers: ["admin"],
    });
    const topic = await newTopic(kafka);
    const endpoint: KafkaEndpoint = {
      ...endpointOf(kafka.process.brokers()),
      sasl: withPassword("PLAIN", "reader"),
    };
    const driver = await open(endpoint);
    if ("missing" in driver) return skip(driver.missing);
    const reader = await driver.openReader("uncommitted");
    await expect(readAll(reader, topic, 1)).rejects.toMatchObject({ code: "KAFKA_ACL_MISSING" });
    const allow = ["--bootstrap-server", kafka.process.admin, "--add", "--allow-principal", "User:reader"];
    await Promise.all([
      kafkaTool(ACLS, [
        ...allow,
        ...["Describe", "Read", "Write"].flatMap((one) => ["--operation", one]),
        "--topic",
        topic,
      ]),
      kafkaTool(ACLS, [
        ...allow,
        ...["Describe", "Write"].flatMap((one) => ["--operation", one]),
        "--transactional-id",
        topic,
      ]),
    ]);
    expect(await roundTrip(driver, topic)).toEqual(["v0"]);
  });
});
