import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { SaslMechanism } from "../../../scripts/kafka/listener.ts";
import { propertiesText } from "../../../scripts/kafka/properties-text.ts";
import { kafkaTool } from "../../../scripts/kafka/tool.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { inParallel } from "../../support/in-parallel.ts";
import { tempDir } from "../../support/temp-dir.ts";

const TLS = join(import.meta.dirname, "../../fixtures/tls");
const TOPICS = "org.apache.kafka.tools.TopicCommand";
const ACLS = "org.apache.kafka.tools.AclCommand";
const SECURITY = "org.apache.kafka.common.security";
const MECHANISMS: readonly SaslMechanism[] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];
const USERS = { admin: 'quote " and ü', reader: "r-secret" };

interface Login {
  readonly user: keyof typeof USERS;
  readonly password?: string;
}

function loginModule(mechanism: SaslMechanism, { user, password = USERS[user] }: Login): string {
  if (mechanism === "OAUTHBEARER") {
    return `${SECURITY}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="${user}";`;
  }
  const name = mechanism === "PLAIN" ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
  return `${SECURITY}.${name} required username="${user}" password="${password.replaceAll('"', '\\"')}";`;
}

const PATIENCE = { "request.timeout.ms": "10000", "default.api.timeout.ms": "10000" };

const pem = (name: string): Promise<string> => readFile(join(TLS, name), "utf8");

test("clients log in by every mechanism, with and without TLS, and may do what an ACL allows", async ({
  startKafka,
}) => {
  await using dir = await tempDir();
  const tls = { key: await pem("server-name.key"), certificate: await pem("server-name.pem") };
  await using kafka = await startKafka({
    listeners: [
      { name: "LOGIN", sasl: MECHANISMS },
      { name: "SECRET_LOGIN", sasl: ["PLAIN", "SCRAM-SHA-512"], tls, host: "localhost" },
      { name: "CERTIFICATE", tls: { ...tls, clientCa: await pem("ca.pem") }, host: "localhost" },
    ],
    users: USERS,
    superUsers: ["admin"],
  });
  const { process: broker } = kafka;
  let clients = 0;
  /** The topics that a client sees. */
  const topics = async (listener: string, client: Readonly<Record<string, string>>): Promise<string> => {
    const config = join(dir.path, `${++clients}.properties`);
    await writeFile(config, propertiesText({ ...PATIENCE, ...client }));
    const bootstrap = broker.brokers(listener).join();
    return kafkaTool(TOPICS, ["--bootstrap-server", bootstrap, "--command-config", config, "--list"]);
  };
  const login = (mechanism: SaslMechanism, as: Login): Readonly<Record<string, string>> => ({
    "security.protocol": "SASL_PLAINTEXT",
    "sasl.mechanism": mechanism,
    "sasl.jaas.config": loginModule(mechanism, as),
  });
  const secretly = (protocol: string, client: Readonly<Record<string, string>> = {}) => ({
    ...{ ...client, "security.protocol": protocol },
    ...{ "ssl.truststore.type": "PEM", "ssl.truststore.location": join(TLS, "ca.pem") },
  });

  await kafkaTool(TOPICS, ["--bootstrap-server", broker.admin, "--create", "--topic", "t"]);
  const logins = [
    () => topics("LOGIN", login("PLAIN", { user: "admin" })),
    () => topics("LOGIN", login("OAUTHBEARER", { user: "admin" })),
    () => topics("SECRET_LOGIN", secretly("SASL_SSL", login("SCRAM-SHA-512", { user: "admin" }))),
    () => topics("LOGIN", login("SCRAM-SHA-256", { user: "reader" })),
  ];
  expect(await inParallel(logins, 2, (ask) => ask())).toEqual(["t\n", "t\n", "t\n", "\n"]);

  const stranger = login("PLAIN", { user: "reader", password: "wrong" });
  await Promise.all([
    kafkaTool(ACLS, [
      ...["--bootstrap-server", broker.admin, "--add", "--allow-principal", "User:reader"],
      ...["--operation", "Describe", "--topic", "t"],
    ]),
    expect(topics("LOGIN", stranger)).rejects.toThrow("Invalid username or password"),
    // One without a certificate of its own; Java 17 and later ones name the alert differently.
    expect(topics("CERTIFICATE", secretly("SSL"))).rejects.toThrow(
      /fatal alert: (bad_certificate|certificate_required)/,
    ),
  ]);
  expect(await topics("LOGIN", login("SCRAM-SHA-256", { user: "reader" }))).toBe("t\n");
});
