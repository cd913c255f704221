import { afterAll, expect } from "vitest";
import { GtidSet } from "../../../src/types/gtid.ts";
import { seededRandom } from "../../../scripts/random.ts";
import { BinlogTape, rowsOf, type TapeOptions } from "../../support/binlog-tape.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import type { TestConnection } from "../../support/mysql-connection.ts";
import { mysqlTest } from "../../support/mysql.ts";
import type { PrivateMysql } from "../../support/test-mysql.ts";

/*
 * What the network and the server do to a running stream. Each test ends with the same question: are the rows
 * that came, each change once, the rows of the table?
 */

/** So that a connection that is dead is noticed within a second. */
const QUICK = {
  heartbeatMs: 200,
  seekMsMax: 2000,
  reconnectMsMin: 10,
  reconnectMsMax: 200,
  settleMs: 300,
  answerMsMax: 300,
  compareMs: 300,
};
const T = { database: "d", table: "t" };

/** One server for all tests here: they restart it and change its settings. */
let shared: Promise<PrivateMysql> | null = null;
afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
});

interface Rig extends AsyncDisposable {
  readonly server: PrivateMysql;
  readonly admin: TestConnection;
  readonly proxy: FaultProxy;
  /** A tape by way of the proxy, from where the server is now. */
  start(options?: Partial<TapeOptions>): Promise<BinlogTape>;
}

async function rig(startMysql: () => Promise<PrivateMysql>): Promise<Rig> {
  shared ??= startMysql();
  const server = await shared;
  const admin = await server.connect();
  await admin.run(
    "CREATE DATABASE IF NOT EXISTS d; USE d; DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))",
  );
  const proxy = await FaultProxy.start(server.process.port);
  return {
    server,
    admin,
    proxy,
    start: async (options) =>
      BinlogTape.start({
        ...(await BinlogTape.prepare(server.url, [T])),
        url: proxy.urlFor(server.url),
        limits: QUICK,
        connectTimeoutMs: 500,
        ...options,
      }),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
    },
  };
}

/** Inserts a row, changes all, deletes one: what a repeated or missing transaction would show in. */
const change = (admin: TestConnection, id: number): Promise<number> =>
  admin.run(
    `INSERT INTO t VALUES (${id}, ''); UPDATE t SET v = RIGHT(CONCAT(v, 'x${id}'), 200); DELETE FROM t WHERE id = ${id - 3}`,
  );

async function expectExact(tape: BinlogTape, admin: TestConnection): Promise<void> {
  await tape.caughtUp(admin);
  expect(tape.rows(T)).toEqual(await rowsOf(admin, T));
  expect([tape.broken, tape.stops]).toEqual([[], []]);
}

const codeOf = async (tape: BinlogTape): Promise<string> => (await tape.failure()).code;

mysqlTest(
  "A53: connections that are cut, swallowed, refused for a while, or killed",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, proxy } = r;
    await using tape = await r.start();
    await change(admin, -1);
    await expectExact(tape, admin);
    const faults: readonly (() => unknown)[] = [
      () => undefined,
      () => proxy.cut(),
      () => proxy.freeze(),
      async () => {
        await proxy.refuse();
        await change(admin, 100);
        await proxy.allow();
      },
      async () => {
        const dumps = await admin.rows(
          "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'",
        );
        expect(dumps).toHaveLength(1);
        for (const [id] of dumps) await admin.run(`KILL ${String(id)}`);
      },
    ];
    for (const [i, fault] of faults.entries()) {
      await change(admin, i * 2);
      const before = proxy.opened;
      await fault();
      await change(admin, i * 2 + 1);
      await expectExact(tape, admin);
      // Each fault was one: a new connection followed, and it stayed.
      expect(proxy.opened > before).toBe(i > 0);
    }
  },
);

