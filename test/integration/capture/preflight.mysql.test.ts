import { BY_PRIMARY_KEY, type KeyChoice } from "../../../src/types/key-choice.ts";
import { expect } from "vitest";
import { preflight, type PreflightOptions } from "../../../src/capture/preflight.ts";
import type { Problem } from "../../../src/types/ports.ts";
import { parseTablePattern } from "../../../src/types/table-pattern.ts";
import type { SourceEndpoint } from "../../../src/capture/connection-options.ts";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { TestDatabase, TestMysql } from "../../support/test-mysql.ts";

interface Run {
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly host?: string;
  readonly decimalsAsText?: readonly string[];
  readonly login?: Partial<SourceEndpoint>;
  readonly keys?: Partial<KeyChoice>;
}

async function problemsOf(mysql: TestMysql, run: Run): Promise<readonly Problem[]> {
  await using session = await CaptureSession.open(mysql.url, run.login ?? {});
  const options: PreflightOptions = {
    include: run.include.map(parseTablePattern),
    exclude: (run.exclude ?? []).map(parseTablePattern),
    host: run.host ?? "localhost",
    choices: () => ({ decimalsAsText: run.decimalsAsText ?? [], ...BY_PRIMARY_KEY, ...run.keys }),
  };
  return (await preflight(session.connection, options)).problems;
}

/** What is wrong with tables and grants; the settings of a shared server are not the test's. */
async function tableProblems(mysql: TestMysql, run: Run): Promise<readonly string[]> {
  const problems = await problemsOf(mysql, run);
  return problems
    .filter(({ code }) => code !== "SOURCE_SETTING" && code !== "SOURCE_XA_OPEN")
    .map(({ severity, code, message }) => `${severity} ${code} ${message}`);
}

mysqlTest("a server and tables as they should be have no problems", async ({ startMysql }) => {
  await using server = await startMysql([
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--binlog-row-value-options=PARTIAL_JSON",
  ]);
  await using admin = await server.connect();
  await admin.run("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)");
  expect(await problemsOf(server, { include: ["shop.*"] })).toEqual([]);
});

mysqlTest(
  "A17 A48 A59 A62: all settings that are wrong are listed at once, each with what fixes it",
  async ({ startMysql }) => {
    await using server = await startMysql([
      "--binlog-format=MIXED",
      "--binlog-row-image=MINIMAL",
      "--binlog-row-metadata=MINIMAL",
      "--gtid-mode=OFF",
      "--enforce-gtid-consistency=OFF",
      "--binlog-transaction-compression=ON",
      "--binlog-order-commits=OFF",
      "--binlog-expire-logs-seconds=600",
      "--binlog-ignore-db=shop",
      "--innodb-native-foreign-keys=ON",
    ]);
    await using admin = await server.connect();
    await admin.run(
      "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE TABLE shop.u (id INT PRIMARY KEY, t INT, FOREIGN KEY f (t) REFERENCES shop.t (id) ON DELETE CASCADE)",
    );
    const problems = await problemsOf(server, { include: ["shop.u"], host: "db.example" });
    expect(problems.map((p) => [p.severity, p.code, p.message.split(":")[0], p.hint.split(";")[0]])).toEqual([
      [
        "warning",
        "SOURCE_TLS",
        "the connection to db.example is not encrypted",
        "set source.tls to `verify`",
      ],
      ["error", "SOURCE_SETTING", "binlog_format is MIXED", "SET PERSIST binlog_format = 'ROW'"],
      ["error", "SOURCE_SETTING", "binlog_row_image is MINIMAL", "SET PERSIST binlog_row_image = 'FULL'"],
      [
        "error",
        "SOURCE_SETTING",
        "binlog_row_metadata is MINIMAL",
        "SET PERSIST binlog_row_metadata = 'FULL'",
      ],
      [
        "error",
        "SOURCE_SETTING",
        "enforce_gtid_consistency is OFF",
        "SET PERSIST enforce_gtid_consistency = WARN",
      ],
      ["error", "SOURCE_SETTING", "gtid_mode is OFF", "SET PERSIST gtid_mode = OFF_PERMISSIVE"],
      ["error", "SOURCE_SETTING", "binlog_order_commits is OFF", "SET PERSIST binlog_order_commits = ON"],
      ["warning", "SOURCE_SETTING", "sync_binlog is 0", "SET PERSIST sync_binlog = 1"],
      [
        "warning",
        "SOURCE_SETTING",
        "innodb_flush_log_at_trx_commit is 2",
        "SET PERSIST innodb_flush_log_at_trx_commit = 1",
      ],
      [
        "error",
        "SOURCE_SETTING",
        "binlog_expire_logs_seconds keeps the binlog for 10m00s only",
        "SET PERSIST binlog_expire_logs_seconds = 604800",
      ],
      [
        "error",
        "SOURCE_SETTING",
        "binlog-ignore-db keeps the database shop out of the binlog",
        "remove binlog-ignore-db from the server's configuration and restart it",
      ],
      [
        "error",
        "TABLE_FOREIGN_KEY_CASCADE",
        "changes of shop.t change rows of shop.u by the foreign key u_ibfk_1 (DELETE CASCADE), and the binlog does not show them",
        "SET PERSIST_ONLY innodb_native_foreign_keys = OFF",
      ],
    ]);
    // What the hints say works: the statements of those that can be changed while the server runs.
    for (const { hint } of problems.filter((p) => p.hint.startsWith("SET PERSIST "))) {
      await admin.run(hint.replaceAll(/-- .*?(, then|$)/g, ""));
    }
    const left = await problemsOf(server, { include: ["shop.u"] });
    expect(left.map((p) => p.message.split(" ")[0])).toEqual(["binlog-ignore-db", "changes"]);
  },
);

