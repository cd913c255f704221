import type { ErrorCode } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { formatDuration } from "../util/units.ts";

/** Global variables by their lower-case names; one that the server does not have is missing. */
export type ServerVariables = ReadonlyMap<string, string>;

export interface SettingRule {
  readonly variable: string;
  readonly fits: (value: string) => boolean;
  readonly code: ErrorCode;
  readonly severity: Problem["severity"];
  /** What goes wrong otherwise. */
  readonly because: string;
  /** The statement, or what to do when there is none. */
  readonly fix: string;
}

export const is =
  (...values: readonly string[]) =>
  (value: string): boolean =>
    values.includes(value.toUpperCase());

/** What is looked at on a server, in the words of its kind. */
export interface SettingRules {
  readonly rules: readonly SettingRule[];
  readonly retention: (variables: ServerVariables) => readonly Problem[];
}

const error = { code: "SOURCE_SETTING", severity: "error" } as const;
const warning = { code: "SOURCE_SETTING", severity: "warning" } as const;

export const BINLOG_OFF: SettingRule = {
  variable: "log_bin",
  fits: is("ON", "1"),
  code: "SOURCE_BINLOG_OFF",
  severity: "error",
  because: "without a binlog there are no changes to follow",
  fix: "remove skip-log-bin from the server's configuration, set log-bin=binlog, and restart it; what was written meanwhile is in no binlog: `tallylake report --deep` shows it, and taking those tables anew brings it",
};

/** In a session that has it set otherwise the stream notices by the events themselves. */
const RULES: readonly SettingRule[] = [
  BINLOG_OFF,
  {
    ...error,
    variable: "binlog_format",
    fits: is("ROW"),
    because: "other formats log statements, which give no rows",
    fix: "SET PERSIST binlog_format = 'ROW'; -- then reconnect the sessions that write",
  },
  {
    ...error,
    variable: "binlog_row_image",
    fits: is("FULL"),
    because: "shorter row images leave columns out",
    fix: "SET PERSIST binlog_row_image = 'FULL'; -- then reconnect the sessions that write",
  },
  {
    ...error,
    variable: "binlog_row_metadata",
    fits: is("FULL"),
    because: "without it events do not name their columns",
    fix: "SET PERSIST binlog_row_metadata = 'FULL';",
  },
  {
    ...error,
    variable: "enforce_gtid_consistency",
    fits: is("ON", "1"),
    because: "GTIDs need it",
    fix: "SET PERSIST enforce_gtid_consistency = WARN; -- look for warnings in the error log, then SET PERSIST enforce_gtid_consistency = ON;",
  },
  {
    ...error,
    variable: "gtid_mode",
    fits: is("ON"),
    because: "positions are GTIDs",
    fix: "SET PERSIST gtid_mode = OFF_PERMISSIVE; SET PERSIST gtid_mode = ON_PERMISSIVE; -- wait for SHOW STATUS LIKE 'Ongoing_anonymous_transaction_count' to be 0, then SET PERSIST gtid_mode = ON;",
  },
  {
    ...error,
    variable: "binlog_order_commits",
    fits: is("ON", "1"),
    because: "a snapshot is exact only when commits become visible in the order of the binlog",
    fix: "SET PERSIST binlog_order_commits = ON;",
  },
  {
    ...warning,
    variable: "sync_binlog",
    fits: is("1"),
    because: "after a power loss the server can forget transactions that were already read",
    fix: "SET PERSIST sync_binlog = 1;",
  },
  {
    ...warning,
    variable: "innodb_flush_log_at_trx_commit",
    fits: is("1"),
    because: "after a power loss the server can forget transactions that were already read",
    fix: "SET PERSIST innodb_flush_log_at_trx_commit = 1;",
  },
  {
    ...warning,
    variable: "log_replica_updates",
    fits: is("ON", "1"),
    because: "changes that this server gets by replication are not in its binlog",
    fix: "set log-replica-updates=ON in the server's configuration and restart it, or use the primary as the source",
  },
];

const RETENTION_MS_WARN = 86_400_000;
const RETENTION_MS_MIN = 3_600_000;

/** A rule about a variable that the server does not have says nothing: its one behaviour is then the right one. */
export function settingProblems(
  variables: ServerVariables,
  { rules, retention }: SettingRules,
): readonly Problem[] {
  const problems = rules.flatMap((rule): readonly Problem[] => {
    const value = variables.get(rule.variable);
    if (value === undefined || rule.fits(value)) return [];
    const message = `${rule.variable} is ${value === "" ? "empty" : value}: ${rule.because}`;
    return [{ code: rule.code, table: null, message, hint: rule.fix, severity: rule.severity }];
  });
  return [...problems, ...retention(variables)];
}

/** How long the binlog is kept; `fix` is the statement that sets a week. */
export const retentionRule =
  (fix: string) =>
  (variables: ServerVariables): readonly Problem[] =>
    retentionProblems(variables, fix);

function retentionProblems(variables: ServerVariables, fix: string): readonly Problem[] {
  const seconds = Number(variables.get("binlog_expire_logs_seconds") ?? 0);
  const purges = variables.get("binlog_expire_logs_auto_purge") !== "OFF";
  const retentionMs = seconds * 1000;
  if (!purges || seconds === 0 || retentionMs >= RETENTION_MS_WARN) return [];
  const isShort = retentionMs < RETENTION_MS_MIN;
  return [
    {
      code: "SOURCE_SETTING",
      table: null,
      message: `binlog_expire_logs_seconds keeps the binlog for ${formatDuration(retentionMs)} only: a snapshot that takes longer, or a longer stop, has to begin anew`,
      hint: fix,
      severity: isShort ? "error" : "warning",
    },
  ];
}

/** The variables that the checks here and in `table-problems.ts` look at. */
export const checkedVariables = ({ rules }: SettingRules): readonly string[] => [
  ...rules.map((rule) => rule.variable),
  "binlog_expire_logs_seconds",
  "binlog_expire_logs_auto_purge",
  "innodb_native_foreign_keys",
];

export const MYSQL_SETTINGS: SettingRules = {
  rules: RULES,
  retention: retentionRule("SET PERSIST binlog_expire_logs_seconds = 604800;"),
};
