import { PASSWORD_MECHANISMS } from "../channel/kafka/endpoint.ts";
import { parseDurationMs } from "../util/units.ts";
import { CHANNEL_DEFAULTS } from "./channel-schema.ts";
import { tlsProblems } from "./config-tls.ts";
import { child, type CrossProblem } from "./config-yaml.ts";

const KAFKA = ["channel", "kafka"] as const;

/** Mistakes that lie between two keys of the channel. */
export function* channelProblems(channel: unknown): Generator<CrossProblem> {
  const kafka = child(channel, "kafka");
  yield* topicProblems(kafka);
  yield* timeoutProblems(kafka);
  yield* tlsProblems(child(kafka, "tls"), [...KAFKA, "tls"]);
  yield* saslProblems(child(kafka, "sasl"));
}

function* topicProblems(kafka: unknown): Generator<CrossProblem> {
  const written = child(kafka, "positionTopic");
  if ((written ?? CHANNEL_DEFAULTS.positionTopic) === child(kafka, "topic")) {
    yield {
      path: [...KAFKA, written === undefined ? "topic" : "positionTopic"],
      message: "`channel.kafka.positionTopic` and `channel.kafka.topic` must be two topics",
    };
  }
  const inSync = child(kafka, "minInSyncReplicas");
  const replication = child(kafka, "replication") ?? CHANNEL_DEFAULTS.replication;
  if (typeof inSync === "number" && typeof replication === "number" && inSync > replication) {
    yield {
      path: [...KAFKA, "minInSyncReplicas"],
      message: `\`channel.kafka.minInSyncReplicas\` is ${inSync}, and \`channel.kafka.replication\` only ${replication}`,
    };
  }
}

function* timeoutProblems(kafka: unknown): Generator<CrossProblem> {
  const delivery = child(kafka, "deliveryTimeout") ?? CHANNEL_DEFAULTS.deliveryTimeout;
  const request = child(kafka, "requestTimeout") ?? CHANNEL_DEFAULTS.requestTimeout;
  if (typeof delivery !== "string" || typeof request !== "string") return;
  const deliveryMs = parseDurationMs(delivery);
  const requestMs = parseDurationMs(request);
  if (deliveryMs === null || requestMs === null || deliveryMs > requestMs) return;
  const key = child(kafka, "deliveryTimeout") === undefined ? "requestTimeout" : "deliveryTimeout";
  yield {
    path: [...KAFKA, key],
    message: `\`channel.kafka.deliveryTimeout\` (${delivery}) must be above \`channel.kafka.requestTimeout\` (${request})`,
  };
}

const SASL = [...KAFKA, "sasl"] as const;
const PASSWORD_KEYS = ["user", "password"] as const;
const CLIENT_KEYS = ["clientId", "clientSecret"] as const;
const TOKEN_KEYS = ["token", "tokenEndpoint", ...CLIENT_KEYS, "scope"] as const;

/** Which keys there must be depends on the mechanism; one that is not known is told of elsewhere. */
function* saslProblems(sasl: unknown): Generator<CrossProblem> {
  const mechanism = PASSWORD_MECHANISMS.find((name) => name === child(sasl, "mechanism"));
  if (mechanism !== undefined) {
    yield* missingKeys(sasl, PASSWORD_KEYS, mechanism);
    for (const key of TOKEN_KEYS.filter((name) => child(sasl, name) !== undefined)) {
      const message = `${saslKey(key)} is for OAUTHBEARER; ${mechanism} takes a user and a password`;
      yield { path: [...SASL, key], message };
    }
  } else if (child(sasl, "mechanism") === "OAUTHBEARER") {
    for (const key of PASSWORD_KEYS.filter((name) => child(sasl, name) !== undefined)) {
      const message = `${saslKey(key)} is for PLAIN and SCRAM; OAUTHBEARER takes a token or a tokenEndpoint`;
      yield { path: [...SASL, key], message };
    }
    yield* tokenProblems(sasl);
  }
}

function* tokenProblems(sasl: unknown): Generator<CrossProblem> {
  const has = (key: string): boolean => child(sasl, key) !== undefined;
  if (has("tokenEndpoint")) {
    yield* missingKeys(sasl, CLIENT_KEYS, "a tokenEndpoint");
    if (has("token")) {
      const message = "`channel.kafka.sasl` has a token and a tokenEndpoint; leave one of them out";
      yield { path: [...SASL, "tokenEndpoint"], message };
    }
    return;
  }
  const lonely = [...CLIENT_KEYS, "scope"].filter(has);
  for (const key of lonely) {
    const message = `${saslKey(key)} is for an OAuth server, and ${saslKey("tokenEndpoint")} is missing`;
    yield { path: [...SASL, key], message };
  }
  if (lonely.length === 0 && !has("token")) {
    const message =
      "`channel.kafka.sasl`: OAUTHBEARER needs a token, or a tokenEndpoint with clientId and clientSecret";
    yield { path: SASL, message };
  }
}

function* missingKeys(sasl: unknown, keys: readonly string[], by: string): Generator<CrossProblem> {
  for (const key of keys.filter((name) => child(sasl, name) === undefined)) {
    yield { path: [...SASL, key], message: `${saslKey(key)} is missing; ${by} needs it` };
  }
}

const saslKey = (key: string): string => `\`${SASL.join(".")}.${key}\``;
