import { expect, test } from "vitest";
import { brokerProperties, type KafkaSettings } from "../../../../scripts/kafka/broker-properties.ts";
import { listenersOr, placeNode, portCount } from "../../../../scripts/kafka/node.ts";

const lone = (settings: KafkaSettings = {}, advertisedPort?: number): Readonly<Record<string, string>> => {
  const listeners = listenersOr(settings.listeners);
  const ports = Array.from({ length: portCount(listeners) }, (_, index) => 1001 + index);
  const node = placeNode({ id: 1, listeners, ports, advertisedPort });
  return brokerProperties(node, { nodes: [node], dataDir: "/d", settings });
};

test("a lone broker has one replica of everything and makes no topic by itself", () => {
  expect(lone()).toMatchObject({
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": "1@127.0.0.1:1003",
    listeners: "PLAINTEXT://127.0.0.1:1001,INTERNAL://127.0.0.1:1002,CONTROLLER://127.0.0.1:1003",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:1001,INTERNAL://127.0.0.1:1002",
    "log.dirs": "/d",
    "auto.create.topics.enable": "false",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "offsets.topic.replication.factor": "1",
  });
});

test("clients of the first listener are told the port of a proxy, brokers never", () => {
  const listeners = [{ name: "A" }, { name: "B", host: "localhost" }];
  expect(lone({ listeners }, 9)).toMatchObject({
    listeners: "A://127.0.0.1:1001,B://127.0.0.1:1002,INTERNAL://127.0.0.1:1003,CONTROLLER://127.0.0.1:1004",
    "advertised.listeners": "A://127.0.0.1:9,B://localhost:1002,INTERNAL://127.0.0.1:1003",
  });
});

test("each of three brokers knows all of them, and keeps three replicas of which one may be away", () => {
  const nodes = [1, 2, 3].map((id) =>
    placeNode({
      id,
      listeners: listenersOr(undefined),
      ports: [id * 10, id * 10 + 1, id * 10 + 2],
      advertisedPort: undefined,
    }),
  );
  for (const node of nodes) {
    expect(brokerProperties(node, { nodes, dataDir: "/d", settings: {} })).toMatchObject({
      "node.id": String(node.id),
      "controller.quorum.voters": "1@127.0.0.1:12,2@127.0.0.1:22,3@127.0.0.1:32",
      "default.replication.factor": "3",
      "min.insync.replicas": "2",
      "transaction.state.log.replication.factor": "3",
      "transaction.state.log.min.isr": "2",
      "offsets.topic.replication.factor": "3",
    });
  }
});

test("what the caller sets wins", () => {
  const properties = { "log.retention.ms": "5", "auto.create.topics.enable": "true" };
  expect(lone({ properties })).toMatchObject(properties);
});

test("listeners have their own certificates and logins", () => {
  const properties = lone({
    listeners: [
      { name: "OPEN" },
      { name: "LOGIN", sasl: ["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"] },
      { name: "TLS", tls: { key: "k", certificate: "c", clientCa: "a" } },
      { name: "BOTH", sasl: ["SCRAM-SHA-512"], tls: { key: "k", certificate: "c" } },
    ],
    users: { ann: 'a"\\b', bob: "b" },
  });
  expect(properties["listener.security.protocol.map"]).toBe(
    "OPEN:PLAINTEXT,LOGIN:SASL_PLAINTEXT,TLS:SSL,BOTH:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
  );
  const security = "org.apache.kafka.common.security";
  const scram = `${security}.scram.ScramLoginModule required;`;
  expect(
    Object.fromEntries(Object.entries(properties).filter(([name]) => name.startsWith("listener.name."))),
  ).toEqual({
    "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
    "listener.name.login.plain.sasl.jaas.config": `${security}.plain.PlainLoginModule required user_ann="a\\"\\\\b" user_bob="b";`,
    "listener.name.login.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.login.oauthbearer.sasl.jaas.config": `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    "listener.name.tls.ssl.keystore.type": "PEM",
    "listener.name.tls.ssl.keystore.key": "k",
    "listener.name.tls.ssl.keystore.certificate.chain": "c",
    "listener.name.tls.ssl.truststore.type": "PEM",
    "listener.name.tls.ssl.truststore.certificates": "a",
    "listener.name.tls.ssl.client.auth": "required",
    "listener.name.both.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.both.scram-sha-512.sasl.jaas.config": scram,
    "listener.name.both.ssl.keystore.type": "PEM",
    "listener.name.both.ssl.keystore.key": "k",
    "listener.name.both.ssl.keystore.certificate.chain": "c",
  });
});

test("access control is on when somebody may do everything, and leaves the brokers alone", () => {
  expect(lone()).not.toHaveProperty("super.users");
  expect(lone({ superUsers: ["ann", "bob"] })).toMatchObject({
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:ann;User:bob",
  });
});
