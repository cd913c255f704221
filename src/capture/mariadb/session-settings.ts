/**
 * What a session at a MariaDB is pinned to; `../session-settings.ts` says it for MySQL, and why.
 */
const SETTINGS: readonly string[] = [
  "time_zone = '+00:00'",
  "sql_mode = 'ALLOW_INVALID_DATES'",
  "old_mode = ''",
  "character_set_results = NULL",
  "sql_select_limit = 18446744073709551615",
  "sql_big_selects = ON",
  "max_statement_time = 0",
  "autocommit = ON",
  "completion_type = NO_CHAIN",
  "net_write_timeout = 31536000",
  "net_read_timeout = 31536000",
  "wait_timeout = 31536000",
  "interactive_timeout = 31536000",
  "idle_transaction_timeout = 0",
  "idle_readonly_transaction_timeout = 0",
  "lock_wait_timeout = 60",
  // Rows of now, and none of a system-versioned table's history.
  "system_versioning_asof = DEFAULT",
];

export const SESSION_STATEMENTS: readonly string[] = [
  "SET NAMES utf8mb4",
  `SET SESSION ${SETTINGS.join(", ")}`,
  // The variable of it has two names, of which older servers know one and newer ones the other.
  "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];
