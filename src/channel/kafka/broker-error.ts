/**
 * The error codes of Kafka's protocol (kafka.apache.org/protocol, "Error Codes") as far as they can come back to us,
 * and what each of them is to us.
 */
import { syncError, type ErrorCode } from "../../types/errors.ts";
import type { SyncError } from "../../util/errors.ts";

export const BROKER_ERROR = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  notLeader: 6,
  topicExists: 36,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  concurrentTransactions: 51,
  producerFenced: 90,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const;

interface Fact {
  readonly name: string;
  readonly code: ErrorCode;
  /** The same request may be sent again, to whoever leads or coordinates then. */
  readonly isTransient?: true;
  /** In place of the hint of its code. */
  readonly hint?: string;
}

/** An end is written to all partitions of a transaction, so it waits for the replicas of each. */
const UNENDED =
  "it is tried again by itself; if it goes on, a transaction cannot be ended: bring the brokers that hold replicas of the topics back";

const FACTS: ReadonlyMap<number, Fact> = new Map<number, Fact>([
  [-1, { name: "UNKNOWN_SERVER_ERROR", code: "KAFKA_STORAGE" }],
  [1, { name: "OFFSET_OUT_OF_RANGE", code: "KAFKA_OFFSET_GONE" }],
  [2, { name: "CORRUPT_MESSAGE", code: "KAFKA_PROTOCOL" }],
  [3, { name: "UNKNOWN_TOPIC_OR_PARTITION", code: "KAFKA_TOPIC_MISSING" }],
  [5, { name: "LEADER_NOT_AVAILABLE", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [6, { name: "NOT_LEADER_OR_FOLLOWER", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [7, { name: "REQUEST_TIMED_OUT", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [8, { name: "BROKER_NOT_AVAILABLE", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [9, { name: "REPLICA_NOT_AVAILABLE", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [10, { name: "MESSAGE_TOO_LARGE", code: "KAFKA_MESSAGE_TOO_LARGE" }],
  [13, { name: "NETWORK_EXCEPTION", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [14, { name: "COORDINATOR_LOAD_IN_PROGRESS", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [15, { name: "COORDINATOR_NOT_AVAILABLE", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [16, { name: "NOT_COORDINATOR", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [17, { name: "INVALID_TOPIC_EXCEPTION", code: "KAFKA_TOPIC_NAME" }],
  [18, { name: "RECORD_LIST_TOO_LARGE", code: "KAFKA_MESSAGE_TOO_LARGE" }],
  [19, { name: "NOT_ENOUGH_REPLICAS", code: "KAFKA_NOT_ENOUGH_REPLICAS", isTransient: true }],
  [20, { name: "NOT_ENOUGH_REPLICAS_AFTER_APPEND", code: "KAFKA_NOT_ENOUGH_REPLICAS", isTransient: true }],
  [29, { name: "TOPIC_AUTHORIZATION_FAILED", code: "KAFKA_ACL_MISSING" }],
  [31, { name: "CLUSTER_AUTHORIZATION_FAILED", code: "KAFKA_ACL_MISSING" }],
  [32, { name: "INVALID_TIMESTAMP", code: "KAFKA_TOPIC_CONFIG" }],
  [35, { name: "UNSUPPORTED_VERSION", code: "KAFKA_VERSION" }],
  [36, { name: "TOPIC_ALREADY_EXISTS", code: "KAFKA_TOPIC_CONFIG" }],
  [37, { name: "INVALID_PARTITIONS", code: "KAFKA_TOPIC_CONFIG" }],
  [38, { name: "INVALID_REPLICATION_FACTOR", code: "KAFKA_TOPIC_CONFIG" }],
  [40, { name: "INVALID_CONFIG", code: "KAFKA_TOPIC_CONFIG" }],
  [41, { name: "NOT_CONTROLLER", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [42, { name: "INVALID_REQUEST", code: "KAFKA_PROTOCOL" }],
  [44, { name: "POLICY_VIOLATION", code: "KAFKA_TOPIC_CONFIG" }],
  [45, { name: "OUT_OF_ORDER_SEQUENCE_NUMBER", code: "KAFKA_OUTCOME_UNKNOWN" }],
  [46, { name: "DUPLICATE_SEQUENCE_NUMBER", code: "KAFKA_OUTCOME_UNKNOWN" }],
  [47, { name: "INVALID_PRODUCER_EPOCH", code: "KAFKA_FENCED" }],
  [48, { name: "INVALID_TXN_STATE", code: "KAFKA_TRANSACTION_EXPIRED" }],
  [49, { name: "INVALID_PRODUCER_ID_MAPPING", code: "KAFKA_TRANSACTION_EXPIRED" }],
  [50, { name: "INVALID_TRANSACTION_TIMEOUT", code: "KAFKA_TRANSACTION_TIMEOUT" }],
  [51, { name: "CONCURRENT_TRANSACTIONS", code: "KAFKA_BUSY", isTransient: true, hint: UNENDED }],
  [52, { name: "TRANSACTION_COORDINATOR_FENCED", code: "KAFKA_OUTCOME_UNKNOWN" }],
  [53, { name: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", code: "KAFKA_ACL_MISSING" }],
  [54, { name: "SECURITY_DISABLED", code: "KAFKA_ACCESS_DENIED" }],
  [55, { name: "OPERATION_NOT_ATTEMPTED", code: "KAFKA_BUSY" }],
  [56, { name: "KAFKA_STORAGE_ERROR", code: "KAFKA_STORAGE", isTransient: true }],
  [58, { name: "SASL_AUTHENTICATION_FAILED", code: "KAFKA_ACCESS_DENIED" }],
  [59, { name: "UNKNOWN_PRODUCER_ID", code: "KAFKA_OUTCOME_UNKNOWN" }],
  [74, { name: "FENCED_LEADER_EPOCH", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [75, { name: "UNKNOWN_LEADER_EPOCH", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [76, { name: "UNSUPPORTED_COMPRESSION_TYPE", code: "KAFKA_TOPIC_CONFIG" }],
  [78, { name: "OFFSET_NOT_AVAILABLE", code: "KAFKA_UNREACHABLE", isTransient: true }],
  [87, { name: "INVALID_RECORD", code: "KAFKA_TOPIC_CONFIG" }],
  [89, { name: "THROTTLING_QUOTA_EXCEEDED", code: "KAFKA_BUSY", isTransient: true }],
  [90, { name: "PRODUCER_FENCED", code: "KAFKA_FENCED" }],
  [100, { name: "UNKNOWN_TOPIC_ID", code: "KAFKA_TOPIC_REPLACED" }],
  [103, { name: "INCONSISTENT_TOPIC_ID", code: "KAFKA_TOPIC_REPLACED" }],
  [120, { name: "TRANSACTION_ABORTABLE", code: "KAFKA_TRANSACTION_EXPIRED" }],
]);

/** Of the codes that a broker's answer can lead to. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  KAFKA_UNREACHABLE: "check that the brokers run; it is tried again by itself",
  KAFKA_STORAGE: "look into the log of the broker: its disk is full or failing",
  KAFKA_OFFSET_GONE:
    "the records were removed before they were applied: start `tallylake capture` again, which publishes them anew, and give the topic a longer retention",
  KAFKA_PROTOCOL: "look into the log of the broker for the request that it refuses",
  KAFKA_TOPIC_MISSING: "restore the topic, or remove all topics of this pipeline and start `capture` again",
  KAFKA_MESSAGE_TOO_LARGE:
    "raise max.message.bytes of the topic (and message.max.bytes of the brokers), or lower channel.kafka.messageBytes",
  KAFKA_TOPIC_NAME:
    "choose another channel.kafka.topic: letters, digits, dot, dash and underscore, at most 249",
  KAFKA_NOT_ENOUGH_REPLICAS:
    "bring the brokers that hold replicas of the topic back; it is tried again by itself",
  KAFKA_ACL_MISSING: "grant what the README lists under `Access rights on Kafka` to this user",
  KAFKA_TOPIC_CONFIG: "compare the topic's configuration with what `tallylake check` expects",
  KAFKA_VERSION: "use Apache Kafka 3.1 or later, or a broker that speaks its protocol",
  KAFKA_OUTCOME_UNKNOWN:
    "nothing is lost: the last committed position is read back, and work goes on from there",
  KAFKA_FENCED: "another `capture` has the same channel.kafka.transactionalId: stop one of them",
  KAFKA_TRANSACTION_EXPIRED:
    "nothing is lost: it begins anew at the last committed position; raise channel.kafka.transactionTimeout if it happens again",
  KAFKA_TRANSACTION_TIMEOUT:
    "lower channel.kafka.transactionTimeout to transaction.max.timeout.ms of the brokers, or raise that",
  KAFKA_BUSY: "it is tried again by itself",
  KAFKA_ACCESS_DENIED: "check channel.kafka.sasl: mechanism, user and password must be those of the brokers",
  KAFKA_TLS:
    "give the authority of the brokers' certificates as channel.kafka.tls.ca; set channel.kafka.tls to `off` for a listener without TLS",
  KAFKA_TOPIC_REPLACED:
    "the topic was deleted and made anew: remove all topics of this pipeline and start `capture` again, which publishes from the tables' positions on",
};

/** The name of a code in Kafka's protocol. */
export const brokerErrorName = (errorCode: number): string =>
  FACTS.get(errorCode)?.name ?? `error ${errorCode}`;

/** Whether the same request may succeed when it is sent again. */
export const isTransient = (errorCode: number): boolean => FACTS.get(errorCode)?.isTransient === true;

/** The operating error of a broker's error code; `what` failed, such as `write to shop.orders/3`. */
export function brokerError(errorCode: number, what: string, detail?: string | null): SyncError {
  const { name, code, hint }: Fact = FACTS.get(errorCode) ?? {
    name: `error ${errorCode}`,
    code: "KAFKA_PROTOCOL",
  };
  const more = detail === undefined || detail === null || detail === "" ? "" : ` (${detail})`;
  return syncError(code, `cannot ${what}: ${name}${more}`, {
    hint: hint ?? kafkaHint(code),
  });
}

/** The hint of a code that a broker's answer can lead to. */
export const kafkaHint = (code: ErrorCode): string => HINTS[code] ?? "look into the log of the broker";
