import { SyncError } from "../util/errors.ts";

/** Exit codes of the program (sysexits where one fits); they never change their meaning. */
export const EXIT = {
  ok: 0,
  mismatch: 1,
  inconclusive: 2,
  usage: 64,
  unavailable: 69,
  invariant: 70,
  retryLater: 75,
} as const;

interface CodeFacts {
  readonly exit: number;
  readonly retryable: boolean;
}

const usage: CodeFacts = { exit: EXIT.usage, retryable: false };
const unavailable: CodeFacts = { exit: EXIT.unavailable, retryable: false };
const away: CodeFacts = { exit: EXIT.retryLater, retryable: true };
const stopped: CodeFacts = { exit: EXIT.mismatch, retryable: false };

/** Every operating error that the program can end with, by its stable name. */
export const ERROR_CODES = {
  // Configuration and command line.
  CONFIG_MISSING: usage,
  CONFIG_INVALID: usage,
  SECRET_MISSING: usage,
  USAGE: usage,
  OUTPUT_FAILED: unavailable,
  // The source as a whole.
  SOURCE_UNREACHABLE: away,
  SOURCE_CONNECTION_LOST: away,
  SOURCE_ACCESS_DENIED: unavailable,
  SOURCE_TLS: unavailable,
  SOURCE_GRANT_MISSING: unavailable,
  SOURCE_NOT_SUPPORTED: unavailable,
  SOURCE_SETTING: unavailable,
  SOURCE_BINLOG_OFF: unavailable,
  SOURCE_SERVER_ID: unavailable,
  SOURCE_CHANGED: unavailable,
  SOURCE_HISTORY_BROKEN: unavailable,
  SOURCE_HISTORY_UNVERIFIED: unavailable,
  SOURCE_PURGED: unavailable,
  SOURCE_NO_TABLES: unavailable,
  SOURCE_XA_OPEN: away,
  SOURCE_BUSY: away,
  SOURCE_QUERY_FAILED: unavailable,
  // The binlog stream.
  BINLOG_EVENT_UNKNOWN: unavailable,
  BINLOG_EVENT_CORRUPT: unavailable,
  BINLOG_STATEMENT: unavailable,
  BINLOG_INCIDENT: unavailable,
  BINLOG_COMPRESSED: unavailable,
  BINLOG_GTID: unavailable,
  BINLOG_REFUSED: unavailable,
  BINLOG_SILENT: away,
  // One table of the source.
  TABLE_ABSENT: stopped,
  TABLE_NO_PRIMARY_KEY: stopped,
  TABLE_TYPE_UNSUPPORTED: stopped,
  TABLE_CHARSET_UNSUPPORTED: stopped,
  TABLE_ENGINE_UNSUPPORTED: stopped,
  TABLE_KEY_UNSUPPORTED: stopped,
  TABLE_FOREIGN_KEY_CASCADE: stopped,
  TABLE_DDL: stopped,
  TABLE_SCHEMA_CHANGED: stopped,
  TABLE_ROW_IMAGE: stopped,
  TABLE_PARTIAL_JSON: stopped,
  TABLE_VALUE: stopped,
  TABLE_XA: stopped,
  TABLE_NOT_CAPTURED: stopped,
  TABLE_CHAIN_BROKEN: stopped,
  // Snapshot.
  SNAPSHOT_COUNT: stopped,
  SNAPSHOT_MANIFEST: unavailable,
  // The lake.
  LAKE_NOT_EMPTY: unavailable,
  LAKE_FOREIGN_TABLE: unavailable,
  LAKE_FOREIGN_WRITE: unavailable,
  LAKE_CORRUPT: unavailable,
  LAKE_LOCKED: away,
  LAKE_FENCED: unavailable,
  LAKE_DISK_FULL: away,
  LAKE_READ_ONLY: unavailable,
  LAKE_IO: unavailable,
  LAKE_TABLE_MISSING: unavailable,
  LAKE_OUT_OF_MEMORY: unavailable,
  LAKE_NAME_TOO_LONG: usage,
  TOO_MANY_OPEN_FILES: unavailable,
  // Trace store and daemon.
  TRACE_UNAVAILABLE: away,
  TRACE_SCHEMA: unavailable,
  DAEMON_UNAVAILABLE: away,
  // Kafka.
  KAFKA_UNREACHABLE: away,
  KAFKA_TLS: unavailable,
  KAFKA_ACCESS_DENIED: unavailable,
  KAFKA_ACL_MISSING: unavailable,
  KAFKA_VERSION: unavailable,
  KAFKA_PROTOCOL: unavailable,
  KAFKA_CLIENT_MISSING: usage,
  KAFKA_BUSY: away,
  KAFKA_NOT_ENOUGH_REPLICAS: away,
  KAFKA_STORAGE: away,
  KAFKA_OUTCOME_UNKNOWN: away,
  KAFKA_TRANSACTION_EXPIRED: away,
  KAFKA_PART_OPEN: away,
  KAFKA_TRANSACTION_TIMEOUT: usage,
  KAFKA_FENCED: unavailable,
  KAFKA_MESSAGE_TOO_LARGE: unavailable,
  KAFKA_TOPIC_MISSING: unavailable,
  KAFKA_TOPIC_CONFIG: unavailable,
  KAFKA_TOPIC_REPLACED: unavailable,
  KAFKA_TOPIC_NAME: usage,
  KAFKA_ROUTING: usage,
  KAFKA_PARTITIONS_CHANGED: unavailable,
  KAFKA_OFFSET_GONE: unavailable,
  KAFKA_RANGE_DIFFERENT: unavailable,
  KAFKA_FOREIGN_RECORD: unavailable,
  KAFKA_POSITION_UNREADABLE: unavailable,
  KAFKA_CHAIN_BROKEN: unavailable,
  KAFKA_LARGE_ROW: unavailable,
  KAFKA_CLOCK: unavailable,
  KAFKA_CODEC: unavailable,
  KAFKA_RECORD_CORRUPT: unavailable,
  // Queries.
  QUERY_FAILED: usage,
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface Remedy {
  readonly hint: string;
  readonly cause?: unknown;
}

/** The operating error of this code; `message` says what and where, `hint` what to do. */
export function syncError(code: ErrorCode, message: string, remedy: Remedy): SyncError {
  const facts = ERROR_CODES[code];
  return new SyncError(message, { code, retryable: facts.retryable, exitCode: facts.exit, ...remedy });
}

export function isSyncError(error: unknown, code?: ErrorCode): error is SyncError {
  return error instanceof SyncError && (code === undefined || error.code === code);
}
