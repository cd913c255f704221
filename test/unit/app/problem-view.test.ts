import { describe, expect, test } from "vitest";
import { runCheck } from "../../../src/app/check.ts";
import type { CommandContext } from "../../../src/app/command.ts";
import { Lifecycle } from "../../../src/app/lifecycle.ts";
import {
  checkExitCode,
  checkJson,
  renderCheck,
  type CheckedTable,
  type CheckResult,
} from "../../../src/app/problem-view.ts";
import type { Problem } from "../../../src/types/ports.ts";
import type { Column, TableSchema } from "../../../src/types/table-schema.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { CapturedOutput } from "../../support/captured-output.ts";

const orders = { database: "shop", table: "orders" };
const problem = (
  severity: Problem["severity"],
  table: Problem["table"],
  message: string,
  hint: string,
): Problem => ({
  ...{ code: table === null ? "SOURCE_SETTING" : "TABLE_NO_PRIMARY_KEY", table, message, hint, severity },
});

const PROBLEMS: readonly Problem[] = [
  problem("warning", orders, "orders has a \u001b[2Jname", "nothing to do"),
  problem(
    "error",
    { database: "shop", table: "log" },
    "shop.log has no primary key",
    "ALTER TABLE `shop`.`log` ADD PRIMARY KEY (`id`)",
  ),
  problem(
    "error",
    null,
    "binlog_row_metadata is MINIMAL, and must be FULL for the names of columns to be in the binlog",
    "SET PERSIST binlog_row_metadata = 'FULL';\nSET PERSIST binlog_row_image = 'FULL';",
  ),
  problem("warning", null, "binlogs are kept for 1 hour", "SET PERSIST binlog_expire_logs_seconds = 259200"),
  problem("error", orders, "shop.orders has a second problem", "do this"),
  problem("warning", { database: "crm", table: "a" }, "crm.a has no rows", "nothing to do"),
];

const column = (name: string, mysqlType: string, type: Column["type"]): Column => ({ name, mysqlType, type });
const SCHEMA: TableSchema = {
  id: orders,
  columns: [
    column("id", "bigint unsigned", { kind: "int", bytes: 8, unsigned: true }),
    column("price", "decimal(10,2)", { kind: "decimal", precision: 10, scale: 2 }),
    column("big", "decimal(60,2)", { kind: "decimal", precision: 60, scale: 2 }),
    column("created_at", "datetime(3)", { kind: "datetime", fsp: 3 }),
    column("名", "varchar(20)", { kind: "text", form: "varchar", charset: "utf8mb4" }),
  ],
  primaryKey: ["id"],
  version: "v",
};
const TABLE: CheckedTable = {
  id: orders,
  schema: SCHEMA,
  rowsEstimated: 300_000,
  buckets: 4,
  zeroDates: "null",
  rule: null,
};
const BARE: CheckedTable = {
  ...{
    id: { database: "shop", table: "log" },
    schema: null,
    rowsEstimated: null,
    buckets: null,
    zeroDates: "text",
    rule: 1,
  },
};

const RESULT: CheckResult = {
  subjects: [
    ["source", "repl@db:3306, MySQL 9.7.4, TLS verify"],
    ["lake", "/data/lake"],
  ],
  tables: [TABLE, BARE],
  problems: PROBLEMS,
};
const render = (result: Partial<CheckResult>, types = false, width = 80): string =>
  renderCheck({ ...RESULT, ...result }, { width, types, paint: plainPaint });

