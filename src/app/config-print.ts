import { stringify } from "yaml";
import type { ColumnTest, RoutingRule } from "../channel/kafka/routing/rule.ts";
import type { Secret } from "../util/secret.ts";
import type { KafkaChannelConfig, KafkaLogin } from "./channel-config.ts";
import type { Config, TableSettings } from "./config.ts";
import type { TlsConfig } from "./config-tls.ts";

/** The config as it is in force, defaults included, as YAML for people. Secrets are masked by their type. */
export function printConfig(config: Config): string {
  const { source, commit, clean, memory } = config;
  return stringify(
    {
      source: {
        url: `mysql://${encodeURIComponent(source.user)}@${source.host.includes(":") ? `[${source.host}]` : source.host}:${source.port}`,
        password: masked(source.password),
        name: source.name,
        epoch: source.epoch,
        tls: printTls(source.tls),
        serverId: source.serverId,
        connectTimeout: durationText(source.connectTimeoutMs),
      },
      tables: config.tables.map(({ text }) => text),
      exclude: config.exclude.map(({ text }) => text),
      lake: config.lakeDir,
      stateDir: config.stateDir,
      channel: config.channel === null ? undefined : { kafka: printKafka(config.channel) },
      defaults: printSettings(config.defaults),
      overrides: config.overrides.map((rule) => ({
        tables: rule.tables.map(({ text }) => text),
        ...printSettings(rule.settings),
      })),
      snapshot: config.snapshot,
      commit: {
        every: durationText(commit.everyMs),
        rows: commit.rows,
        bytes: sizeText(commit.bytes),
        idleEvery: durationText(commit.idleEveryMs),
      },
      clean: { retain: durationText(clean.retainMs), everyCommits: clean.everyCommits },
      trace: printTrace(config),
      memory: { duckdb: sizeText(memory.duckdbBytes), queue: sizeText(memory.queueBytes) },
      log: config.log,
    },
    { keepUndefined: false, lineWidth: 0 },
  );
}

const masked = (secret: Secret | null): string | undefined =>
  secret === null || secret.reveal() === "" ? undefined : secret.toString();

const printTls = ({ mode, ca, cert, key }: TlsConfig) => ({
  mode,
  ca: ca === null ? undefined : "(given)",
  cert: cert === null ? undefined : "(given)",
  key: masked(key),
});

function printKafka({ endpoint, topics, limits, login, ...channel }: KafkaChannelConfig) {
  return {
    brokers: endpoint.brokers,
    client: channel.client,
    clientId: endpoint.clientId,
    transactionalId: channel.transactionalId,
    topic: channel.topic,
    positionTopic: channel.positionTopic,
    routing: channel.routing.map(printRule),
    partitions: topics.partitions,
    replication: topics.replication,
    minInSyncReplicas: topics.minInSync,
    retention: durationText(topics.retentionMs),
    messageBytes: sizeText(topics.messageBytes),
    compression: channel.compression,
    transactionTimeout: durationText(channel.transactionTimeoutMs),
    deliveryTimeout: durationText(channel.deliveryTimeoutMs),
    heartbeat: durationText(limits.idleMs),
    connectTimeout: durationText(endpoint.connectTimeoutMs),
    requestTimeout: durationText(endpoint.requestTimeoutMs),
    transaction: { rows: limits.rowsMax, bytes: sizeText(limits.bytesMax) },
    tombstones: channel.tombstones,
    snapshots: channel.snapshots,
    tls: printTls(endpoint.tls),
    sasl: login === null ? undefined : printLogin(login),
  };
}

/** As it would be written: a range as a map, one value without a list around it. */
const printRule = ({ tables, where, topic }: RoutingRule) => ({
  tables: tables.map(({ text }) => text),
  where:
    where.length === 0
      ? undefined
      : Object.fromEntries(where.map(({ column, test }) => [column, printTest(test)])),
  topic,
});

function printTest(test: ColumnTest): unknown {
  if (test.kind === "in") return test.values.length === 1 ? test.values[0] : test.values;
  const { low, high } = test;
  return {
    ...(low === null ? {} : { [low.isInclusive ? "min" : "above"]: low.value }),
    ...(high === null ? {} : { [high.isInclusive ? "max" : "below"]: high.value }),
  };
}

function printLogin(login: KafkaLogin): unknown {
  switch (login.kind) {
    case "password":
      return { mechanism: login.mechanism, user: login.user, password: masked(login.password) };
    case "token":
      return { mechanism: "OAUTHBEARER", token: masked(login.token) };
    case "client": {
      const { tokenEndpoint, clientId, clientSecret, scope } = login.client;
      return {
        mechanism: "OAUTHBEARER",
        tokenEndpoint,
        clientId,
        clientSecret: masked(clientSecret),
        scope: scope ?? undefined,
      };
    }
  }
}

const printSettings = (settings: Partial<TableSettings>) => ({
  buckets: settings.buckets ?? undefined,
  zeroDates: settings.zeroDates,
  decimalsAsText: settings.decimalsAsText,
  withoutPrimaryKey: settings.withoutPrimaryKey,
  key: settings.key ?? undefined,
  schemaChanges: settings.schemaChanges,
});

function printTrace({ trace }: Config): unknown {
  switch (trace.kind) {
    case "off":
      return "off";
    case "path":
      return { path: trace.path };
    case "url":
      return {
        url: trace.url,
        user: trace.user,
        password: masked(trace.password),
        database: trace.database,
      };
  }
}

/** In the largest unit that holds it exactly, so that reading it back gives the same number. */
export function durationText(ms: number): string {
  for (const [unit, factor] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (ms > 0 && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

export function sizeText(bytes: number): string {
  for (const [unit, factor] of [
    ["GiB", 1024 ** 3],
    ["MiB", 1024 ** 2],
    ["KiB", 1024],
  ] as const) {
    if (bytes > 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}