mysqlTest("a server without a binlog", async ({ startMysql }) => {
  await using server = await startMysql([
    "--skip-log-bin",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
  ]);
  await using admin = await server.connect();
  await admin.run("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)");
  const problems = await problemsOf(server, { include: ["shop.*"] });
  expect(problems.map((p) => `${p.code} ${p.message}`)).toEqual([
    "SOURCE_BINLOG_OFF log_bin is OFF: without a binlog there are no changes to follow",
    "SOURCE_SETTING log_replica_updates is OFF: changes that this server gets by replication are not in its binlog",
  ]);
});

mysqlTest("C118 C119 C120: everything that is wrong with tables is listed", async ({ mysql, database }) => {
  const d = database.name;
  await database.run(`
    CREATE TABLE fine (id INT PRIMARY KEY, e ENUM('a') CHARACTER SET latin1);
    CREATE TABLE keyless (id INT UNIQUE, v INT NOT NULL, UNIQUE KEY w ((v + 1)), UNIQUE KEY x (v) INVISIBLE);
    CREATE TABLE myisam (id INT PRIMARY KEY) ENGINE = MyISAM;
    CREATE TABLE odd (f FLOAT, t TEXT, g POINT, x VARCHAR(5) CHARACTER SET utf16, n DECIMAL(39,1), v VECTOR(2), _tl_seq INT, \`a b\` INT, PRIMARY KEY (f, t(3)));
    CREATE VIEW v AS SELECT * FROM fine`);
  const include = [`${d}.*`, `${d}.v`, `${d}.absent`, "nowhere.*"];
  expect(await tableProblems(mysql, { include })).toEqual([
    `error TABLE_ABSENT ${d}.absent does not exist, or this user has no grant on it`,
    "warning SOURCE_NO_TABLES no table that this user may see matches nowhere.*",
    `error TABLE_NO_PRIMARY_KEY ${d}.keyless has no primary key: its rows cannot be told apart`,
    `error TABLE_ENGINE_UNSUPPORTED ${d}.myisam is stored by MyISAM: its snapshot cannot be exact, because only InnoDB gives a read view`,
    `error TABLE_TYPE_UNSUPPORTED ${d}.odd.n is decimal(39,1), and the decimals of the lake have 38 digits`,
    `error TABLE_ABSENT ${d}.v is a view: the binlog has no rows of it`,
  ]);
  expect(await tableProblems(mysql, { include: [`${d}.f*`], exclude: [`${d}.none`] })).toEqual([]);
  const keyless = (keys: Run["keys"]) =>
    tableProblems(mysql, { include: [`${d}.keyless`], ...(keys === undefined ? {} : { keys }) });
  expect(await keyless({ withoutPrimaryKey: "unique" })).toEqual([
    `error TABLE_NO_PRIMARY_KEY ${d}.keyless has no primary key, and no unique index that could stand in for it (id: id may be NULL; w: it is over an expression; x: it is invisible)`,
  ]);
  expect(await keyless({ key: ["v"] })).toEqual([
    `error TABLE_KEY_UNSUPPORTED ${d}.keyless has no unique index that tells its rows apart by just (v), which the config names as its key (x: it is invisible)`,
  ]);
  expect(await tableProblems(mysql, { include: ["nowhere.*"] })).toEqual([
    "error SOURCE_NO_TABLES no table that this user may see matches nowhere.*",
  ]);
});

mysqlTest("open XA transactions are shown", async ({ startMysql }) => {
  await using server = await startMysql([
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--binlog-row-value-options=PARTIAL_JSON",
  ]);
  await using admin = await server.connect();
  await admin.run(
    "CREATE DATABASE shop; USE shop; CREATE TABLE t (id INT PRIMARY KEY); XA START 'a'; INSERT INTO t VALUES (1); XA END 'a'; XA PREPARE 'a'",
  );
  const problems = await problemsOf(server, { include: ["shop.*"] });
  expect(problems.map(({ severity, code, message }) => [severity, code, message])).toEqual([
    [
      "warning",
      "SOURCE_XA_OPEN",
      "1 prepared XA transactions are open, and a snapshot waits for their end: X'61',X'',1",
    ],
  ]);
});

