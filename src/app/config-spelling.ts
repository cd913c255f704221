import { fold, nearest } from "../util/nearest.ts";

/** What an unknown key was probably meant to be. */
export type Suggestion =
  /** The full name of one of our keys. */
  | { readonly kind: "meant"; readonly key: string }
  /** A wish that other tools fulfil and this version does not. */
  | { readonly kind: "unsupported" };

/**
 * Our keys in the words of other tools (Debezium, Flink CDC, OLake, PeerDB, Sling, ingestr, dlt, Artie,
 * Maxwell, Hudi, the clients of Kafka). Dots, dashes, underscores and case do not count in the comparison.
 */
const FOREIGN: readonly (readonly [string, readonly string[]])[] = [
  [
    "source.url",
    ["host", "hostname", "port", "user", "username", "uri", "dsn", "connection", "connection.url"],
  ],
  ["source.url", ["database.hostname", "database.port", "database.user", "source.hostname", "source.port"]],
  ["source.url", ["source.host", "source.user", "source.username", "source_uri", "source.uri", "mysql.host"]],
  ["source.password", ["database.password", "source.pass", "pass", "pwd", "password"]],
  ["source.name", ["topic.prefix", "database.server.name", "server.name", "client_id"]],
  ["source.serverId", ["database.server.id", "server.id", "source.server-id", "replica_server_id"]],
  [
    "source.tls",
    ["database.ssl.mode", "ssl", "ssl.mode", "use_ssl", "source.ssl", "source.ssl_mode", "source.sslmode"],
  ],
  ["source.connectTimeout", ["connect.timeout.ms", "connect.timeout", "source.connectTimeoutMs"]],
  [
    "tables",
    ["table.include.list", "database.include.list", "table.whitelist", "source.tables", "source.table"],
  ],
  [
    "tables",
    ["streams", "selected_streams", "table", "table_names", "table.name", "include", "include_tables"],
  ],
  ["tables", ["topicConfigs", "source_table", "tables.include", "table_mapping", "database"]],
  ["exclude", ["table.exclude.list", "database.exclude.list", "tables.exclude", "source.tables.exclude"]],
  ["exclude", ["table.blacklist", "exclude_tables", "excludes", "ignore", "skip_tables", "source.exclude"]],
  [
    "lake",
    ["sink", "sink.path", "sink.type", "path", "hoodie.base.path", "basePath", "warehouse", "target", "dest"],
  ],
  ["lake", ["destination", "destination.path", "dest_uri", "output", "lake.path", "lakeDir", "lakehouse"]],
  [
    "stateDir",
    ["state", "state.file", "state_dir", "state.path", "offset.storage.file.filename", "checkpoint.dir"],
  ],
  ["overrides", ["rules", "per_table", "table.overrides", "stream_options"]],
  ["overrides.buckets", ["overrides.hoodie.bucket.index.num.buckets"]],
  ["defaults.buckets", ["hoodie.bucket.index.num.buckets", "bucket.number", "num_buckets", "buckets"]],
  ["defaults.zeroDates", ["zero_dates", "zero.date.behavior", "zeroDateTimeBehavior", "zeroDates"]],
  [
    "snapshot.parallel",
    ["snapshot.max.threads", "max_threads", "parallelism", "pipeline.parallelism", "threads"],
  ],
  ["snapshot.parallel", ["extract_parallelism", "snapshot_max_parallel_workers", "snapshot.threads"]],
  ["snapshot.parallel", ["snapshot.parallelism", "snapshot_num_tables_in_parallel", "snapshot.workers"]],
  [
    "snapshot.chunkRows",
    ["snapshot.fetch.size", "incremental.snapshot.chunk.size", "chunk_size", "snapshot.chunkSize"],
  ],
  ["snapshot.chunkRows", ["scan.incremental.snapshot.chunk.size", "snapshot_num_rows_per_partition"]],
  [
    "commit.every",
    ["flush_interval", "flush.interval.ms", "flushIntervalSeconds", "commit.intervalMs", "interval"],
  ],
  [
    "commit.every",
    ["commit.interval", "commit.interval.ms", "checkpoint.interval", "execution.checkpointing.interval"],
  ],
  ["commit.every", ["idle_timeout_seconds", "sync_interval", "poll.interval.ms", "offset.flush.interval.ms"]],
  [
    "commit.rows",
    ["flush_records", "bufferRows", "buffer_rows", "max_batch_size", "max.batch.size", "batch_size"],
  ],
  ["commit.rows", ["commit.batchSize", "commit.maxRows", "commit.records", "commit.flushRecords"]],
  ["commit.bytes", ["flushSizeKb", "flush_size", "buffer_size", "commit.size", "commit.maxBytes"]],
  ["commit.idleEvery", ["heartbeat.interval.ms", "heartbeat.interval", "heartbeat", "commit.heartbeat"]],
  [
    "clean.retain",
    ["retention", "retain", "hoodie.cleaner.hours.retained", "clean.retention", "clean.hours"],
  ],
  ["clean.everyCommits", ["hoodie.clean.max.commits", "clean.every", "clean.commits"]],
  ["channel.kafka", ["kafka"]],
  ["channel.kafka.brokers", ["bootstrap.servers", "metadata.broker.list", "properties.bootstrap.servers"]],
  ["channel.kafka.brokers", ["kafka.bootstrap.servers", "schema.history.internal.kafka.bootstrap.servers"]],
  ["channel.kafka.brokers", ["channel.kafka.host", "channel.kafka.url", "channel.kafka.servers"]],
  ["channel.kafka.transactionalId", ["transactional.id", "transactional.id.prefix"]],
  ["channel.kafka.transactionalId", ["sink.transactional-id-prefix"]],
  ["channel.kafka.topic", ["topic.naming.strategy", "channel.kafka.topic.prefix", "channel.kafka.table"]],
  ["channel.kafka.positionTopic", ["offset.storage.topic"]],
  ["channel.kafka.partitions", ["num.partitions", "topic.creation.default.partitions"]],
  ["channel.kafka.replication", ["replication.factor", "default.replication.factor"]],
  ["channel.kafka.replication", ["topic.creation.default.replication.factor"]],
  ["channel.kafka.retention", ["retention.ms", "log.retention.ms", "log.retention.hours"]],
  ["channel.kafka.messageBytes", ["max.message.bytes", "message.max.bytes", "max.request.size"]],
  ["channel.kafka.compression", ["compression.type", "compression.codec"]],
  ["channel.kafka.transactionTimeout", ["transaction.timeout.ms"]],
  ["channel.kafka.deliveryTimeout", ["delivery.timeout.ms", "message.timeout.ms"]],
  ["channel.kafka.heartbeat", ["channel.kafka.heartbeat.interval.ms", "channel.kafka.heartbeat.interval"]],
  ["channel.kafka.tombstones", ["tombstones.on.delete"]],
  ["channel.kafka.requestTimeout", ["request.timeout.ms", "socket.timeout.ms"]],
  ["channel.kafka.connectTimeout", ["socket.connection.setup.timeout.ms", "channel.kafka.connectionTimeout"]],
  ["channel.kafka.connectTimeout", ["channel.kafka.connect.timeout.ms", "channel.kafka.connect.timeout"]],
  ["channel.kafka.tls", ["security.protocol", "channel.kafka.ssl", "enable.ssl.certificate.verification"]],
  ["channel.kafka.tls", ["ssl.endpoint.identification.algorithm"]],
  ["channel.kafka.tls.ca", ["ssl.ca.location", "ssl.truststore.location", "ssl.truststore.certificates"]],
  ["channel.kafka.tls.cert", ["ssl.certificate.location", "ssl.keystore.certificate.chain"]],
  ["channel.kafka.tls.key", ["ssl.key.location", "ssl.keystore.location", "ssl.keystore.key"]],
  ["channel.kafka.sasl", ["sasl.jaas.config"]],
  ["channel.kafka.sasl.mechanism", ["sasl.mechanism", "sasl.mechanisms", "channel.kafka.mechanism"]],
  ["channel.kafka.sasl.user", ["sasl.username", "channel.kafka.user", "channel.kafka.username"]],
  ["channel.kafka.sasl.user", ["channel.kafka.sasl.username"]],
  ["channel.kafka.sasl.password", ["sasl.password", "channel.kafka.password", "channel.kafka.sasl.pass"]],
  ["channel.kafka.sasl.tokenEndpoint", ["sasl.oauthbearer.token.endpoint.url", "channel.kafka.sasl.url"]],
  ["channel.kafka.sasl.clientId", ["sasl.oauthbearer.client.id"]],
  ["channel.kafka.sasl.clientId", ["sasl.oauthbearer.client.credentials.client.id"]],
  ["channel.kafka.sasl.clientSecret", ["sasl.oauthbearer.client.secret"]],
  ["channel.kafka.sasl.clientSecret", ["sasl.oauthbearer.client.credentials.client.secret"]],
  ["channel.kafka.sasl.scope", ["sasl.oauthbearer.scope"]],
  ["overrides.key", ["message.key.columns", "primaryKey", "primary_key", "primaryKeysOverride"]],
  ["trace", ["clickhouse", "clickhouse.url", "tracing", "trace_store", "counts"]],
  ["memory.queue", ["max.queue.size", "max.queue.size.in.bytes", "queue", "queue.bytes"]],
  ["memory.duckdb", ["memory_limit", "max_memory", "memory.limit"]],
  ["log.level", ["log_level", "loglevel", "verbosity"]],
  ["log.format", ["log_format", "logformat"]],
];

