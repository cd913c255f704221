import { afterAll, expect } from "vitest";
import type { Problem } from "../../src/types/ports.ts";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { ClickHouseBridge } from "../support/clickhouse-bridge.ts";
import { mysqlTest as test } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { readmeGrants } from "../support/readme-grants.ts";
import { tempDir } from "../support/temp-dir.ts";
import { remedyIn } from "../support/tool-run.ts";

const oracle = Oracle.open();
afterAll(async () => (await oracle)[Symbol.asyncDispose]());

const GRANTS = readmeGrants("MySQL");

const REPORT = ["report", "--deep"];

interface Missing {
  readonly revoke: string;
  /** Of `check`, `init` and `follow`. */
  readonly message: string;
  readonly grant: string;
  /** Whether the report, which needs less, goes without. */
  readonly isNeededByReport: boolean;
}

const MISSING: readonly Missing[] = [
  {
    revoke: "REVOKE REPLICATION SLAVE ON *.*",
    message: "U lacks REPLICATION SLAVE: the binlog cannot be read",
    grant: "GRANT REPLICATION SLAVE ON *.* TO `U`@`%`;",
    isNeededByReport: false,
  },
  {
    revoke: "REVOKE REPLICATION CLIENT ON *.*",
    message: "U lacks REPLICATION CLIENT: the position of the binlog is not known",
    grant: "GRANT REPLICATION CLIENT ON *.* TO `U`@`%`;",
    isNeededByReport: true,
  },
  {
    revoke: "REVOKE XA_RECOVER_ADMIN ON *.*",
    message:
      "U lacks XA_RECOVER_ADMIN: prepared XA transactions are not seen, and a snapshot would lose their rows",
    grant: "GRANT XA_RECOVER_ADMIN ON *.* TO `U`@`%`;",
    isNeededByReport: false,
  },
];

test("the documented grants suffice for every command, and each that is missing is named with its statement", async ({
  mysql,
}) => {
  expect(GRANTS).toHaveLength(2);
  await using folder = await tempDir();
  await using bridge = await ClickHouseBridge.start(folder.path);
  const trace = { url: bridge.url, user: bridge.user, password: "${env:TRACE}", database: "grants" };
  const user = `grants_${process.pid.toString(36)}`;
  const config = { url: mysql.url.replace("root@", `${user}@`), more: `trace: ${JSON.stringify(trace)}\n` };
  const sql = ["t", "u"]
    .map(
      (name) =>
        `CREATE TABLE ${name} (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO ${name} VALUES (1, 'a')`,
    )
    .join("; ");
  const env = { TRACE: bridge.password };
  await using day = await BadDay.begin({ server: mysql, oracle: await oracle, sql, config, env });
  await day.sql(`CREATE USER ${user}`);
  for (const grant of GRANTS)
    await day.sql(grant.replace("shop.*", `${day.database}.*`).replace("TO tallylake", `TO ${user}`));
  for (const args of [["check"], INIT, CATCH_UP, REPORT, ["status"]])
    expect([args, await day.outcome(args)]).toEqual([args, [0]]);
  const shown = (text: string | number): string =>
    day
      .anonymous(String(text))
      .replaceAll(`${user}@%`, "U")
      .replaceAll(user, "U")
      .replaceAll(/ at [\d.]+:\d+/g, "");
  await day.sql("UPDATE t SET v = 'b'");
  expect(await day.wrong("t", "u")).toEqual([]);
  for (const { revoke, message, grant, isNeededByReport } of MISSING) {
    await day.sql(`${revoke} FROM ${user}`);
    const told = `SOURCE_GRANT_MISSING ${message}`;
    const check = await day.run(["check", "--format", "json"]);
    const { problems } = JSON.parse(check.out) as { problems: readonly Problem[] };
    const errors = problems.filter(({ severity }) => severity === "error");
    expect([check.exitCode, ...errors.map((one) => shown(`${one.code} ${one.message}`))]).toEqual([69, told]);
    for (const args of [INIT, CATCH_UP]) {
      const end = await day.run(args);
      expect(day.told(end).map(shown)).toEqual(["69", told]);
      expect(shown(remedyIn(end))).toBe(grant);
    }
    const report = await day.run(REPORT);
    expect(day.told(report).map(shown)).toEqual(isNeededByReport ? ["69", told] : ["0"]);
    if (isNeededByReport) expect(shown(remedyIn(report))).toBe(grant);
    // The statement is one that mends it.
    await day.sql(errors[0]?.hint ?? "");
    expect(await day.outcome(["check"])).toEqual([0]);
  }
  await day.sql("INSERT INTO t VALUES (2, 'c'); INSERT INTO u VALUES (2, 'c')");
  await day.sql(
    `REVOKE SELECT ON ${day.database}.* FROM ${user}; GRANT SELECT ON ${day.database}.u TO ${user}`,
  );
  const gone =
    "TABLE_ABSENT d.t is in the lake, and the source does not have it, or does not show it to this user";
  const follow = await day.run(CATCH_UP);
  expect(day.told(follow)).toEqual([1, gone, gone]);
  expect(shown(remedyIn(follow))).toBe(
    "GRANT SELECT ON `d`.`t` TO `U`@`%`; or leave the table out with `exclude` if it was dropped",
  );
  expect(await day.different("u")).toEqual([]);
  await day.configure({ tables: ["t", "u"].map((table) => `${day.database}.${table}`) });
  const absent = "TABLE_ABSENT d.t does not exist, or this user has no grant on it";
  const init = await day.run(INIT);
  expect(day.told(init)).toEqual([1, absent]);
  expect(shown(remedyIn(init))).toBe("check the name; if it is right: GRANT SELECT ON `d`.`t` TO `U`@`%`;");
  const report = await day.run(REPORT);
  expect(day.told(report).map(shown)).toEqual(["69", "SOURCE_GRANT_MISSING U lacks SELECT on d.t"]);
  expect(shown(remedyIn(report))).toBe("GRANT SELECT ON `d`.`t` TO `U`@`%`;");
  await day.sql(remedyIn(report));
  expect(await day.wrong("t", "u")).toEqual([]);
  expect(await day.outcome(REPORT)).toEqual([0]);
  await day.sql(`DROP USER ${user}`);
});
