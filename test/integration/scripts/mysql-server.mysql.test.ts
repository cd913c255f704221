import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, vi } from "vitest";
import { isThere } from "../../../scripts/is-there.ts";
import { must } from "../../../src/util/assert.ts";
import { missingMysql } from "../../support/mysql-shared.ts";
import { mysqlTest as test } from "../../support/mysql.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("a killed or restarted server keeps its port, identity and every commit", async ({ startMysql }) => {
  await using mysql = await startMysql();
  const identity =
    "SELECT CONCAT_WS(' ', @@port, @@server_uuid, @@log_bin, @@gtid_mode, @@binlog_row_metadata)";
  const before: unknown[] = [];
  {
    await using session = await mysql.connect();
    before.push(await session.value(identity));
    await session.run("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
    for (let id = 1; id <= 50; id++) await session.run(`INSERT INTO d.t VALUES (${id})`);
  }
  await mysql.process.kill9();
  expect(mysql.process.running).toBe(false);
  await mysql.process.restart();
  await mysql.process.restart(["--binlog-expire-logs-seconds=77"]);
  await using session = await mysql.connect();
  expect(await session.value(identity)).toBe(before[0]);
  expect(before[0]).toMatch(/ [0-9a-f-]{36} 1 ON FULL$/);
  expect(await session.value("SELECT COUNT(*) FROM d.t")).toBe("50");
  expect(await session.value("SELECT @@binlog_expire_logs_seconds")).toBe("77");
  expect(await session.value("SELECT VERSION()")).toBe(mysql.process.version);
});

test("servers run side by side, and a copy of a stopped one has its identity and rows", async ({
  startMysql,
}) => {
  await using dir = await tempDir();
  const dataDir = join(dir.path, "kept");
  const uuid = "SELECT @@server_uuid";
  await using other = await startMysql(["--lower-case-table-names=1"]);
  await using otherSession = await other.connect();
  expect(await otherSession.value("SELECT @@lower_case_table_names")).toBe("1");
  let first: unknown;
  {
    await using kept = await startMysql([], { dataDir, durable: true });
    await using session = await kept.connect();
    first = await session.value(uuid);
    expect(first).not.toBe(await otherSession.value(uuid));
    expect(await session.value("SELECT @@sync_binlog + @@innodb_flush_log_at_trx_commit")).toBe("2");
    await session.run("CREATE DATABASE d; CREATE TABLE d.t SELECT 7 AS seven");
  }
  await using copy = await startMysql([], { copyOf: dataDir });
  await using session = await copy.connect();
  expect(await session.value(uuid)).toBe(first);
  expect(await session.value("SELECT seven FROM d.t")).toBe(7);
});

test("a server that cannot start says why and leaves nothing behind", async ({
  startMysql,
  onTestFinished,
}) => {
  await using dir = await tempDir();
  vi.stubEnv("TMPDIR", dir.path);
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(startMysql(["--no-such-setting=1"])).rejects.toThrow("unknown variable 'no-such-setting=1'");
  expect(await readdir(dir.path)).toEqual([]);
});

describe.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)("when the parent ends by %s", (signal) => {
  test("the server and its data go with it", async ({ skip }) => {
    const missing = await missingMysql();
    skip(missing !== null, `no MySQL: ${missing ?? ""}`);
    const parent = spawn(process.execPath, [join(import.meta.dirname, "server-parent.ts")], {
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const server = JSON.parse(line.toString()) as { readonly pid: number; readonly dataDir: string };
    expect([isAlive(server.pid), await isThere(server.dataDir)]).toEqual([true, true]);
    // A Ctrl-C at a terminal goes to the whole process group.
    const { pid } = parent;
    process.kill(signal === "SIGINT" ? -must(pid, "pid") : must(pid, "pid"), signal);
    await waitFor("the end of mysqld", () => !isAlive(server.pid), { timeoutMs: 5000 });
    await waitFor("the end of its data", async () => !(await isThere(join(server.dataDir, ".."))), {
      timeoutMs: 5000,
    });
  });
});