const UNSUPPORTED: readonly string[] = [
  ...["columns", "column.include.list", "column.exclude.list", "select", "exclude_columns", "projection"],
  ...["mask", "columnsToHash", "transform", "transforms", "filter", "where", "into", "route", "routes"],
  ...["types", "mode"],
  ...["snapshot.mode", "startFrom", "scan.startup.mode", "schemaChange", "schema.change.behavior"],
  ...["schema_contract", "onBadRow", "event.processing.failure.handling.mode", "errors.tolerance", "deletes"],
  ...["soft_delete", "softDelete", "skipped.operations", "http", "alerts", "metrics"],
  ...["schema.registry.url", "schema.registry", "key.converter", "value.converter", "group.id"],
  ...["key.serializer", "value.serializer"],
];

const FOREIGN_BY_FOLD = new Map(
  FOREIGN.flatMap(([key, spellings]) => spellings.map((spelling) => [fold(spelling), key] as const)),
);
const UNSUPPORTED_FOLDS = new Set(UNSUPPORTED.map(fold));

/**
 * @param place keys of the maps around the unknown key, list indices left out
 * @param known full names of all keys of the config
 */
export function suggestKey(
  place: readonly string[],
  key: string,
  known: readonly string[],
): Suggestion | null {
  const full = [...place, key].join(".");
  const prefix = place.length === 0 ? "" : `${place.join(".")}.`;
  const siblings = known.filter(
    (name) => name.startsWith(prefix) && !name.slice(prefix.length).includes("."),
  );
  const close = nearest(full, siblings);
  // One slip in one of our own words goes before what another tool calls so.
  if (close !== null && fold(close) === fold(full)) return { kind: "meant", key: close };
  const foreign = FOREIGN_BY_FOLD.get(fold(full)) ?? FOREIGN_BY_FOLD.get(fold(key));
  if (foreign !== undefined) return { kind: "meant", key: foreign };
  if (UNSUPPORTED_FOLDS.has(fold(full)) || UNSUPPORTED_FOLDS.has(fold(key))) return { kind: "unsupported" };
  const sibling = nearest(
    key,
    siblings.map((name) => name.slice(prefix.length)),
  );
  if (sibling !== null) return { kind: "meant", key: `${prefix}${sibling}` };
  const elsewhere = known.find((name) => fold(name.slice(name.lastIndexOf(".") + 1)) === fold(key));
  return elsewhere === undefined ? null : { kind: "meant", key: elsewhere };
}
