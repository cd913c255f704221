import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClickHouse, type ClickHouseOptions } from "../../../src/trace/clickhouse-connection.ts";
import { openTraceStore } from "../../../src/trace/clickhouse-store.ts";
import { MIGRATIONS, readMigrations } from "../../../src/trace/schema-migration.ts";
import type { TraceStore } from "../../../src/types/ports.ts";
import { Secret } from "../../../src/util/secret.ts";
import { traceStoreContract } from "../../contract/trace-store.ts";
import { clickHouseServerForTests } from "../../support/clickhouse.ts";
import { ClickHouseBridge } from "../../support/clickhouse-bridge.ts";
import { tempDir, type TempDir } from "../../support/temp-dir.ts";
import { ORDERS, traceRecord } from "../../support/trace-record.ts";

// A process can have one folder open, so all tests of this file share it and take a database each.
let dir: TempDir;
let bridge: ClickHouseBridge;

beforeAll(async () => {
  dir = await tempDir();
  bridge = await ClickHouseBridge.start(dir.path);
});

afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

/** Counts up, so that no two recordings share a time. */
function clock(fromMs = Date.UTC(2026, 10, 21)): () => number {
  let ms = fromMs;
  return () => ms++;
}

const inProcess = (): ClickHouseOptions => ({ target: { kind: "path", path: dir.path } });
const overHttp = (): ClickHouseOptions => ({
  target: { kind: "url", url: bridge.url, user: bridge.user, password: new Secret(bridge.password) },
});
const openIn =
  (options: () => ClickHouseOptions) =>
  (database: string, nowMs?: number): Promise<TraceStore> =>
    openTraceStore({ ...options(), database, now: clock(nowMs) });

traceStoreContract("in process", { open: openIn(inProcess) });
traceStoreContract("over HTTP", { open: openIn(overHttp) });

const server = clickHouseServerForTests();
if (server !== null) {
  const run = `${process.pid}_${Date.now()}`;
  traceStoreContract("server", {
    open: (database, nowMs) =>
      openTraceStore({ target: server, database: `${database}_${run}`, now: clock(nowMs) }),
  });
}

const EVER = { source: "src", tables: [ORDERS], sinceMs: 0 };

async function migrated(options: () => ClickHouseOptions, database: string): Promise<TraceStore> {
  const store = await openIn(options)(database);
  await store.migrate();
  return store;
}

