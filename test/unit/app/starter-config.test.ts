import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BaseContext, NewOptions } from "../../../src/app/command.ts";
import { parseConfig } from "../../../src/app/config.ts";
import { Lifecycle } from "../../../src/app/lifecycle.ts";
import { runNew, writeStarterConfig, type NewSource } from "../../../src/app/new.ts";
import { starterConfig, type DiscoveredTable, type StarterOptions } from "../../../src/app/starter-config.ts";
import type { Problem } from "../../../src/types/ports.ts";
import { matchesTable, parseTablePattern } from "../../../src/types/table-pattern.ts";
import { CapturedOutput } from "../../support/captured-output.ts";
import { tempDir } from "../../support/temp-dir.ts";

const CANARY = "c4nary-s3cret";

const problem = (severity: Problem["severity"], message: string, hint: string): Problem => ({
  ...{ code: "TABLE_NO_PRIMARY_KEY", table: null, message, hint, severity },
});
const found = (table: string, rest: Partial<DiscoveredTable> = {}): DiscoveredTable => ({
  ...{ id: { database: "shop", table }, rowsEstimated: null, problems: [] },
  ...rest,
});

const TABLES: readonly DiscoveredTable[] = [
  found("orders", { rowsEstimated: 300_000 }),
  found("a.b*c", { problems: [problem("warning", "no\nrows", "h")] }),
  found("log", {
    rowsEstimated: 5,
    problems: [
      problem("error", "shop.log has no primary key", "ALTER TABLE `shop`.`log`\nADD PRIMARY KEY (`id`)"),
    ],
  }),
  found("customer", { rowsEstimated: 1, problems: [problem("warning", "beware", "h")] }),
];
const OPTIONS: StarterOptions = {
  url: "mysql://repl@db:3306",
  password: "${env:MYSQL_PASSWORD}",
  lake: "./lake",
  schema: "./node_modules/tallylake/tallylake.schema.json",
  tables: TABLES,
};

test("every table by its name, what was found out about it, and what cannot be kept behind a #", () => {
  expect(starterConfig(OPTIONS))
    .toBe(`# yaml-language-server: $schema=./node_modules/tallylake/tallylake.schema.json

# The server that the tables come from. Secrets stand here by name only: \${env:NAME} or \${file:path}.
source:
  url: mysql://repl@db:3306
  password: \${env:MYSQL_PASSWORD}

# The tables to keep: database.table, also with * and ?, or a /regular expression/.
tables:
  - /shop\\.a\\.b\\*c/  # no\\u000arows
  - shop.customer    # ~1 row; beware
  - shop.orders      # ~300,000 rows
  # - shop.log
  #     cannot be replicated: shop.log has no primary key
  #     fix: ALTER TABLE \`shop\`.\`log\`
  #     fix: ADD PRIMARY KEY (\`id\`)

# Each table becomes a Hudi table at <lake>/<database>/<table>.
lake: ./lake

# What follows is in force as it stands. Remove the # to change it.
# commit: {every: 30s, rows: 100000, bytes: 256MiB}  # a commit comes at the first of these
# clean: {retain: 1h}  # replaced files stay as long as your longest query
# snapshot: {parallel: 4, chunkRows: 100000}
# overrides:
#   - {tables: [shop.legacy_*], zeroDates: text}  # 0000-00-00 as text; null and counted otherwise
# channel:  # changes go through Kafka, where others can read them too; within one process otherwise
#   kafka: {brokers: [kafka-1:9092]}
# trace: {url: http://localhost:8123}  # a ClickHouse for the counts, in place of the one inside
`);
});

test("a name that could disguise the file is escaped", () => {
  const text = starterConfig({ ...OPTIONS, tables: [found("a\u2028b\u202ec\nd")] });
  expect(text.split("\n").filter((line) => line.startsWith("  - "))).toEqual([
    '  - "/shop\\\\.a\\u2028b\\u202ec\\nd/"',
  ]);
});

test("what the comments say is in force is so", () => {
  const parse = (text: string) =>
    parseConfig(text, { env: { MYSQL_PASSWORD: "x" }, hostname: "h", file: "/c.yaml" });
  const asWritten = starterConfig(OPTIONS);
  const uncommented = asWritten.replaceAll(
    /^# (?=commit|clean|snapshot|overrides|channel| {2}- | {2}kafka|trace)/gm,
    "",
  );
  const { overrides, channel, trace, ...rest } = parse(uncommented);
  const { overrides: _none, channel: noChannel, trace: _inside, ...defaults } = parse(asWritten);
  expect(rest).toEqual(defaults);
  expect(channel?.endpoint.brokers).toEqual(["kafka-1:9092"]);
  expect(noChannel).toBeNull();
  expect(overrides).toHaveLength(1);
  expect(trace).toMatchObject({ kind: "url", url: "http://localhost:8123" });
});

