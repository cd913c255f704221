import { expect, test } from "vitest";
import { MYSQL_SETTINGS, settingProblems } from "../../../src/capture/server-settings.ts";

/** A MySQL 9.7 as it should be. */
const GOOD: readonly (readonly [string, string])[] = [
  ["log_bin", "ON"],
  ["binlog_format", "ROW"],
  ["binlog_row_image", "FULL"],
  ["binlog_row_metadata", "FULL"],
  ["enforce_gtid_consistency", "ON"],
  ["gtid_mode", "ON"],
  ["binlog_order_commits", "ON"],
  ["sync_binlog", "1"],
  ["innodb_flush_log_at_trx_commit", "1"],
  ["log_replica_updates", "ON"],
  ["binlog_expire_logs_seconds", "2592000"],
  ["binlog_expire_logs_auto_purge", "ON"],
];

const found = (...changes: readonly (readonly [string, string])[]) =>
  settingProblems(new Map([...GOOD, ...changes]), MYSQL_SETTINGS).map(({ code, severity, message, hint }) => [
    severity,
    code,
    message.split(":")[0],
    hint.split(";")[0],
  ]);

test("a server as it should be has no problems", () => {
  expect(found()).toEqual([]);
});

test.each([
  [
    "log_bin",
    "OFF",
    "error",
    "SOURCE_BINLOG_OFF",
    "remove skip-log-bin from the server's configuration, set log-bin=binlog, and restart it",
  ],
  ["binlog_format", "STATEMENT", "error", "SOURCE_SETTING", "SET PERSIST binlog_format = 'ROW'"],
  ["binlog_format", "MIXED", "error", "SOURCE_SETTING", "SET PERSIST binlog_format = 'ROW'"],
  ["binlog_row_image", "MINIMAL", "error", "SOURCE_SETTING", "SET PERSIST binlog_row_image = 'FULL'"],
  ["binlog_row_image", "NOBLOB", "error", "SOURCE_SETTING", "SET PERSIST binlog_row_image = 'FULL'"],
  ["binlog_row_metadata", "MINIMAL", "error", "SOURCE_SETTING", "SET PERSIST binlog_row_metadata = 'FULL'"],
  [
    "enforce_gtid_consistency",
    "WARN",
    "error",
    "SOURCE_SETTING",
    "SET PERSIST enforce_gtid_consistency = WARN",
  ],
  ["gtid_mode", "ON_PERMISSIVE", "error", "SOURCE_SETTING", "SET PERSIST gtid_mode = OFF_PERMISSIVE"],
  ["gtid_mode", "OFF", "error", "SOURCE_SETTING", "SET PERSIST gtid_mode = OFF_PERMISSIVE"],
  ["binlog_order_commits", "OFF", "error", "SOURCE_SETTING", "SET PERSIST binlog_order_commits = ON"],
  ["sync_binlog", "0", "warning", "SOURCE_SETTING", "SET PERSIST sync_binlog = 1"],
  [
    "innodb_flush_log_at_trx_commit",
    "2",
    "warning",
    "SOURCE_SETTING",
    "SET PERSIST innodb_flush_log_at_trx_commit = 1",
  ],
])("%s = %s", (variable, value, severity, code, fix) => {
  expect(found([variable, value])).toEqual([[severity, code, `${variable} is ${value}`, fix]]);
});

test("every problem is listed, not only the first", () => {
  expect(found(["gtid_mode", "OFF"], ["binlog_format", "MIXED"], ["sync_binlog", "0"])).toHaveLength(3);
});

test("short retention is a warning, and under an hour an error", () => {
  const retention = (seconds: string, purge = "ON") =>
    found(["binlog_expire_logs_seconds", seconds], ["binlog_expire_logs_auto_purge", purge]).map(
      ([severity]) => severity,
    );
  expect(retention("86400")).toEqual([]);
  expect(retention("86399")).toEqual(["warning"]);
  expect(retention("3600")).toEqual(["warning"]);
  expect(retention("3599")).toEqual(["error"]);
  expect(retention("0")).toEqual([]);
  expect(retention("60", "OFF")).toEqual([]);
});

test("a variable that the server does not have is no problem", () => {
  expect(settingProblems(new Map([["log_bin", "ON"]]), MYSQL_SETTINGS)).toEqual([]);
});
