import { BINLOG_OFF, is, retentionRule, type SettingRules } from "../server-settings.ts";

const error = { code: "SOURCE_SETTING", severity: "error" } as const;
const warning = { code: "SOURCE_SETTING", severity: "warning" } as const;

/** MariaDB forgets what is set at run time when it restarts. */
const set = (assignment: string, more = ""): string =>
  `SET GLOBAL ${assignment}; -- and put it into the server's configuration${more}`;
const RECONNECT = "; then reconnect the sessions that write";

export const MARIADB_SETTINGS: SettingRules = {
  rules: [
    BINLOG_OFF,
    {
      ...error,
      variable: "binlog_format",
      fits: is("ROW"),
      because: "other formats log statements, which give no rows",
      fix: set("binlog_format = 'ROW'", RECONNECT),
    },
    {
      ...error,
      variable: "binlog_row_image",
      fits: is("FULL"),
      because: "shorter row images leave columns out",
      fix: set("binlog_row_image = 'FULL'", RECONNECT),
    },
    {
      ...error,
      variable: "binlog_row_metadata",
      fits: is("FULL"),
      because: "without it events do not name their columns",
      fix: set("binlog_row_metadata = 'FULL'"),
    },
    {
      ...warning,
      variable: "gtid_strict_mode",
      fits: is("ON", "1"),
      because: "a transaction whose number is not above those before it in its domain would stop the stream",
      fix: set("gtid_strict_mode = ON"),
    },
    {
      ...warning,
      variable: "sync_binlog",
      fits: is("1"),
      because: "after a power loss the server can forget transactions that were already read",
      fix: set("sync_binlog = 1"),
    },
    {
      ...warning,
      variable: "innodb_flush_log_at_trx_commit",
      fits: is("1"),
      because: "after a power loss the server can forget transactions that were already read",
      fix: set("innodb_flush_log_at_trx_commit = 1"),
    },
    {
      ...warning,
      variable: "log_slave_updates",
      fits: is("ON", "1"),
      because: "changes that this server gets by replication are not in its binlog",
      fix: "set log-slave-updates in the server's configuration and restart it, or use the primary as the source",
    },
  ],
  retention: retentionRule(set("binlog_expire_logs_seconds = 604800")),
};