describe("text", () => {
  test("all problems at once: the source first, errors before warnings, each with its remedy", () => {
    expect(render({})).toBe(`source  repl@db:3306, MySQL 9.7.4, TLS verify
lake    /data/lake

source, lake and trace store
  error    binlog_row_metadata is MINIMAL, and must be FULL for the names of
           columns to be in the binlog (SOURCE_SETTING)
  fix      SET PERSIST binlog_row_metadata = 'FULL';
           SET PERSIST binlog_row_image = 'FULL';
  warning  binlogs are kept for 1 hour (SOURCE_SETTING)
  fix      SET PERSIST binlog_expire_logs_seconds = 259200

shop.log
  error    shop.log has no primary key (TABLE_NO_PRIMARY_KEY)
  fix      ALTER TABLE \`shop\`.\`log\` ADD PRIMARY KEY (\`id\`)

shop.orders
  error    shop.orders has a second problem (TABLE_NO_PRIMARY_KEY)
  fix      do this
  warning  orders has a \\u001b[2Jname (TABLE_NO_PRIMARY_KEY)
  fix      nothing to do

crm.a
  warning  crm.a has no rows (TABLE_NO_PRIMARY_KEY)
  fix      nothing to do

3 errors, 3 warnings: fix them, then run \`tallylake check\` again
`);
  });

  test("types: what every column becomes, with a word on DATETIME", () => {
    expect(render({ problems: [] }, true)).toBe(`source  repl@db:3306, MySQL 9.7.4, TLS verify
lake    /data/lake

shop.orders  key id · ~300,000 rows · 4 buckets
  column      MySQL            lake
  id          bigint unsigned  DECIMAL(38,0)
  price       decimal(10,2)    DECIMAL(38,2)
  big         decimal(60,2)    VARCHAR
  created_at  datetime(3)      TIMESTAMPTZ *
  名          varchar(20)      VARCHAR as _x540D_

shop.log  overrides[1]
  its columns are not known; see its problems

* DATETIME has no time zone in MySQL and is stored as if it were UTC. Spark
shows it in the zone of its session: set spark.sql.session.timeZone=UTC there.
\`tallylake query\` shows it unchanged.

ok: 2 tables can be kept exactly; next: \`tallylake init\`
`);
  });

  test("C119: the index that is the key is named, where it is not the primary key", () => {
    const keyIndex = { name: "by code", prefixes: [0] };
    const tables = [{ ...TABLE, schema: { ...SCHEMA, keyIndex } }];
    expect(render({ problems: [], tables }, true)).toContain("shop.orders  key id by the index by code · ");
    const json = JSON.parse(checkJson({ ...RESULT, tables }, { types: true })) as {
      readonly tables: readonly { readonly keyIndex?: string; readonly columns: readonly object[] }[];
    };
    expect([json.tables[0]?.keyIndex, json.tables[0]?.columns.at(-1)]).toEqual([
      "by code",
      { name: "名", mysql: "varchar(20)", lake: "VARCHAR", avro: "string", lakeName: "_x540D_" },
    ]);
  });

  test("no word on DATETIME where it becomes text", () => {
    const asText = render({ problems: [], tables: [{ ...TABLE, zeroDates: "text", buckets: 1 }] }, true);
    expect(asText).toContain("1 bucket\n");
    expect(asText).toContain("  created_at  datetime(3)      VARCHAR\n");
    expect(asText).not.toContain("DATETIME has no");
  });

  test("warnings alone keep nobody from starting", () => {
    const problems = PROBLEMS.slice(3, 4);
    expect(
      render({ problems, tables: [TABLE] })
        .split("\n")
        .at(-2),
    ).toBe("ok: 1 table can be kept exactly, 1 warning; next: `tallylake init`");
  });
});

test("exit codes", () => {
  const code = (problems: readonly Problem[]): number => checkExitCode({ ...RESULT, problems });
  expect(code([])).toBe(0);
  expect(code(PROBLEMS.filter(({ severity }) => severity === "warning"))).toBe(0);
  expect(code(PROBLEMS.filter(({ table }) => table !== null))).toBe(1);
  expect(code(PROBLEMS)).toBe(69);
  const away: Problem = { ...problem("error", null, "m", "h"), code: "SOURCE_UNREACHABLE" };
  expect(code([away])).toBe(75);
  expect(code([away, ...PROBLEMS])).toBe(69);
  expect(code([{ ...away, code: "hasOwnProperty" }])).toBe(69);
});

test("JSON", () => {
  const { problems, ...rest } = JSON.parse(
    checkJson(
      {
        ...RESULT,
        tables: [{ ...TABLE, schema: { ...SCHEMA, columns: SCHEMA.columns.slice(1, 3) } }, BARE],
      },
      { types: true },
    ),
  ) as Record<string, unknown>;
  expect(problems).toEqual(PROBLEMS);
  expect(rest).toEqual({
    ok: false,
    exitCode: 69,
    subjects: { source: "repl@db:3306, MySQL 9.7.4, TLS verify", lake: "/data/lake" },
    tables: [
      {
        ...{
          database: "shop",
          table: "orders",
          rowsEstimated: 300_000,
          buckets: 4,
          zeroDates: "null",
          rule: null,
        },
        primaryKey: ["id"],
        columns: [
          {
            name: "price",
            mysql: "decimal(10,2)",
            lake: "DECIMAL(38,2)",
            avro: { decimal: { precision: 38, scale: 2 } },
          },
          { name: "big", mysql: "decimal(60,2)", lake: "VARCHAR", avro: "string" },
        ],
      },
      {
        ...{ database: "shop", table: "log", rowsEstimated: null, buckets: null, zeroDates: "text", rule: 1 },
        primaryKey: null,
        columns: null,
      },
    ],
  });
  const plain = JSON.parse(checkJson({ ...RESULT, problems: [] }, { types: false })) as Record<
    string,
    unknown
  >;
  expect(plain).toMatchObject({ ok: true, exitCode: 0, problems: [] });
  expect(plain["tables"]).toEqual([
    { database: "shop", table: "orders", rowsEstimated: 300_000, buckets: 4, zeroDates: "null", rule: null },
    { database: "shop", table: "log", rowsEstimated: null, buckets: null, zeroDates: "text", rule: 1 },
  ]);
});

test("the command prints to stdout and gives the exit code", async () => {
  const out = new CapturedOutput();
  const lifecycle = new Lifecycle({ write: () => undefined, exit: () => undefined });
  const context = { out, lifecycle, paint: plainPaint } as unknown as CommandContext;
  expect(await runCheck(context, { types: false, format: "text" }, async () => RESULT)).toBe(69);
  expect(out.text).toBe(render({}));
  const json = new CapturedOutput();
  expect(await runCheck({ ...context, out: json }, { types: true, format: "json" }, async () => RESULT)).toBe(
    69,
  );
  expect(json.text).toBe(checkJson(RESULT, { types: true }));
});