mysqlTest(
  "A13 A14: one transaction of 300,000 rows is handed out in parts, and begins anew when it breaks off in the middle",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, proxy } = r;
    await using tape = await r.start({ queueBytes: 1 << 20, limits: { ...QUICK, seekMsMax: 20_000 } });
    // Far behind the first parts, and far before the end.
    proxy.limit({ bytes: 20_000_000, then: "cut" });
    proxy.cut();
    const rows = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 300000) SELECT n";
    await admin.run(`SET cte_max_recursion_depth = 1000000; BEGIN;
      INSERT INTO t ${rows}, REPEAT('x', 80 + n % 100) FROM s; UPDATE t SET v = 'changed' WHERE id % 7 = 0; COMMIT`);
    await expect.poll(() => tape.aborts, { interval: 10, timeout: 20_000 }).toBeGreaterThan(0);
    expect(tape.rows(T)).toEqual([]);
    proxy.limit(null);
    await tape.caughtUp(admin, 60_000);
    const [[count, sum] = []] = await admin.rows("SELECT COUNT(*), SUM(LENGTH(v)) FROM t");
    const made = tape.rows(T);
    const length = made.reduce((total, row) => total + (JSON.parse(row) as { v: string }).v.length, 0);
    expect([made.length, length]).toEqual([Number(count), Number(sum)]);
    expect([tape.broken, tape.stops]).toEqual([[], []]);
    await admin.run("DELETE FROM t");
  },
);

mysqlTest("A14: a connection that ends or falls silent after any number of bytes", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { admin, proxy } = r;
  await using tape = await r.start();
  const limits = [
    ...[0, 1, 4, 60, 90, 110, 150, 200, 260, 330, 420, 540, 700, 900, 1200, 1600].map((bytes) => ({
      bytes,
      then: "cut" as const,
    })),
    ...[0, 90, 420, 1200].map((bytes) => ({ bytes, then: "freeze" as const })),
  ];
  for (const [i, limit] of limits.entries()) {
    const before = proxy.opened;
    proxy.limit(limit);
    proxy.cut();
    await change(admin, i);
    // All that are opened meanwhile meet the same fate, until one is let through.
    await expect.poll(() => proxy.opened, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before + 1);
    proxy.limit(null);
    await expectExact(tape, admin);
  }
});

mysqlTest("A57: a server that looks for its place for long is given longer", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { admin, proxy } = r;
  await using tape = await r.start({ limits: { ...QUICK, seekMsMax: 700 } });
  await change(admin, 1);
  await expectExact(tape, admin);
  const before = proxy.opened;
  proxy.delayDump(2000);
  proxy.cut();
  await change(admin, 2);
  await expectExact(tape, admin);
  // Two connections end in silence; the third is given 2.8 s. Each has one that asks and two of the stream.
  expect(proxy.opened - before).toBeLessThanOrEqual(9);
});

mysqlTest(
  "A40: a bit that flips on the wire is noticed, and what it was in is read again",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, proxy } = r;
    await using tape = await r.start();
    const random = seededRandom(7);
    let id = 0;
    for (let i = 0; i < 24; i++) {
      const before = proxy.opened;
      proxy.damage(Math.floor(random() * 1500));
      for (let n = 0; !proxy.isDamaged || n < 4; n++) await change(admin, id++);
      await expectExact(tape, admin);
      expect(proxy.opened).toBeGreaterThan(before);
    }
  },
);

mysqlTest(
  "an event that stays damaged ends the stream by name, after a few readings",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, proxy } = r;
    await using tape = await r.start({ limits: { ...QUICK, rereadsMax: 3 } });
    await change(admin, 1);
    await expectExact(tape, admin);
    const at = tape.position;
    const before = proxy.opened;
    proxy.damageText("yyyy");
    await admin.run(
      `INSERT INTO t SELECT 1000 + SEQ, REPEAT('y', 200) FROM (WITH RECURSIVE n (SEQ) AS (SELECT 1 UNION ALL SELECT SEQ + 1 FROM n WHERE SEQ < 50) SELECT SEQ FROM n) AS numbers`,
    );
    expect(await codeOf(tape)).toBe("BINLOG_EVENT_CORRUPT");
    expect(tape.position.gtids.equals(at.gtids)).toBe(true);
    // Each reading has a connection that asks and two of the stream; the first one was open.
    expect(proxy.opened - before).toBeLessThan(20);
  },
);

