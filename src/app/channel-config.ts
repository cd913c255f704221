/** What becomes of `channel` in the config: units resolved, and how to reach the cluster. */
import type { Compression, KafkaClientName } from "../channel/kafka/driver.ts";
import type { KafkaEndpoint, KafkaSasl, PasswordMechanism } from "../channel/kafka/endpoint.ts";
import type { WriterLimits } from "../channel/kafka/kafka-writer.ts";
import { clientCredentialsToken, staticToken, type TokenClient } from "../channel/kafka/oauth-token.ts";
import type { RoutingRule } from "../channel/kafka/routing/rule.ts";
import type { TopicSettings } from "../channel/kafka/topic-settings.ts";
import { formatAddress, isLoopback } from "../util/address.ts";
import { must } from "../util/assert.ts";
import type { Secret } from "../util/secret.ts";
import type { ParsedChannel } from "./channel-schema.ts";
import { resolveTls } from "./config-tls.ts";

export interface KafkaChannelConfig {
  readonly client: KafkaClientName;
  readonly endpoint: KafkaEndpoint;
  /** What the endpoint's login was made of. */
  readonly login: KafkaLogin | null;
  readonly transactionalId: string;
  /** Template of the topics of changes, and of the one with positions. */
  readonly topic: string;
  readonly positionTopic: string;
  readonly routing: readonly RoutingRule[];
  readonly topics: TopicSettings;
  readonly compression: Compression;
  readonly transactionTimeoutMs: number;
  readonly deliveryTimeoutMs: number;
  readonly limits: Pick<WriterLimits, "rowsMax" | "bytesMax" | "idleMs">;
  readonly tombstones: boolean;
  readonly snapshots: boolean;
}

export type KafkaLogin =
  | {
      readonly kind: "password";
      readonly mechanism: PasswordMechanism;
      readonly user: string;
      readonly password: Secret;
    }
  | { readonly kind: "token"; readonly token: Secret }
  | { readonly kind: "client"; readonly client: TokenClient };

type ParsedKafka = ParsedChannel["kafka"];

/** Positions fall out of their topic when fewer than this are written while a record is retained. */
const HEARTBEATS_IN_RETENTION = 10;

export function resolveChannel({ kafka }: ParsedChannel, sourceName: string): KafkaChannelConfig {
  const login = resolveLogin(kafka);
  return {
    client: kafka.client,
    endpoint: {
      brokers: kafka.brokers.map(formatAddress),
      clientId: kafka.clientId,
      tls: resolveTls(kafka.tls, tlsDefault(kafka)),
      sasl: login === null ? null : saslOf(login),
      connectTimeoutMs: kafka.connectTimeout,
      requestTimeoutMs: kafka.requestTimeout,
    },
    login,
    transactionalId: kafka.transactionalId ?? `tallylake-${sourceName}`,
    topic: kafka.topic,
    positionTopic: kafka.positionTopic,
    routing: kafka.routing,
    topics: {
      partitions: kafka.partitions,
      replication: kafka.replication,
      retentionMs: kafka.retention,
      minInSync: kafka.minInSyncReplicas ?? Math.max(1, kafka.replication - 1),
      messageBytes: kafka.messageBytes,
    },
    compression: kafka.compression,
    transactionTimeoutMs: kafka.transactionTimeout,
    deliveryTimeoutMs: kafka.deliveryTimeout,
    limits: {
      rowsMax: kafka.transaction.rows,
      bytesMax: kafka.transaction.bytes,
      idleMs: Math.min(kafka.heartbeat, Math.floor(kafka.retention / HEARTBEATS_IN_RETENTION)),
    },
    tombstones: kafka.tombstones,
    snapshots: kafka.snapshots,
  };
}

/**
 * A broker at a loopback address names the others, which may be anywhere. So a login is encrypted unless `off` is
 * written: nobody sends a password in the clear without having said so.
 */
const tlsDefault = ({ brokers, sasl }: ParsedKafka): "off" | "verify" =>
  sasl === undefined && brokers.every(({ host }) => isLoopback(host)) ? "off" : "verify";

/** The keys that a mechanism needs are there: `channelProblems` has looked. */
function resolveLogin({ sasl, requestTimeout }: ParsedKafka): KafkaLogin | null {
  if (sasl === undefined) return null;
  const { mechanism, user, password, token, tokenEndpoint, clientId, clientSecret, scope } = sasl;
  if (mechanism !== "OAUTHBEARER") {
    return {
      kind: "password",
      mechanism,
      user: must(user, "the user"),
      password: must(password, "the password"),
    };
  }
  if (token !== undefined) return { kind: "token", token };
  return {
    kind: "client",
    client: {
      tokenEndpoint: must(tokenEndpoint, "the token endpoint"),
      clientId: must(clientId, "the client id"),
      clientSecret: must(clientSecret, "the client secret"),
      scope: scope ?? null,
      timeoutMs: requestTimeout,
    },
  };
}

function saslOf(login: KafkaLogin): KafkaSasl {
  switch (login.kind) {
    case "password": {
      const { mechanism, user, password } = login;
      return { mechanism, user, password };
    }
    case "token":
      return { mechanism: "OAUTHBEARER", token: staticToken(login.token, { now: Date.now }) };
    case "client":
      return {
        mechanism: "OAUTHBEARER",
        token: clientCredentialsToken(login.client, { fetch, now: Date.now }),
      };
  }
}

/** Values that must never be shown. */
export function channelSecrets({ endpoint: { tls }, login }: KafkaChannelConfig): readonly Secret[] {
  return [...(tls.key === null ? [] : [tls.key]), ...(login === null ? [] : [loginSecret(login)])];
}

function loginSecret(login: KafkaLogin): Secret {
  switch (login.kind) {
    case "password":
      return login.password;
    case "token":
      return login.token;
    case "client":
      return login.client.clientSecret;
  }
}
