/**
 * What every session of ours is pinned to, whatever the server's defaults are. Each line can change the
 * rows that a SELECT gives, their text, or whether it ends.
 */
const SETTINGS: readonly string[] = [
  // Text of the values: TIMESTAMP in UTC; no blank padding of CHAR, no rejection of zero dates in a bound.
  "time_zone = '+00:00'",
  "sql_mode = 'ALLOW_INVALID_DATES'",
  // Text columns arrive in their own character set, as they do in the binlog, so that one codec reads both.
  "character_set_results = NULL",
  // Limits that would cut a result off or end it.
  "sql_select_limit = 18446744073709551615",
  "sql_big_selects = ON",
  "max_execution_time = 0",
  // The read view of a chunk, and what COMMIT does.
  "transaction_isolation = 'REPEATABLE-READ'",
  "autocommit = ON",
  "completion_type = NO_CHAIN",
  // A plan for the bounds of a chunk needs its ranges, however long the lists are.
  "range_optimizer_max_mem_size = 0",
  // A paused reader is not a dead one; DDL that waits for us waits for a chunk, and we wait for it this long.
  "net_write_timeout = 31536000",
  "net_read_timeout = 31536000",
  "wait_timeout = 31536000",
  "interactive_timeout = 31536000",
  "lock_wait_timeout = 60",
  // Row estimates of now instead of yesterday's.
  "information_schema_stats_expiry = 0",
];

/** Settings that came later than 8.0.0, in comments that older servers skip. */
const LATER_SETTINGS: readonly string[] = [
  // Rows of the source itself, never of an accelerator's copy.
  "/*!80013 , use_secondary_engine = OFF */",
  // The catalogue can hide a generated key that the binlog has.
  "/*!80030 , show_gipk_in_create_table_and_information_schema = ON */",
];

/** The statements that pin a session, in order; the names of the results' character set come first. */
export const SESSION_STATEMENTS: readonly string[] = [
  "SET NAMES utf8mb4",
  `SET SESSION ${SETTINGS.join(", ")} ${LATER_SETTINGS.join(" ")}`,
];
