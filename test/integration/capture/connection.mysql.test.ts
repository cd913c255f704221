import { readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { connectMysql } from "../../../src/capture/connection.ts";
import type { SourceTls } from "../../../src/capture/connection-options.ts";
import { StopError } from "../../../src/util/abort.ts";
import { must } from "../../../src/util/assert.ts";
import { SyncError } from "../../../src/util/errors.ts";
import { Secret } from "../../../src/util/secret.ts";
import { CaptureSession, endpointOf } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

const CERTIFICATES = join(import.meta.dirname, "../../fixtures/tls");
const CANARY = "canary-7f3a";

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof StopError) return "stopped";
    if (!(error instanceof SyncError)) throw error;
    // Everything that could be printed of the error, its causes included.
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
    expect(JSON.stringify(error)).not.toContain(CANARY);
    return error.code;
  }
}

mysqlTest(
  "E169 E172 E177: a session is pinned whatever the server's defaults are",
  async ({ startMysql }) => {
    await using server = await startMysql([
      "--sql-mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT",
      "--default-time-zone=-05:00",
      "--character-set-server=latin1",
      "--transaction-isolation=READ-UNCOMMITTED",
      "--completion-type=CHAIN",
      "--lower-case-table-names=0",
      "--sql-generate-invisible-primary-key=ON",
      "--show-gipk-in-create-table-and-information-schema=OFF",
      "--init-connect=SET @x = 1",
      "--wait-timeout=1",
    ]);
    await using admin = await server.connect();
    await admin.run(
      "SET GLOBAL sql_select_limit = 1; SET GLOBAL max_join_size = 1; SET GLOBAL max_execution_time = 60000",
    );
    await admin.run(
      "CREATE DATABASE d; CREATE TABLE d.t (c CHAR(5) CHARACTER SET utf8mb4, at TIMESTAMP); SET time_zone = '+00:00'; INSERT INTO d.t VALUES (_utf8mb4 X'C3A9', '2024-06-01 12:00:00'), ('b', '2024-06-01 12:00:01')",
    );
    await using session = await CaptureSession.open(server.url);
    const { connection } = session;
    expect(await connection.query("SELECT c, at FROM d.t ORDER BY at")).toEqual([
      ["é", "2024-06-01 12:00:00"],
      ["b", "2024-06-01 12:00:01"],
    ]);
    expect(await connection.query("SELECT ?, 'a\\'b', CONCAT('é', ?)", ["x'\\", "日本"])).toEqual([
      ["x'\\", "a'b", "é日本"],
    ]);
    const variables =
      "SELECT @@transaction_isolation, @@completion_type, @@max_execution_time, @@sql_mode, @@time_zone, @@autocommit, @@wait_timeout";
    expect(await connection.query(variables)).toEqual([
      ["REPEATABLE-READ", "NO_CHAIN", "0", "ALLOW_INVALID_DATES", "+00:00", "1", "31536000"],
    ]);
    const facts = await session.facts({ database: "d", table: "t" });
    expect(facts.columns.map((column) => column.name)).toEqual(["my_row_id", "c", "at"]);
    expect(facts.key).toEqual([{ column: "my_row_id", prefix: null }]);
  },
);

mysqlTest("a user without any grant gets the same session", async ({ mysql, database }) => {
  const user = `u_${database.name.slice(-10)}`;
  await database.run(`CREATE USER ${user}@'%' IDENTIFIED BY '${CANARY}'`);
  try {
    await using session = await CaptureSession.open(mysql.url, { user, password: new Secret(CANARY) });
    expect(await session.connection.query("SELECT @@sql_mode")).toEqual([["ALLOW_INVALID_DATES"]]);
    expect(await codeOf(session.connection.query(`SELECT * FROM ${database.name}.t`))).toBe(
      "SOURCE_GRANT_MISSING",
    );
  } finally {
    await database.run(`DROP USER ${user}@'%'`);
  }
});

mysqlTest("errors of a login have their codes and hide the password", async ({ mysql }) => {
  const password = new Secret(CANARY);
  expect(await codeOf(connectMysql(endpointOf(mysql.url, { user: "nobody", password })))).toBe(
    "SOURCE_ACCESS_DENIED",
  );
  expect(await codeOf(connectMysql(endpointOf(mysql.url, { host: "host.invalid", password })))).toBe(
    "SOURCE_UNREACHABLE",
  );
});

test("a server that is not there, and one that never answers, are unreachable", async () => {
  const silent = net.createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = must(silent.address() as net.AddressInfo | null, "an address");
  const endpoint = endpointOf(`mysql://root@127.0.0.1:${port}`, { connectTimeoutMs: 100 });
  try {
    expect(await codeOf(connectMysql(endpoint))).toBe("SOURCE_UNREACHABLE");
  } finally {
    await new Promise((resolve) => silent.close(resolve));
  }
  expect(await codeOf(connectMysql(endpoint))).toBe("SOURCE_UNREACHABLE");
});

test("a peer that is no MySQL server is unreachable", async () => {
  const web = net.createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  const { port } = must(web.address() as net.AddressInfo | null, "an address");
  try {
    const endpoint = endpointOf(`mysql://root@127.0.0.1:${port}`, { connectTimeoutMs: 500 });
    expect(await codeOf(connectMysql(endpoint))).toBe("SOURCE_UNREACHABLE");
  } finally {
    await new Promise((resolve) => web.close(resolve));
  }
});

