/**
 * What librdkafka's errors are to us. A code from -1 up is one of Kafka's protocol, the others are its own.
 *
 * What a transactional producer reports, seen with librdkafka 2.15.1 on Apache Kafka 4.3.1 (`isFatal` and so on are
 * only told by commitTransaction, abortTransaction and initTransactions):
 *
 * | what is wrong                        | delivery report    | the call after it                                        |
 * |--------------------------------------|--------------------|----------------------------------------------------------|
 * | fenced off, seen at the commit       |                    | commit: -144 _FENCED, fatal                              |
 * | …, seen at a record batch            | 47                 | produce: -150 _FATAL; begin, commit, abort: -144, fatal  |
 * | …, seen when a partition is added    | -152 _PURGE_QUEUE  | commit: -144, fatal                                      |
 * | open for too long, seen at the commit|                    | the same as fenced off: -144, fatal                      |
 * | …, seen at a record batch            | 47                 | the same as fenced off: -144, fatal                      |
 * | no such topic                        | 3                  | commit: -149 _INCONSISTENT, requires an abort            |
 * | no such partition                    |                    | produce: -190; a commit after that would succeed         |
 * | a record above `message.max.bytes`   |                    | produce: 10; a commit after that would succeed           |
 * | a batch above the topic's limit      | 10                 | commit: 10, requires an abort                            |
 * | no broker before `message.timeout.ms`| -192               | commit: -185 _TIMED_OUT, requires an abort               |
 * | no answer to the commit              |                    | commit: -185, retriable; it may have been done, or be done later |
 * | `transaction.timeout.ms` too long    |                    | initTransactions: 50, fatal                              |
 *
 * So neither a code nor a flag tells a fence from a transaction that was open for too long: the coordinator is asked
 * which it was. And a transaction whose record was refused here must not be committed, though the library would.
 */
import { syncError, type ErrorCode } from "../../types/errors.ts";
import type { SyncError } from "../../util/errors.ts";
import { BROKER_ERROR, brokerError, kafkaHint } from "../kafka/broker-error.ts";
import type { ClientError } from "./client.ts";

export const CLIENT_ERROR = {
  badMessage: -199,
  badCompression: -198,
  unknownPartition: -190,
  unknownTopic: -188,
  queueFull: -184,
  state: -172,
  notImplemented: -170,
  purgeQueue: -152,
  purgeInFlight: -151,
  fatal: -150,
  inconsistent: -149,
} as const;

/** Errors that another one has led to, which only the state of the transaction tells. */
const CONSEQUENCES: ReadonlySet<number> = new Set([
  CLIENT_ERROR.purgeQueue,
  CLIENT_ERROR.purgeInFlight,
  CLIENT_ERROR.fatal,
  CLIENT_ERROR.inconsistent,
]);

const CODES: ReadonlyMap<number, readonly [string, ErrorCode]> = new Map<
  number,
  readonly [string, ErrorCode]
>([
  [CLIENT_ERROR.badMessage, ["_BAD_MSG", "KAFKA_RECORD_CORRUPT"]],
  [CLIENT_ERROR.badCompression, ["_BAD_COMPRESSION", "KAFKA_RECORD_CORRUPT"]],
  [-197, ["_DESTROY", "KAFKA_OUTCOME_UNKNOWN"]],
  [-195, ["_TRANSPORT", "KAFKA_UNREACHABLE"]],
  [-193, ["_RESOLVE", "KAFKA_UNREACHABLE"]],
  [-192, ["_MSG_TIMED_OUT", "KAFKA_UNREACHABLE"]],
  [-187, ["_ALL_BROKERS_DOWN", "KAFKA_UNREACHABLE"]],
  [-185, ["_TIMED_OUT", "KAFKA_UNREACHABLE"]],
  [-183, ["_ISR_INSUFF", "KAFKA_NOT_ENOUGH_REPLICAS"]],
  [-181, ["_SSL", "KAFKA_TLS"]],
  [-180, ["_WAIT_COORD", "KAFKA_UNREACHABLE"]],
  [CLIENT_ERROR.notImplemented, ["_NOT_IMPLEMENTED", "KAFKA_CODEC"]],
  [-169, ["_AUTHENTICATION", "KAFKA_ACCESS_DENIED"]],
  [-166, ["_TIMED_OUT_QUEUE", "KAFKA_UNREACHABLE"]],
  [-165, ["_UNSUPPORTED_FEATURE", "KAFKA_VERSION"]],
  [-148, ["_GAPLESS_GUARANTEE", "KAFKA_OUTCOME_UNKNOWN"]],
  [-144, ["_FENCED", "KAFKA_FENCED"]],
]);

const HINTS: Partial<Record<ErrorCode, string>> = {
  KAFKA_CODEC:
    "leave channel.kafka.client at kafkajs, which has every codec, or install a librdkafka that has it",
  KAFKA_RECORD_CORRUPT:
    "set channel.kafka.client to kafkajs to be told where, and read that on the broker with `kafka-dump-log.sh --deep-iteration --files <segment>`",
};

/** Why a connection fails is only in the log of the library; waiting mends neither. */
const LASTING: readonly (readonly [RegExp, ErrorCode])[] = [
  [/\bSASL\b.*\b(authentication|handshake)|\bauthentication fail/i, "KAFKA_ACCESS_DENIED"],
  [/\bSSL handshake failed|\bcertificate\b/i, "KAFKA_TLS"],
];

/** Certificates and keys that it cannot read are told when a client is made, and only in words. */
const UNREADABLE = /\bpem\b|\bssl\.\w/i;

export const isConsequence = ({ code }: ClientError): boolean => CONSEQUENCES.has(code);

/**
 * The operating error of a client's error; `what` failed, such as `write to shop.orders/3`. `complaint` is why the
 * library could not connect, as far as it has said so since.
 */
export function clientError(error: ClientError, what: string, complaint: string | null): SyncError {
  const { code, message } = error;
  if (code === CLIENT_ERROR.unknownTopic || code === CLIENT_ERROR.unknownPartition) {
    return brokerError(BROKER_ERROR.unknownTopic, what, message);
  }
  if ((code === CLIENT_ERROR.state || code === -1) && UNREADABLE.test(message)) {
    return syncError("KAFKA_TLS", `cannot ${what}: ${message}`, {
      hint: kafkaHint("KAFKA_TLS"),
      cause: error,
    });
  }
  if (code >= -1) return brokerError(code, what, message);
  const [name, known] = CODES.get(code) ?? [`error ${code}`, "KAFKA_PROTOCOL" as const];
  const isAway = known === "KAFKA_UNREACHABLE" && complaint !== null;
  const lasting = isAway ? LASTING.find(([pattern]) => pattern.test(complaint))?.[1] : undefined;
  const found = lasting ?? known;
  return syncError(found, `cannot ${what}: ${name} (${isAway ? complaint : message})`, {
    hint: HINTS[found] ?? kafkaHint(found),
    cause: error,
  });
}