test("whatever tables are called, the file reads back as exactly those that can be kept", () => {
  const name = fc.string({
    minLength: 1,
    maxLength: 8,
    unit: fc.constantFrom(...Array.from("ab.*?/\\#: \n\t'\"{}[]&%@é🐘\u0000\u2028-")),
  });
  const tables = fc.array(
    fc.record({
      id: fc.record({ database: name, table: name }),
      rowsEstimated: fc.constantFrom(null, 7),
      problems: fc.array(
        fc
          .tuple(fc.constantFrom("error" as const, "warning" as const), name)
          .map(([severity, text]) => problem(severity, text, text)),
        { maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(tables, (discovered) => {
      const usable = discovered.filter(({ problems }) =>
        problems.every(({ severity }) => severity === "warning"),
      );
      fc.pre(usable.length > 0);
      const text = starterConfig({ ...OPTIONS, tables: discovered, password: null, lake: "/l #: x" });
      const config = parseConfig(text, { env: {}, hostname: "h", file: "/c.yaml" });
      expect(config.tables).toHaveLength(usable.length);
      for (const { id } of usable)
        expect(config.tables.some((pattern) => matchesTable(pattern, id))).toBe(true);
      expect(config.lakeDir).toBe("/l #: x");
    }),
    { numRuns: 30 },
  );
});

describe("new", () => {
  interface Call extends Partial<NewOptions> {
    readonly env?: Record<string, string>;
    readonly tablesFound?: readonly DiscoveredTable[];
  }

  let discovered = false;

  async function call({ env = {}, tablesFound = TABLES, ...options }: Call) {
    const err = new CapturedOutput();
    const lifecycle = new Lifecycle({ write: () => undefined, exit: () => undefined });
    const context = { err, env, lifecycle, signal: lifecycle.signal } as unknown as BaseContext;
    const sources: NewSource[] = [];
    const asked: string[] = [];
    discovered = false;
    const full = { source: "mysql://repl@db", tables: [], output: "never.yaml", force: false, ...options };
    const exitCode = await runNew(context, full, async (source, tables) => {
      discovered = true;
      sources.push(source);
      asked.push(...tables.map(({ text }) => text));
      return tablesFound;
    });
    return { exitCode, err: err.text, source: sources[0], asked };
  }

  const sourceLines = async (file: string): Promise<string[]> =>
    (await readFile(file, "utf8")).split("\n").filter((line) => /^ {2}(url|password):/.test(line));

  test("writes the file and says what to do next", async () => {
    await using dir = await tempDir();
    const output = join(dir.path, "t.yaml");
    const result = await call({
      source: `mysql://repl:${CANARY}@db`,
      output,
      tables: [parseTablePattern("shop.*")],
    });
    expect(result).toMatchObject({
      exitCode: 0,
      asked: ["shop.*"],
      source: { host: "db", port: 3306, user: "repl", tls: { mode: "verify" } },
    });
    expect(result.source?.password.reveal()).toBe(CANARY);
    expect(result.err).toBe(
      `${output}: 3 tables, and 1 behind a # with the reason
the password is read from the environment variable MYSQL_PASSWORD
next: \`tallylake check --config ${output}\`
`,
    );
    const text = await readFile(output, "utf8");
    expect(text).not.toContain(CANARY);
    expect(await sourceLines(output)).toEqual([
      "  url: mysql://repl@db:3306",
      "  password: ${env:MYSQL_PASSWORD}",
    ]);
    const schema = /\$schema=(\S+)/.exec(text)?.[1] ?? "";
    expect(JSON.parse(readFileSync(new URL(schema), "utf8"))).toMatchObject({ title: "tallylake.yaml" });
  });

  test.each<[string, string, Record<string, string>, string, string[]]>([
    [
      "a reference as password",
      "mysql://u:${env:PW}@h",
      { PW: CANARY },
      CANARY,
      ["  url: mysql://u@h:3306", "  password: ${env:PW}"],
    ],
    [
      "the password of the environment",
      "mysql://u@h:1",
      { MYSQL_PASSWORD: CANARY },
      CANARY,
      ["  url: mysql://u@h:1", "  password: ${env:MYSQL_PASSWORD}"],
    ],
    ["no password", "mysql://u@[::1]", {}, "", ["  url: mysql://u@[::1]:3306"]],
    ["a reference altogether", "${env:URL}", { URL: `mysql://u:${CANARY}@h` }, CANARY, ["  url: ${env:URL}"]],
  ])("%s", async (_name, source, env, password, lines) => {
    await using dir = await tempDir();
    const output = join(dir.path, "t.yaml");
    const result = await call({ source, env, output });
    expect(result.source?.password.reveal()).toBe(password);
    expect(await sourceLines(output)).toEqual(lines);
    expect(await readFile(output, "utf8")).not.toContain(CANARY);
    const config = parseConfig(await readFile(output, "utf8"), {
      env: { MYSQL_PASSWORD: password, ...env },
      hostname: "h",
      file: output,
    });
    expect(config.source.password.reveal()).toBe(password);
  });

  test("never overwrites a file, unless forced to", async () => {
    await using dir = await tempDir();
    const output = join(dir.path, "t.yaml");
    await writeFile(output, "mine");
    await expect(call({ output })).rejects.toMatchObject({
      code: "USAGE",
      exitCode: 64,
      message: `${output} is there already, and was not touched`,
    });
    expect(discovered).toBe(false);
    expect(await readFile(output, "utf8")).toBe("mine");
    // One that appears while the tables are looked for is safe as well.
    expect(() => writeStarterConfig(output, "x", { force: false })).toThrow(`${output} is there already`);
    expect(await readFile(output, "utf8")).toBe("mine");
    await call({ output, force: true, tablesFound: [] });
    expect(await readFile(output, "utf8")).toContain("tables: []  # none was found that can be replicated");
  });

  test("a source that cannot be read, a secret that is missing, a folder that is not there", async () => {
    await using dir = await tempDir();
    const output = join(dir.path, "t.yaml");
    await expect(call({ output, source: `db:${CANARY}` })).rejects.toMatchObject({
      code: "USAGE",
      message: "--source: the URL must have the form `mysql://user@host:port`",
    });
    await expect(call({ output, source: "mysql://u:${env:PW}@h" })).rejects.toMatchObject({
      code: "SECRET_MISSING",
    });
    await expect(call({ output: join(dir.path, "no/t.yaml") })).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      message: `${join(dir.path, "no/t.yaml")} cannot be written (ENOENT)`,
    });
  });
});
