import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { printConfig } from "../../../src/app/config-print.ts";
import { loadConfig, parseConfig, settingsFor } from "../../../src/app/config.ts";
import { errorOf, MINIMAL_CONFIG, parseConfigText } from "../../support/config-text.ts";
import { BY_PRIMARY_KEY } from "../../../src/types/key-choice.ts";
import { tempDir } from "../../support/temp-dir.ts";

const CANARY = "c4nary-s3cret";

describe("a minimal config", () => {
  test("has a default for everything", () => {
    const { tables, source, ...rest } = parseConfigText(MINIMAL_CONFIG);
    expect(tables.map(({ text }) => text)).toEqual(["shop.*"]);
    const { password, ...plain } = source;
    expect(password.reveal()).toBe("");
    expect(plain).toEqual({
      host: "db",
      port: 3306,
      user: "repl",
      name: "db:3306",
      epoch: 1,
      tls: { mode: "verify", ca: null, cert: null, key: null },
      serverId: 2623779856,
      connectTimeoutMs: 10_000,
    });
    expect(rest).toEqual({
      file: "/etc/tally/tallylake.yaml",
      exclude: [],
      lakeDir: "/etc/tally/lake",
      stateDir: "/etc/tally/.tallylake",
      channel: null,
      defaults: {
        ...{ buckets: null, zeroDates: "null", decimalsAsText: [], schemaChanges: "resnapshot" },
        ...BY_PRIMARY_KEY,
      },
      overrides: [],
      snapshot: { parallel: 4, chunkRows: 100_000 },
      commit: { everyMs: 30_000, rows: 100_000, bytes: 256 * 1024 ** 2, idleEveryMs: 300_000 },
      clean: { retainMs: 3_600_000, everyCommits: 10 },
      trace: { kind: "path", path: "/etc/tally/.tallylake/trace" },
      memory: { duckdbBytes: 600 * 1024 ** 2, queueBytes: 64 * 1024 ** 2 },
      log: { level: "info", format: "text" },
    });
  });

  test.each([
    ["localhost", "off"],
    ["127.0.0.1", "off"],
    ["127.8.8.8", "off"],
    ["[::1]", "off"],
    ["db", "verify"],
    ["128.0.0.1", "verify"],
    ["localhost.example", "verify"],
  ])("TLS towards %s is %s", (host, mode) => {
    expect(parseConfigText(MINIMAL_CONFIG.replace("db:3306", host)).source.tls.mode).toBe(mode);
  });

  test("the replica number has two free ones behind it, and is another one for another machine or state folder", () => {
    const id = (hostname: string, file: string): number =>
      parseConfig(MINIMAL_CONFIG, { env: {}, hostname, file }).source.serverId;
    const ids = [id("a", "/x/c.yaml"), id("b", "/x/c.yaml"), id("a", "/y/c.yaml")];
    expect(new Set(ids).size).toBe(3);
    expect(id("a", "/x/other.yaml")).toBe(ids[0]);
    for (const one of ids) {
      expect(one % 4).toBe(0);
      expect(one).toBeGreaterThanOrEqual(2 ** 31);
      expect(one).toBeLessThan(2 ** 32 - 2);
    }
  });
});

test("a config with everything in it", () => {
  const text = `
source:
  url: mysql://re%70l@[fe80::1]:3307
  password: \${env:PW}
  name: shop
  epoch: 3
  tls: insecure
  serverId: 77
  connectTimeout: 1.5s
tables: [shop.*, '/crm_\\d+\\.customer/']
exclude: [shop.tmp_*]
lake: /data/lake
stateDir: state
defaults: {zeroDates: stop}
overrides:
  - {tables: [shop.orders], buckets: 8}
  - {tables: [shop.o*], buckets: 2, zeroDates: null, decimalsAsText: [total]}
  - {tables: [shop.log], withoutPrimaryKey: unique}
  - {tables: [shop.users], key: [tenant, code]}
snapshot: {parallel: 2, chunkRows: 5}
commit: {every: 100ms, rows: 1, bytes: 1MiB, idleEvery: 1h}
clean: {retain: 7d, everyCommits: 1}
trace: {url: 'http://ch:8123/', user: u, password: '\${env:PW}', database: d}
memory: {duckdb: 1GiB, queue: 2MiB}
log: {level: debug, format: json}
`;
  const config = parseConfigText(text, { env: { PW: CANARY } });
  expect(config.source).toEqual({
    host: "fe80::1",
    port: 3307,
    user: "repl",
    password: config.source.password,
    name: "shop",
    epoch: 3,
    tls: { mode: "insecure", ca: null, cert: null, key: null },
    serverId: 77,
    connectTimeoutMs: 1500,
  });
  expect(config.source.password.reveal()).toBe(CANARY);
  expect(config.lakeDir).toBe("/data/lake");
  expect(config.stateDir).toBe("/etc/tally/state");
  expect(config.exclude.map((pattern) => pattern.text)).toEqual(["shop.tmp_*"]);
  expect(config.snapshot).toEqual({ parallel: 2, chunkRows: 5 });
  expect(config.commit).toEqual({ everyMs: 100, rows: 1, bytes: 1024 ** 2, idleEveryMs: 3_600_000 });
  expect(config.clean).toEqual({ retainMs: 7 * 86_400_000, everyCommits: 1 });
  expect(config.memory).toEqual({ duckdbBytes: 1024 ** 3, queueBytes: 2 * 1024 ** 2 });
  expect(config.log).toEqual({ level: "debug", format: "json" });
  if (config.trace.kind !== "url") throw new Error(config.trace.kind);
  const { password, ...trace } = config.trace;
  expect(password.reveal()).toBe(CANARY);
  expect(trace).toEqual({ kind: "url", url: "http://ch:8123", user: "u", database: "d" });

  const settings = (table: string) => settingsFor(config, { database: "shop", table });
  const usual = {
    ...{ buckets: null, zeroDates: "stop", decimalsAsText: [], schemaChanges: "resnapshot", rule: null },
    ...BY_PRIMARY_KEY,
  };
  expect(settings("orders")).toEqual({ ...usual, buckets: 8, rule: 0 });
  expect(settings("offers")).toEqual({
    ...usual,
    ...{ buckets: 2, zeroDates: "null", decimalsAsText: ["total"], rule: 1 },
  });
  expect(settings("log")).toEqual({ ...usual, withoutPrimaryKey: "unique", rule: 2 });
  expect(settings("users")).toEqual({ ...usual, key: ["tenant", "code"], rule: 3 });
  expect(settings("ORDERS")).toEqual(usual);
  expect(settingsFor(config, { database: "SHOP", table: "ORDERS" }, { ignoreCase: true }).rule).toBe(0);
});