mysqlTest("A39: checksums that are switched off and on while the binlog is read", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { admin, proxy } = r;
  await using tape = await r.start();
  let id = 0;
  for (const algorithm of ["NONE", "CRC32", "NONE", "NONE again", "CRC32"]) {
    await admin.run("INSERT INTO t VALUES (?, 'before')", [++id]);
    // A connection that was opened without checksums is not sent any: the server ends it when they come.
    if (algorithm === "NONE again") proxy.cut();
    else await admin.run(`SET GLOBAL binlog_checksum = ${algorithm}`);
    await admin.run("INSERT INTO t VALUES (?, 'behind'); UPDATE t SET v = CONCAT(v, ?)", [++id, `-${id}`]);
    await expectExact(tape, admin);
  }
});

mysqlTest("a server that is killed while it is read and written, and comes back", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { server, proxy } = r;
  await using tape = await r.start();
  for (let round = 0; round < 2; round++) {
    await using writer = await server.connect("d");
    const writing = (async () => {
      for (let n = 1; ; n++) await change(writer, round * 100_000 + n);
    })().catch(() => undefined);
    const rows = tape.transactions.size;
    await expect
      .poll(() => tape.transactions.size, { timeout: 20_000, interval: 5 })
      .toBeGreaterThan(rows + 30);
    await server.process.kill9();
    await writing;
    await server.process.restart();
    await using after = await server.connect("d");
    await change(after, round * 100_000 + 99_000);
    await expectExact(tape, after);
  }
  expect(proxy.opened).toBeGreaterThan(3);
});

mysqlTest("a source that stays away: for ever without patience, by name with it", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { admin, proxy } = r;
  await using patient = await r.start({ serverId: 4002 });
  await using impatient = await r.start({ patienceMs: 400 });
  await change(admin, 1);
  await Promise.all([expectExact(patient, admin), expectExact(impatient, admin)]);
  await proxy.refuse();
  const error = await impatient.failure();
  expect([error.code, error.exitCode, error.retryable]).toEqual(["SOURCE_UNREACHABLE", 75, true]);
  expect(error.message).toContain("ECONNREFUSED");
  await change(admin, 2);
  await proxy.allow();
  await expectExact(patient, admin);
  // To be stopped while it waits is no error.
  await proxy.refuse();
  await patient.stop();
  expect(patient.error).toBeNull();
});

mysqlTest(
  "A51: a reader with the same server id takes over, and the first one ends by name",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    await using first = await r.start();
    await change(r.admin, 1);
    await expectExact(first, r.admin);
    await using second = await r.start();
    const error = await first.failure();
    expect([error.code, error.exitCode]).toEqual(["SOURCE_SERVER_ID", 69]);
    expect([error.message.includes("4001"), error.hint.includes("source.serverId")]).toEqual([true, true]);
    await change(r.admin, 2);
    await second.caughtUp(r.admin);
  },
);

mysqlTest(
  "A48 A49: a history that was reset is refused, however many transactions follow",
  async ({ startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, server } = r;
    /** The same statements, so that everything but the time is the same. */
    const history = async (): Promise<void> => {
      await admin.run(
        "RESET BINARY LOGS AND GTIDS; DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))",
      );
      for (let id = 1; id <= 4; id++) await change(admin, id);
    };
    await history();
    const from = await BinlogTape.prepare(server.url, [T]);
    await using before = await BinlogTape.start({ ...from, url: server.url, limits: QUICK });
    await change(admin, 5);
    await expectExactBehind(before, admin);
    const { position } = before;
    await before.stop();
    await history();
    for (let id = 5; id <= 9; id++) await change(admin, id);
    const now = GtidSet.parse(String(await admin.value("SELECT @@GLOBAL.gtid_executed")));
    // By the numbers alone nothing is wrong.
    expect([now.includes(position.gtids), now.size > position.gtids.size]).toEqual([true, true]);
    const start = { ...from.start, position };
    await using offline = await BinlogTape.start({ ...from, start, url: server.url, limits: QUICK });
    const error = await offline.failure();
    expect([error.code, error.exitCode, offline.rows(T)]).toEqual(["SOURCE_HISTORY_BROKEN", 69, []]);
    expect(error.hint).toContain("source.epoch");
    // Just behind a snapshot it is the snapshot's own last transaction that is compared.
    await using fresh = await BinlogTape.start({ ...from, url: server.url, limits: QUICK });
    expect(await codeOf(fresh)).toBe("SOURCE_HISTORY_BROKEN");
    // And under the eyes of a reader.
    await using online = await r.start();
    await change(admin, 20);
    await online.caughtUp(admin);
    await history();
    expect(await codeOf(online)).toBe("SOURCE_HISTORY_BROKEN");
  },
);

