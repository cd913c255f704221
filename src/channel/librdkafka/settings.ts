/** Settings of librdkafka, as its CONFIGURATION.md names them. */
import { getCACertificates } from "node:tls";
import { syncError } from "../../types/errors.ts";
import type { Compression, Isolation, ProducerOptions } from "../kafka/driver.ts";
import type { KafkaEndpoint, KafkaSasl, KafkaTls } from "../kafka/endpoint.ts";
import type { ClientLibrary, Settings } from "./client.ts";

/** Limits of its own. */
const CONNECT_MS_MIN = 1000;
const SOCKET_MS_MAX = 300_000;
const KIB = 1024;

/** From warnings on. */
const LOG_LEVEL = 4;
const RECONNECT_MS_MAX = 1000;

const LINGER_MS = 5;
/** The number of records in a batch is bounded by its bytes alone. */
const BATCH_RECORDS_MAX = 1_000_000;
const QUEUED_RECORDS_MAX = 100_000;
const QUEUED_BYTES_MIN = 16 << 20;
/** How long a topic may be unknown to some broker, just after it was created. */
const UNKNOWN_TOPIC_MS = 3000;
/** They tell who the producer is. */
const STATISTICS_MS = 500;

/** A broker answers a connection's requests in order: while it waits for records, a partition that is added waits too. */
const FETCH_WAIT_MS = 50;
/** Of records as they are sent, which are compressed: of one partition, and of all in one answer. */
const FETCH_PARTITION_BYTES = 256 << 10;
const FETCH_BYTES = 4 << 20;
/** Of records that wait to be taken. */
const FETCHED_BYTES_MAX = 8 << 20;
/** How long it does not ask for more when that much waits to be taken, which is soon done. */
const FETCH_PAUSE_MS = 10;
const FETCH_RETRY_MS = 100;

/** What a producer and a consumer have in common. */
function clientSettings(endpoint: KafkaEndpoint): Settings {
  const { brokers, clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs } = endpoint;
  const isEncrypted = tls.mode !== "off";
  const protocol =
    sasl === null ? (isEncrypted ? "ssl" : "plaintext") : isEncrypted ? "sasl_ssl" : "sasl_plaintext";
  return {
    "bootstrap.servers": brokers.join(","),
    "client.id": clientId,
    "security.protocol": protocol,
    ...(isEncrypted ? tlsSettings(tls) : {}),
    ...(sasl === null ? {} : saslSettings(sasl)),
    "socket.connection.setup.timeout.ms": Math.max(CONNECT_MS_MIN, connectTimeoutMs),
    "socket.timeout.ms": Math.min(SOCKET_MS_MAX, requestTimeoutMs),
    "socket.keepalive.enable": true,
    "socket.nagle.disable": true,
    "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
    "allow.auto.create.topics": false,
    "topic.metadata.propagation.max.ms": UNKNOWN_TOPIC_MS,
    log_level: LOG_LEVEL,
  };
}

function tlsSettings({ mode, ca, cert, key }: KafkaTls): Settings {
  const isVerified = mode === "verify";
  return {
    // Without this it would trust whom the system trusts, and not whom Node does.
    ...(isVerified ? { "ssl.ca.pem": ca ?? getCACertificates("default").join("\n") } : {}),
    ...(cert === null ? {} : { "ssl.certificate.pem": cert }),
    ...(key === null ? {} : { "ssl.key.pem": key.reveal() }),
    "enable.ssl.certificate.verification": isVerified,
    "ssl.endpoint.identification.algorithm": isVerified ? "https" : "none",
  };
}

function saslSettings(sasl: KafkaSasl): Settings {
  if (sasl.mechanism === "OAUTHBEARER") {
    return {
      "sasl.mechanisms": sasl.mechanism,
      oauthbearer_token_refresh_cb: async () => {
        const { value, expiresAtMs, principal } = await sasl.token();
        return { tokenValue: value.reveal(), lifetime: expiresAtMs, principal };
      },
    };
  }
  return {
    "sasl.mechanisms": sasl.mechanism,
    "sasl.username": sasl.user,
    "sasl.password": sasl.password.reveal(),
  };
}

export function producerSettings(endpoint: KafkaEndpoint, options: ProducerOptions): Settings {
  const { transactionalId, transactionTimeoutMs, compression, batchBytesMax, deliveryTimeoutMs } = options;
  const { requestTimeoutMs } = endpoint;
  return {
    ...clientSettings(endpoint),
    "transactional.id": transactionalId,
    "transaction.timeout.ms": transactionTimeoutMs,
    "enable.idempotence": true,
    acks: "all",
    "compression.codec": compression,
    // It refuses a transaction that ends before a request or a record does.
    "socket.timeout.ms": Math.min(SOCKET_MS_MAX, requestTimeoutMs, transactionTimeoutMs),
    "request.timeout.ms": Math.min(requestTimeoutMs, transactionTimeoutMs),
    "message.timeout.ms": Math.min(deliveryTimeoutMs, transactionTimeoutMs),
    "message.max.bytes": batchBytesMax,
    "batch.size": batchBytesMax,
    "batch.num.messages": BATCH_RECORDS_MAX,
    "linger.ms": LINGER_MS,
    "queue.buffering.max.messages": QUEUED_RECORDS_MAX,
    // A record that is longer than the whole queue would wait for ever.
    "queue.buffering.max.kbytes": Math.ceil(Math.max(QUEUED_BYTES_MIN, 2 * batchBytesMax) / KIB),
    "statistics.interval.ms": STATISTICS_MS,
    dr_cb: true,
  };
}

/** `onNews` is called when something is there behind nothing; the package's own consumers ask for it like this. */
export function consumerSettings(
  endpoint: KafkaEndpoint,
  isolation: Isolation,
  onNews: () => void,
): Settings {
  return {
    ...clientSettings(endpoint),
    // There is no consumer without a group, but nobody joins it and no offset is stored in it.
    "group.id": endpoint.clientId,
    queue_non_empty_cb: onNews,
    "enable.auto.commit": false,
    "enable.auto.offset.store": false,
    "auto.offset.reset": "error",
    "enable.partition.eof": true,
    "isolation.level": isolation === "committed" ? "read_committed" : "read_uncommitted",
    "check.crcs": true,
    "fetch.wait.max.ms": FETCH_WAIT_MS,
    "fetch.message.max.bytes": FETCH_PARTITION_BYTES,
    "fetch.max.bytes": FETCH_BYTES,
    "fetch.queue.backoff.ms": FETCH_PAUSE_MS,
    "fetch.error.backoff.ms": FETCH_RETRY_MS,
    "queued.max.messages.kbytes": FETCHED_BYTES_MAX / KIB,
  };
}

/** @throws SyncError KAFKA_CODEC when the library was built without it, as it is where there was no libzstd */
export function requireCodec({ features }: ClientLibrary, compression: Compression): void {
  if (compression === "none" || features.includes(compression)) return;
  throw syncError(
    "KAFKA_CODEC",
    `this build of librdkafka has no ${compression}; it has ${features.join(", ")}`,
    {
      hint: "choose another channel.kafka.compression, such as lz4, or leave channel.kafka.client at kafkajs",
    },
  );
}