describe("loadConfig", () => {
  const environment = { env: {}, hostname: "h", readFile: (file: string) => readFileSync(file) };

  test("a missing file offers to write one", () => {
    const load = (file: string): unknown => errorOf(() => loadConfig(file, environment));
    expect(load("tallylake.yaml")).toMatchObject({
      code: "CONFIG_MISSING",
      exitCode: 64,
      message: "there is no config tallylake.yaml",
      hint: "write one with `tallylake new --source mysql://user@host:3306`, or name yours with --config",
    });
    expect(load("other/x.yaml")).toMatchObject({
      message: "there is no config other/x.yaml",
      hint: "write one with `tallylake new --source mysql://user@host:3306 -o other/x.yaml`, or name yours with --config",
    });
  });

  test("a folder, and bytes that are no text", async () => {
    await using dir = await tempDir();
    expect(errorOf(() => loadConfig(dir.path, environment))).toMatchObject({
      code: "CONFIG_INVALID",
      message: `the config ${dir.path} cannot be read (EISDIR)`,
    });
    const file = join(dir.path, "c.yaml");
    await writeFile(file, Buffer.from([0x61, 0xff]));
    expect(errorOf(() => loadConfig(file, environment))).toMatchObject({
      code: "CONFIG_INVALID",
      message: `${file}:1:1: the file is not UTF-8 text`,
    });
  });

  test("a byte order mark and Windows line ends do no harm", async () => {
    await using dir = await tempDir();
    const file = join(dir.path, "c.yaml");
    await writeFile(file, `\ufeff${MINIMAL_CONFIG.replaceAll("\n", "\r\n")}`);
    expect(loadConfig(file, environment).lakeDir).toBe(join(dir.path, "lake"));
  });
});

test("what is printed reads back as the same config, secrets apart", () => {
  const ms = fc.integer({ min: 1000, max: 86_400_000 });
  const bytes = fc.integer({ min: 64 * 1024 ** 2, max: 2 ** 36 });
  const rows = fc.integer({ min: 1, max: 1_000_000 });
  const settings = fc.record(
    {
      buckets: fc.integer({ min: 1, max: 10_000 }),
      zeroDates: fc.constantFrom("null", "text", "stop", null),
      decimalsAsText: fc.array(fc.constantFrom("a", "b c", "`")),
    },
    { requiredKeys: [] },
  );
  const raw = fc.record({
    source: fc.record({
      url: fc.constantFrom("mysql://u@h", "mysql://a%40b@[::1]:1", "mysql://u@10.0.0.1:65535"),
      name: fc.constantFrom("x", "ü: #", "a\nb"),
      epoch: fc.integer({ min: 1, max: 9 }),
      tls: fc.constantFrom("off", "verify", { mode: "insecure" }),
      serverId: fc.integer({ min: 1, max: 2 ** 32 - 3 }),
      connectTimeout: fc.integer({ min: 100, max: 600_000 }).map((n) => `${n}ms`),
    }),
    tables: fc.array(fc.constantFrom("a.b", "/x\\.[a-z]+/i", "*.*", "a.#b"), { minLength: 1 }),
    exclude: fc.array(fc.constantFrom("a.b", "x.?")),
    lake: fc.constantFrom("./lake", "/l/a ke", "lake: #"),
    stateDir: fc.constantFrom("/s", "./state"),
    defaults: settings,
    overrides: fc.array(settings.map((one) => ({ tables: ["a.b"], ...one }))),
    snapshot: fc.record({ parallel: fc.integer({ min: 1, max: 64 }), chunkRows: rows }),
    commit: fc.record({
      every: ms.map((n) => `${n}ms`),
      rows,
      bytes: bytes.map((n) => `${n}B`),
      idleEvery: ms.map((n) => `${n}ms`),
    }),
    clean: fc.record({ retain: ms.map((n) => `${n}ms`), everyCommits: rows }),
    trace: fc.constantFrom("off", { path: "t" }, { url: "http://x:1", user: "u", database: "d" }),
    memory: fc.record({ duckdb: bytes.map((n) => `${n}B`), queue: fc.constant("64MiB") }),
    log: fc.record({ level: fc.constantFrom("debug", "warn"), format: fc.constantFrom("text", "json") }),
  });
  fc.assert(
    fc.property(raw, (values) => {
      const config = parseConfigText(stringify(values));
      expect(parseConfigText(printConfig(config))).toEqual(config);
    }),
    { numRuns: 20 },
  );
});