mysqlTest("errors of statements", async ({ mysql, database }) => {
  await using session = await CaptureSession.open(mysql.url);
  const { connection } = session;
  expect(await codeOf(connection.query("SELEC 1"))).toBe("SOURCE_QUERY_FAILED");
  expect(await codeOf(connection.query(`SELECT 1 FROM ${database.name}.absent`))).toBe("TABLE_ABSENT");
  await connection.ping();
  await database.run(`KILL ${connection.threadId}`);
  expect(await codeOf(connection.ping())).toBe("SOURCE_CONNECTION_LOST");
  expect(await codeOf(connection.query("SELECT 1"))).toBe("SOURCE_CONNECTION_LOST");
});

/** A result that takes hours to read and comes from the first moment on. */
async function endless(database: TestDatabase): Promise<string> {
  await database.run("CREATE TABLE n (n INT PRIMARY KEY)");
  await database.run(`INSERT INTO n VALUES ${Array.from({ length: 1000 }, (_, i) => `(${i})`).join(", ")}`);
  const tables = ["a", "b", "c"].map((alias) => `${database.name}.n ${alias}`).join(", ");
  return `SELECT REPEAT('x', 1000) FROM ${tables}`;
}

mysqlTest(
  "a read ends at once by abort, by kill, or by an error of its handler",
  async ({ mysql, database }) => {
    const sql = await endless(database);
    const abort = new AbortController();
    await using first = await CaptureSession.open(mysql.url);
    const aborted = first.connection.readPackets(
      sql,
      () => {
        abort.abort();
        return null;
      },
      abort.signal,
    );
    expect(await codeOf(aborted)).toBe("stopped");
    await using second = await CaptureSession.open(mysql.url);
    let killed = false;
    const lost = second.connection.readPackets(sql, () => {
      if (!killed) void database.run(`KILL ${second.connection.threadId}`);
      killed = true;
      return null;
    });
    expect(await codeOf(lost)).toBe("SOURCE_CONNECTION_LOST");
    await using third = await CaptureSession.open(mysql.url);
    const failing = third.connection.readPackets(sql, () => {
      throw new RangeError("of the handler");
    });
    await expect(failing).rejects.toThrow("of the handler");
    await using fourth = await CaptureSession.open(mysql.url);
    const rejected = fourth.connection.readPackets(sql, () =>
      Promise.reject(new RangeError("while waiting")),
    );
    await expect(rejected).rejects.toThrow("while waiting");
  },
);

mysqlTest("a read that waits ends by abort and by destroy as well", async ({ mysql, database }) => {
  const sql = await endless(database);
  const never = new Promise<void>(() => undefined);
  for (const way of ["abort", "destroy"] as const) {
    await using session = await CaptureSession.open(mysql.url);
    const abort = new AbortController();
    const read = session.connection.readPackets(
      sql,
      () => {
        setImmediate(() => {
          if (way === "abort") abort.abort();
          else session.connection.destroy();
        });
        return never;
      },
      abort.signal,
    );
    expect(await codeOf(read)).toBe(way === "abort" ? "stopped" : "SOURCE_CONNECTION_LOST");
  }
});

mysqlTest("certificates are checked against the name or the address", async ({ startMysql }) => {
  const file = (name: string): string => join(CERTIFICATES, name);
  await using server = await startMysql([
    `--ssl-ca=${file("ca.pem")}`,
    `--ssl-cert=${file("server-name.pem")}`,
    `--ssl-key=${file("server-name.key")}`,
    "--require-secure-transport=ON",
  ]);
  const ca = readFileSync(file("ca.pem"), "utf8");
  const verify: SourceTls = { mode: "verify", ca, cert: null, key: null };
  const connect = async (host: string, tls: SourceTls): Promise<string> => {
    await using session = await CaptureSession.open(server.url, { host, tls });
    expect(session.connection.encrypted).toBe(true);
    const [row] = await session.connection.query("SHOW STATUS LIKE 'Ssl_version'");
    return row?.[1] ?? "";
  };
  expect(await connect("localhost", verify)).toBe("TLSv1.3");
  expect(await codeOf(connect("127.0.0.1", verify))).toBe("SOURCE_TLS");
  expect(await connect("127.0.0.1", { ...verify, ca: null, mode: "insecure" })).toBe("TLSv1.3");
  expect(await codeOf(connect("localhost", { ...verify, ca: null }))).toBe("SOURCE_TLS");
  expect(await codeOf(connectMysql(endpointOf(server.url)))).toBe("SOURCE_TLS");
  const { connection } = await CaptureSession.open(server.url, { host: "localhost", tls: verify });
  await connection.query(
    `SET GLOBAL ssl_cert = '${file("server-ip.pem")}', GLOBAL ssl_key = '${file("server-ip.key")}'`,
  );
  await connection.query("ALTER INSTANCE RELOAD TLS");
  await connection.close();
  expect(await connect("127.0.0.1", verify)).toBe("TLSv1.3");
  expect(await codeOf(connect("localhost", verify))).toBe("SOURCE_TLS");
});