/** As `expectExact`, for a tape that began when the table had rows: those that were not changed are not there. */
async function expectExactBehind(tape: BinlogTape, admin: TestConnection): Promise<void> {
  await tape.caughtUp(admin);
  const rows = await rowsOf(admin, T);
  expect(tape.rows(T).every((row) => rows.includes(row))).toBe(true);
}

mysqlTest(
  "A37 A50: binlogs that were purged behind a position, and another server at the address",
  async ({ mysql, startMysql }) => {
    await using r = await rig(startMysql);
    const { admin, server, proxy } = r;
    const purge = async (): Promise<void> => {
      await admin.run("FLUSH BINARY LOGS");
      const [[file] = []] = await admin.rows("SHOW BINARY LOG STATUS");
      await admin.run(`PURGE BINARY LOGS TO '${String(file)}'`);
    };
    const early = await BinlogTape.prepare(server.url, [T]);
    await change(admin, 1);
    const late = await BinlogTape.prepare(server.url, [T]);
    await purge();
    await using purged = await BinlogTape.start({ ...early, url: server.url });
    const error = await purged.failure();
    expect([error.code, error.exitCode, purged.rows(T)]).toEqual(["SOURCE_PURGED", 69, []]);
    expect(error.message).toMatch(/[0-9a-f-]{36}:\d+-\d+ are gone/);
    // Nothing is missing, but the one transaction by which the history could be recognised.
    await using unverified = await BinlogTape.start({ ...late, url: server.url });
    expect(await codeOf(unverified)).toBe("SOURCE_HISTORY_UNVERIFIED");
    // A mark that is made now has no transaction to be compared later, and works.
    await using tape = await r.start();
    await change(admin, 5);
    await tape.caughtUp(admin);
    proxy.redirect(Number(new URL(mysql.url).port));
    proxy.cut();
    const changed = await tape.failure();
    expect([changed.code, changed.exitCode]).toEqual(["SOURCE_CHANGED", 69]);
    expect(changed.message).toContain(String(await admin.value("SELECT @@server_uuid")));
  },
);

mysqlTest("A33: events that the server lost are not passed over", async ({ startMysql }) => {
  await using r = await rig(startMysql);
  const { admin, server } = r;
  await using tape = await r.start();
  await change(admin, 1);
  await expectExact(tape, admin);
  // A statement on a table that cannot roll back, too large for its cache: its events are lost.
  await admin.run(
    "CREATE TABLE m (id INT PRIMARY KEY, b LONGBLOB) ENGINE = MyISAM; SET GLOBAL max_binlog_stmt_cache_size = 4096",
  );
  try {
    await using session = await server.connect("d");
    await expect(
      session.run("INSERT INTO m VALUES (1, REPEAT('x', 100000)), (2, REPEAT('x', 100000))"),
    ).rejects.toThrow();
  } finally {
    await admin.run("SET GLOBAL max_binlog_stmt_cache_size = DEFAULT");
  }
  await change(admin, 2);
  const error = await tape.failure();
  expect([error.code, error.exitCode]).toEqual(["BINLOG_INCIDENT", 69]);
  expect(tape.rows(T)).toEqual(['{"id":1,"v":"x1"}']);
});