const GRANTS = ["REPLICATION SLAVE", "REPLICATION CLIENT", "XA_RECOVER_ADMIN"];

interface Account extends AsyncDisposable {
  readonly login: Partial<SourceEndpoint>;
  /** As problems show it. */
  readonly shown: string;
  readonly quoted: string;
}

async function account(database: TestDatabase): Promise<Account> {
  const user = `a_${database.name.slice(-10)}`;
  await database.run(`CREATE USER ${user}@'%'`);
  return {
    login: { user },
    shown: `${user}@%`,
    quoted: `\`${user}\`@\`%\``,
    [Symbol.asyncDispose]: async () => {
      await database.run(`DROP USER ${user}@'%'`);
    },
  };
}

mysqlTest(
  "E171: the documented grants suffice, and each one that is missing is named",
  async ({ mysql, database }) => {
    const d = database.name;
    await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE u (id INT PRIMARY KEY)");
    await using user = await account(database);
    const { login, quoted, shown } = user;
    const run: Run = { include: [`${d}.t`], login };
    await database.run(`GRANT SELECT ON ${d}.t TO ${quoted}; GRANT ${GRANTS.join(", ")} ON *.* TO ${quoted}`);
    expect(await tableProblems(mysql, run)).toEqual([]);
    const messages: Readonly<Record<string, string>> = {
      "REPLICATION SLAVE": `error SOURCE_GRANT_MISSING ${shown} lacks REPLICATION SLAVE: the binlog cannot be read`,
      "REPLICATION CLIENT": `error SOURCE_GRANT_MISSING ${shown} lacks REPLICATION CLIENT: the position of the binlog is not known`,
      XA_RECOVER_ADMIN: `error SOURCE_GRANT_MISSING ${shown} lacks XA_RECOVER_ADMIN: prepared XA transactions are not seen, and a snapshot would lose their rows`,
    };
    for (const grant of GRANTS) {
      await database.run(`REVOKE ${grant} ON *.* FROM ${quoted}`);
      expect(await tableProblems(mysql, run)).toEqual([messages[grant]]);
      // The hint is the statement that mends it.
      const problem = (await problemsOf(mysql, run)).find(({ code }) => code === "SOURCE_GRANT_MISSING");
      await database.run(problem?.hint ?? "");
      expect(await tableProblems(mysql, run)).toEqual([]);
    }
    await database.run(`REVOKE SELECT ON ${d}.t FROM ${quoted}`);
    const absent = `error TABLE_ABSENT ${d}.t does not exist, or this user has no grant on it`;
    expect(await tableProblems(mysql, run)).toEqual([absent]);
  },
);

mysqlTest("partial grants on a table are not enough", async ({ mysql, database }) => {
  const d = database.name;
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, v INT, hidden INT INVISIBLE)");
  await using user = await account(database);
  const { login, quoted, shown } = user;
  const run: Run = { include: [`${d}.t`], login };
  await database.run(`GRANT ${GRANTS.join(", ")} ON *.* TO ${quoted}; GRANT INSERT ON ${d}.t TO ${quoted}`);
  const lacks = (what: string) => [`error SOURCE_GRANT_MISSING ${shown} lacks ${what} of ${d}.t`];
  expect(await tableProblems(mysql, run)).toEqual(lacks("SELECT"));
  await database.run(`REVOKE INSERT ON ${d}.t FROM ${quoted}; GRANT SELECT (id, v) ON ${d}.t TO ${quoted}`);
  expect(await tableProblems(mysql, run)).toEqual(lacks("SELECT on all columns"));
  const [problem] = (await problemsOf(mysql, run)).filter(({ code }) => code === "SOURCE_GRANT_MISSING");
  await database.run(problem?.hint ?? "");
  expect(await tableProblems(mysql, run)).toEqual([]);
});

mysqlTest("grants by a role count, and partial revokes do", async ({ startMysql }) => {
  await using server = await startMysql([
    "--partial-revokes=ON",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
  ]);
  await using admin = await server.connect();
  await admin.run(
    `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); CREATE ROLE reader; CREATE USER u DEFAULT ROLE reader;
     GRANT SELECT, ${GRANTS.join(", ")} ON *.* TO reader`,
  );
  const run: Run = { include: ["shop.t"], login: { user: "u" } };
  expect(await problemsOf(server, run)).toEqual([]);
  await admin.run(
    "GRANT SELECT ON *.* TO u; REVOKE SELECT ON *.* FROM reader; REVOKE SELECT ON shop.* FROM u",
  );
  expect((await problemsOf(server, run)).map(({ code }) => code)).toEqual(["TABLE_ABSENT"]);
});