describe("an insert whose outcome is not known", () => {
  test.each([
    ["lose-request", /INTO {database:Identifier}.commit_count/],
    ["lose-answer", /INTO {database:Identifier}.commit_count/],
    ["lose-request", /INTO {database:Identifier}.commit \(/],
    ["lose-answer", /INTO {database:Identifier}.commit \(/],
  ] as const)("%s at %s: the retry leaves each record once", async (fault, statement) => {
    const database = `fault_${fault.replace("-", "_")}_${statement.source.length}`;
    const store = await migrated(overHttp, database);
    await store.record([traceRecord(0)]);
    bridge.failNext(fault, statement);
    await expect(store.record([traceRecord(1), traceRecord(2)])).rejects.toMatchObject({
      code: "TRACE_UNAVAILABLE",
    });
    const landed = fault === "lose-answer" && statement.source.includes("commit \\(");
    const expected = landed ? [0, 1, 2] : [0];
    expect(await store.records(EVER)).toEqual(expected.map((i) => traceRecord(i)));
    await store.record([traceRecord(1), traceRecord(2)]);
    expect(await store.records(EVER)).toEqual([0, 1, 2].map((i) => traceRecord(i)));
    await store.close();
  });

  test("of several months the earlier ones are there first", async () => {
    const store = await migrated(overHttp, "months");
    const december = traceRecord(1, { commit: "20261201000000000", committedAtMs: Date.UTC(2026, 11, 1) });
    const january = traceRecord(2, { commit: "20270101000000000", committedAtMs: Date.UTC(2027, 0, 1) });
    bridge.failNext(
      "lose-request",
      /INTO {database:Identifier}.commit \([^[]*\n\["src","shop","orders","20261201/,
    );
    await expect(store.record([january, december, traceRecord(0)])).rejects.toMatchObject({
      code: "TRACE_UNAVAILABLE",
    });
    expect(await store.records(EVER)).toEqual([traceRecord(0)]);
    await store.record([january, december]);
    expect(await store.records(EVER)).toEqual([traceRecord(0), december, january]);
    await store.close();
  });

  test("counts of an attempt that did not finish are not read", async () => {
    const store = await migrated(overHttp, "unfinished");
    await store.record([traceRecord(0)]);
    bridge.failNext("lose-request", /INTO {database:Identifier}.commit \(/);
    const other = traceRecord(0, { counts: [...traceRecord(5).counts, ...traceRecord(6).counts] });
    await expect(store.record([other])).rejects.toMatchObject({ code: "TRACE_UNAVAILABLE" });
    expect(await store.records(EVER)).toEqual([traceRecord(0)]);
    await store.close();
  });
});

describe("a store that is away", () => {
  test("no server, a hanging server, a wrong password: each by name and with a remedy", async () => {
    const gone = await ClickHouseBridge.start(dir.path);
    const target = { kind: "url", url: gone.url, user: gone.user } as const;
    const password = new Secret(gone.password);
    const store = await openTraceStore({
      target: { ...target, password },
      now: clock(),
      timeoutMs: 200,
    });
    gone.failNext("hang");
    await expect(store.migrate()).rejects.toMatchObject({
      code: "TRACE_UNAVAILABLE",
      retryable: true,
      message: `trace store at ${new URL(gone.url).host}: look for the database: no answer within 200 ms`,
    });
    const stranger = await openTraceStore({
      target: { ...target, password: new Secret("canary") },
      now: clock(),
    });
    const refused = await stranger.migrate().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: "TRACE_UNAVAILABLE",
      message: expect.stringContaining("AUTHENTICATION_FAILED") as string,
      hint: "correct trace.user and trace.password in the config",
    });
    expect(String(refused)).not.toContain("canary");
    await gone.pause();
    await expect(store.migrate()).rejects.toMatchObject({
      code: "TRACE_UNAVAILABLE",
      message: expect.stringContaining("ECONNREFUSED") as string,
    });
    await gone.resume();
    expect(await store.recordedThrough("src", ORDERS).catch((e: unknown) => e)).toMatchObject({
      code: "TRACE_SCHEMA",
    });
    await Promise.all([store.close(), stranger.close()]);
    await gone[Symbol.asyncDispose]();
  });

  test("chdb is not installed", async () => {
    const missing = "chdb-that-nobody-installed/connection";
    const opened = openTraceStore({
      ...inProcess(),
      now: clock(),
      loadChdb: async () => (await import(missing)) as never,
    });
    await expect(opened).rejects.toMatchObject({
      code: "TRACE_UNAVAILABLE",
      message: "trace store: ClickHouse in process needs the package chdb, which is not installed",
      hint: "run `npm install chdb@3.4.0`, or set trace.url to a ClickHouse server",
    });
  });

  test("closing ends a statement that is under way", async () => {
    const store = await openIn(overHttp)("closing");
    bridge.failNext("hang");
    const waiting = expect(store.migrate()).rejects.toMatchObject({ name: "StopError" });
    await store.close();
    await waiting;
  });
});

test("a store of a newer version, or of other files, is refused", async () => {
  const store = await migrated(inProcess, "versions");
  const own = await readMigrations(MIGRATIONS);
  const open = (migrations: typeof own): Promise<TraceStore> =>
    openTraceStore({ ...inProcess(), database: "versions", now: clock(), migrations });
  const older = await open(own.slice(0, 1));
  await expect(older.migrate()).rejects.toMatchObject({ code: "TRACE_SCHEMA", retryable: false });
  const other = await open(own.map((migration) => ({ ...migration, checksum: "0".repeat(64) })));
  await expect(other.migrate()).rejects.toMatchObject({ code: "TRACE_SCHEMA", retryable: false });
  await store.migrate();
  await Promise.all([store.close(), older.close(), other.close()]);
});

test("counts that were dropped alone are missed, and dropped months are not", async () => {
  const store = await migrated(inProcess, "retention");
  const october = traceRecord(0, { commit: "20261001000000000", committedAtMs: Date.UTC(2026, 9, 1) });
  await store.record([october, traceRecord(1)]);
  const clickhouse = await openClickHouse(inProcess());
  const params = { database: "retention" };
  await clickhouse.run("t", "ALTER TABLE {database:Identifier}.commit_count DROP PARTITION '202610'", params);
  await expect(store.records(EVER)).rejects.toMatchObject({
    code: "TRACE_SCHEMA",
    message: "the trace store lacks some of the 1 counts of commit 20261001000000000 of shop.orders",
  });
  await clickhouse.run("t", "ALTER TABLE {database:Identifier}.commit DROP PARTITION '202610'", params);
  expect(await store.records(EVER)).toEqual([traceRecord(1)]);
  await clickhouse.close();
  await store.close();
});
