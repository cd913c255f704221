import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { KafkaEndpoint, KafkaTls } from "../../../../src/channel/kafka/endpoint.ts";
import {
  consumerSettings,
  producerSettings,
  requireCodec,
} from "../../../../src/channel/librdkafka/settings.ts";
import { Secret } from "../../../../src/util/secret.ts";

const OFF: KafkaTls = { mode: "off", ca: null, cert: null, key: null };
const endpoint = (more: Partial<KafkaEndpoint> = {}): KafkaEndpoint => ({
  brokers: ["a:1", "[::1]:2"],
  clientId: "me",
  tls: OFF,
  sasl: null,
  connectTimeoutMs: 100,
  requestTimeoutMs: 30_000,
  ...more,
});
const consumer = (to: KafkaEndpoint, isolation: "committed" | "uncommitted") =>
  consumerSettings(to, isolation, () => undefined);
const OPTIONS = {
  transactionalId: "id",
  transactionTimeoutMs: 10_000,
  compression: "lz4",
  batchBytesMax: 20 << 20,
  deliveryTimeoutMs: 120_000,
} as const;

test("a producer waits for nothing longer than for its transaction, and has room for two batches", () => {
  expect(producerSettings(endpoint(), OPTIONS)).toMatchObject({
    "bootstrap.servers": "a:1,[::1]:2",
    "security.protocol": "plaintext",
    "socket.timeout.ms": 10_000,
    "request.timeout.ms": 10_000,
    "message.timeout.ms": 10_000,
    "socket.connection.setup.timeout.ms": 1000,
    "queue.buffering.max.kbytes": 40 * 1024,
    "enable.idempotence": true,
    "allow.auto.create.topics": false,
    acks: "all",
  });
});

test("a consumer stores no offset and takes none but those it is given", () => {
  expect(consumer(endpoint(), "committed")).toMatchObject({
    "enable.auto.commit": false,
    "enable.auto.offset.store": false,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "check.crcs": true,
  });
  expect(consumer(endpoint(), "uncommitted")).toMatchObject({
    "isolation.level": "read_uncommitted",
  });
});

test.for([
  [
    { mode: "verify", ca: "CA", cert: "C", key: new Secret("K") },
    {
      "ssl.ca.pem": "CA",
      "ssl.certificate.pem": "C",
      "ssl.key.pem": "K",
      "enable.ssl.certificate.verification": true,
      "ssl.endpoint.identification.algorithm": "https",
    },
  ],
  [
    { mode: "verify", ca: null, cert: null, key: null },
    { "ssl.ca.pem": expect.stringMatching(/BEGIN CERTIFICATE[^]*BEGIN CERTIFICATE/) as string },
  ],
  [
    { mode: "insecure", ca: null, cert: null, key: null },
    { "enable.ssl.certificate.verification": false, "ssl.endpoint.identification.algorithm": "none" },
  ],
] as const)("TLS, case %#", ([tls, expected]) => {
  expect(consumer(endpoint({ tls }), "committed")).toMatchObject({
    "security.protocol": "ssl",
    ...expected,
  });
});

test("a login by password and one by token", async () => {
  const password = new Secret("p");
  const byPassword = consumer(
    endpoint({ sasl: { mechanism: "SCRAM-SHA-256", user: "u", password } }),
    "committed",
  );
  expect(byPassword).toMatchObject({
    "security.protocol": "sasl_plaintext",
    "sasl.mechanisms": "SCRAM-SHA-256",
    "sasl.username": "u",
    "sasl.password": "p",
  });
  const token = async () => ({ value: new Secret("t"), expiresAtMs: 5, principal: "who" });
  const byToken = consumer(
    endpoint({ sasl: { mechanism: "OAUTHBEARER", token }, tls: { ...OFF, mode: "insecure" } }),
    "committed",
  );
  expect(byToken).toMatchObject({ "security.protocol": "sasl_ssl", "sasl.mechanisms": "OAUTHBEARER" });
  const refresh = byToken["oauthbearer_token_refresh_cb"] as () => Promise<unknown>;
  expect(await refresh()).toEqual({ tokenValue: "t", lifetime: 5, principal: "who" });
});

test("a codec that the library was built without is told before anything is written", () => {
  const library = { Producer: EventEmitter, KafkaConsumer: EventEmitter, features: ["gzip", "lz4"] } as never;
  expect(() => requireCodec(library, "zstd")).toThrow(
    expect.objectContaining({ code: "KAFKA_CODEC" }) as Error,
  );
  for (const codec of ["none", "gzip", "lz4"] as const) requireCodec(library, codec);
});
