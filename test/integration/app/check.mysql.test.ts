import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { handlers } from "../../../src/app/handlers.ts";
import { Lifecycle } from "../../../src/app/lifecycle.ts";
import { Program } from "../../../src/app/program.ts";
import type { Problem } from "../../../src/types/ports.ts";
import { CapturedOutput } from "../../support/captured-output.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** The program with its real commands, on a config that is given as text. */
async function run(
  argv: readonly string[],
  { env = {}, config = "" }: { env?: Record<string, string>; config?: string } = {},
) {
  const out = new CapturedOutput();
  const err = new CapturedOutput();
  const lifecycle = new Lifecycle({ write: (line) => err.write(line), exit: () => undefined });
  const program = new Program({
    ...{ argv, env, hostname: "h", version: "1.2.3", out, err, now: Date.now, lifecycle, handlers },
    readFile: () => Buffer.from(config),
  });
  const exitCode = await program.run();
  return { exitCode, out: out.text, err: err.text };
}

interface CheckJson {
  readonly exitCode: number;
  readonly problems: readonly Problem[];
  readonly tables: readonly {
    readonly table: string;
    readonly columns: unknown;
    readonly rule: number | null;
  }[];
}

const configOf = (database: string, folder: string, more = ""): string =>
  `source: {url: '\${env:URL}', tls: 'off', connectTimeout: 2s}
tables: ['${database}.*']
lake: ${folder}/lake
stateDir: ${folder}/state
overrides: [{tables: ['*.orders'], zeroDates: text}]
trace: ${more === "" ? "off" : more}
`;

const TABLES = [
  "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, at DATETIME(3), price DECIMAL(10,2))",
  "CREATE TABLE log (a INT)",
];

describe("check", () => {
  mysqlTest(
    "finds the problems of tables and folders at once, and what columns become",
    async ({ mysql, database }) => {
      await using dir = await tempDir();
      for (const table of TABLES) await database.run(table);
      const strange = join(dir.path, "lake", database.name, "orders");
      await mkdir(strange, { recursive: true });
      await writeFile(join(strange, "somebody's"), "");
      const env = { URL: mysql.url };
      const text = configOf(database.name, dir.path, "{url: 'http://127.0.0.1:1'}");
      const { out, err } = await run(["check", "--types", "--format", "json"], { env, config: text });
      expect(err).toBe("");
      const { problems, tables } = JSON.parse(out) as CheckJson;
      expect(
        problems.filter(({ table }) => table !== null).map(({ code, table }) => [code, table?.table]),
      ).toEqual([
        ["TABLE_NO_PRIMARY_KEY", "log"],
        ["LAKE_NOT_EMPTY", "orders"],
      ]);
      expect(
        problems.filter(({ code }) => code === "TRACE_UNAVAILABLE").map(({ severity }) => severity),
      ).toEqual(["warning"]);
      expect(tables).toMatchObject([
        { table: "log", columns: null, rule: null },
        {
          table: "orders",
          rule: 0,
          columns: [
            { name: "id", mysql: "bigint unsigned", lake: "DECIMAL(38,0)" },
            { name: "at", mysql: "datetime(3)", lake: "VARCHAR" },
            { name: "price", mysql: "decimal(10,2)", lake: "DECIMAL(38,2)" },
          ],
        },
      ]);
      expect(await readFile(join(strange, "somebody's"), "utf8")).toBe("");
    },
  );

  mysqlTest("a source that does not answer hides no other problem, and may pass by itself", async () => {
    await using dir = await tempDir();
    const env = { URL: "mysql://root:c4nary@127.0.0.1:1" };
    const away = await run(["check", "--format", "json"], { env, config: configOf("x", dir.path) });
    expect(away.exitCode).toBe(75);
    expect((JSON.parse(away.out) as CheckJson).problems.map(({ code }) => code)).toEqual([
      "SOURCE_UNREACHABLE",
    ]);
    await writeFile(join(dir.path, "file"), "");
    const both = await run(["check"], { env, config: configOf("x", join(dir.path, "file")) });
    expect(both.exitCode).toBe(69);
    expect(both.out).toContain("(SOURCE_UNREACHABLE)\n");
    expect(both.out).toContain(`${join(dir.path, "file")} is no folder`);
    expect(both.out + both.err + away.out + away.err).not.toContain("c4nary");
  });
});

describe("new", () => {
  mysqlTest("writes a config that `check` takes, without the password", async ({ mysql, database }) => {
    await using dir = await tempDir();
    for (const table of TABLES) await database.run(table);
    const file = join(dir.path, "t.yaml");
    const source = mysql.url.replace(/\/\/([^:@]*)(:[^@]*)?@/, "//$1:${env:PW}@");
    const password = decodeURIComponent(/\/\/[^:@]*:([^@]*)@/.exec(mysql.url)?.[1] ?? "");
    const argv = ["new", "--source", source, "--tables", `${database.name}.*`, "-o", file];
    const env = { PW: password };
    expect(await run(argv, { env })).toEqual({
      exitCode: 0,
      out: "",
      err: `${file}: 1 table, and 1 behind a # with the reason\nnext: \`tallylake check --config ${file}\`\n`,
    });
    const config = await readFile(file, "utf8");
    expect(config).toContain("\n  password: ${env:PW}\n");
    expect(config).toContain(`\ntables:\n  - ${database.name}.orders`);
    expect(config).toContain(`\n  # - ${database.name}.log\n`);
    const checked = await run(["check", "--format", "json"], { env, config });
    expect((JSON.parse(checked.out) as CheckJson).tables.map(({ table }) => table)).toEqual(["orders"]);
  });
});
