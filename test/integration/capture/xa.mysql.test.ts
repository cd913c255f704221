import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect } from "vitest";
import { GtidSet } from "../../../src/types/gtid.ts";
import { readUpTo } from "../../../src/types/source-position.ts";
import { must } from "../../../src/util/assert.ts";
import { BinlogTape, rowsOf, type TapeOptions } from "../../support/binlog-tape.ts";
import type { TestConnection } from "../../support/mysql-connection.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { sourceChanges } from "../../support/source-count.ts";
import type { PrivateMysql } from "../../support/test-mysql.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { seededRandom } from "../../../scripts/random.ts";
import { waitFor } from "../../support/wait-for.ts";

/* Transactions of two phases: their rows count when they are committed, whatever happens before that. */

/** One server for all tests here: an open XA transaction holds up every snapshot of a server. */
let shared: Promise<PrivateMysql> | null = null;
afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]();
});

const T = { database: "d", table: "t" };
const U = { database: "d", table: "u" };
const QUICK = { reconnectMsMin: 10, reconnectMsMax: 200, compareMs: 100 };

const test = mysqlTest.extend("rig", async ({ startMysql }) => {
  shared ??= startMysql();
  return Rig.open(await shared);
});

class Rig {
  readonly server: PrivateMysql;
  readonly admin: TestConnection;
  readonly from: Omit<TapeOptions, "url">;

  private constructor(server: PrivateMysql, admin: TestConnection, from: Omit<TapeOptions, "url">) {
    this.server = server;
    this.admin = admin;
    this.from = from;
  }

  static async open(server: PrivateMysql): Promise<Rig> {
    const admin = await server.connect();
    // What a test that failed has left open would lock its tables.
    for (const [, gtridBytes, , data] of await admin.rows("XA RECOVER CONVERT XID")) {
      const hex = String(data).slice(2);
      const cut = Number(gtridBytes) * 2;
      await admin.run(`XA ROLLBACK X'${hex.slice(0, cut)}', X'${hex.slice(cut)}'`).catch(() => undefined);
    }
    await admin.run(`
      CREATE DATABASE IF NOT EXISTS d; USE d; DROP TABLE IF EXISTS t, u, other;
      CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200)); CREATE TABLE u LIKE t; CREATE TABLE other LIKE t`);
    return new Rig(server, admin, await BinlogTape.prepare(server.url, [T, U]));
  }

  tape(options: Partial<TapeOptions> = {}): Promise<BinlogTape> {
    return BinlogTape.start({ ...this.from, url: this.server.url, limits: QUICK, ...options });
  }

  /** A tape that goes on where another one stands. */
  next(tape: BinlogTape, options: Partial<TapeOptions> = {}): Promise<BinlogTape> {
    return this.tape({ ...options, start: { ...this.from.start, position: tape.position } });
  }

  /** In a session of its own. */
  async sql(text: string): Promise<void> {
    await using session = await this.server.connect("d");
    // Without locks of gaps, in which others would wait.
    await session.run(`SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; ${text}`);
  }

  prepare(xid: string, statements: string): Promise<void> {
    return this.sql(`XA START ${xid}; ${statements}; XA END ${xid}; XA PREPARE ${xid}`);
  }

  async executed(): Promise<GtidSet> {
    return GtidSet.parse(String(await this.admin.value("SELECT @@GLOBAL.gtid_executed")));
  }

  /** What the tape has is what the tables hold, and what the report's own reader counts. */
  async same(tape: BinlogTape): Promise<void> {
    await tape.caughtUp(this.admin);
    for (const id of [T, U]) expect(tape.rows(id)).toEqual(await rowsOf(this.admin, id));
    expect([tape.broken, tape.stops]).toEqual([[], []]);
  }

  async counted(tape: BinlogTape): Promise<Readonly<Record<"c" | "u" | "d", number>>> {
    const from = this.from.start.position.gtids;
    return sourceChanges(this.server.url, { id: T, from, to: tape.position.gtids });
  }
}

test("A4 A5 A6: rows of XA count from their commit on, in its order and time; rolled back they never come", async ({
  rig,
}) => {
  await using tape = await rig.tape();
  await rig.sql("INSERT INTO t VALUES (1, 'a'), (2, 'a'), (3, 'a')");
  await rig.prepare(
    "'one'",
    "INSERT INTO t VALUES (10, 'x'); UPDATE t SET v = 'x' WHERE id = 1; INSERT INTO u VALUES (1, 'x')",
  );
  await rig.prepare("'two','b',7", "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (11, 'y')");
  await rig.prepare("'foreign'", "INSERT INTO other VALUES (1, 'z')");
  await rig.sql("UPDATE t SET v = 'b' WHERE id = 3; INSERT INTO u VALUES (2, 'plain')");
  await rig.same(tape);
  expect(tape.rows(U)).toEqual(['{"id":2,"v":"plain"}']);
  // The others go on, and what is prepared is in no position.
  const open = must(tape.position.prepared, "what is prepared");
  expect(open.size).toBe(3n);
  expect(tape.position.gtids.intersect(open).isEmpty).toBe(true);
  expect(readUpTo(tape.position).equals(await rig.executed())).toBe(true);
  await rig.sql("XA ROLLBACK 'two','b',7");
  await rig.same(tape);
  const before = await rig.executed();
  await rig.sql("XA COMMIT 'one'");
  const commit = (await rig.executed()).subtract(before).toString();
  await rig.same(tape);
  expect([...tape.transactions.keys()].at(-1)).toBe(commit);
  await rig.sql("XA COMMIT 'foreign'");
  // A xid may be used again, and one phase is one transaction.
  await rig.prepare("'one'", "UPDATE t SET v = 'again'");
  await rig.sql(
    "XA COMMIT 'one'; XA START 'one'; DELETE FROM t WHERE id = 3; XA END 'one'; XA COMMIT 'one' ONE PHASE",
  );
  await rig.sql(`SET SESSION binlog_transaction_compression = ON; XA START 'c'; INSERT INTO t VALUES (20, 'c');
    XA END 'c'; XA PREPARE 'c'; XA COMMIT 'c'`);
  await rig.same(tape);
  expect(tape.position.prepared).toBeUndefined();
  expect(tape.position.gtids.equals(await rig.executed())).toBe(true);
  const times = [...tape.transactions.values()];
  expect(times.toSorted((a, b) => a - b)).toEqual(times);
  expect(await rig.counted(tape)).toEqual({ c: 5, u: 2 + 4, d: 1 });
});

test("A8: whoever goes on from a position inside gets the rows of what was prepared before it, once", async ({
  rig,
}) => {
  const first = await rig.tape();
  await rig.prepare("'a'", "INSERT INTO t VALUES (1, 'a')");
  await rig.sql("INSERT INTO u VALUES (1, 'plain')");
  await rig.prepare("'b'", "INSERT INTO t VALUES (2, 'b')");
  await rig.prepare("'gone'", "INSERT INTO t VALUES (3, 'never')");
  await first.caughtUp(rig.admin);
  expect(first.rows(T)).toEqual([]);
  await first[Symbol.asyncDispose]();
  // Decided while nobody reads, and while somebody does; the last transaction that was read is a prepare.
  expect(must(first.position.prepared, "what is prepared").size).toBe(3n);
  await rig.sql("XA COMMIT 'b'");
  const second = await rig.next(first);
  await rig.sql("XA ROLLBACK 'gone'");
  await second.caughtUp(rig.admin);
  expect([second.rows(T), second.broken]).toEqual([['{"id":2,"v":"b"}'], []]);
  await second.stop();
  await second[Symbol.asyncDispose]();
  // The last one is a plain transaction, and the prepare lies before it; files of the binlog begin in between.
  await rig.sql("FLUSH BINARY LOGS; INSERT INTO u VALUES (2, 'later'); FLUSH BINARY LOGS");
  const third = await rig.next(second);
  await third.caughtUp(rig.admin);
  expect([third.rows(T), third.rows(U)]).toEqual([[], ['{"id":2,"v":"later"}']]);
  await third[Symbol.asyncDispose]();
  await using fourth = await rig.next(third);
  await rig.sql("XA COMMIT 'a'");
  await fourth.caughtUp(rig.admin);
  expect([fourth.rows(T), fourth.broken, fourth.stops]).toEqual([['{"id":1,"v":"a"}'], [], []]);
  expect(await rig.counted(fourth)).toEqual({ c: 2, u: 0, d: 0 });
});

test("A7: one that was prepared before the mark of a snapshot, and has ended before its chunks are read, is theirs", async ({
  rig,
}) => {
  await rig.prepare("'early'", "INSERT INTO t VALUES (1, 'a')");
  const gtids = await rig.executed();
  await rig.sql("XA COMMIT 'early'");
  // Whoever reads chunks from now on has the row, and the stream has its commit without its prepare.
  await using tape = await rig.tape({
    start: { ...rig.from.start, position: { ...rig.from.start.position, gtids, last: null } },
  });
  await rig.sql("INSERT INTO t VALUES (2, 'b')");
  await tape.caughtUp(rig.admin);
  expect([tape.rows(T), tape.stops]).toEqual([['{"id":2,"v":"b"}'], []]);
  expect(tape.position.gtids.equals(await rig.executed())).toBe(true);
  expect(await sourceChanges(rig.server.url, { id: T, from: gtids, to: tape.position.gtids })).toEqual({
    ...{ c: 1, u: 0, d: 0 },
  });
});

test("A4: what was prepared with sql_log_bin = 0 is nowhere in the binlog, and neither is its end", async ({
  rig,
}) => {
  await using tape = await rig.tape();
  await rig.sql(
    "SET sql_log_bin = 0; XA START 'dark'; INSERT INTO t VALUES (1, 'a'); XA END 'dark'; XA PREPARE 'dark'",
  );
  const before = await rig.executed();
  await rig.sql("XA COMMIT 'dark'");
  expect((await rig.executed()).equals(before)).toBe(true);
  await rig.sql("INSERT INTO t VALUES (2, 'b')");
  await tape.caughtUp(rig.admin);
  expect([tape.rows(T), tape.stops]).toEqual([['{"id":2,"v":"b"}'], []]);
});

test("A8: prepared transactions outlive a crash of the server, and the stream goes on by itself", async ({
  startMysql,
}) => {
  await using server = await startMysql();
  const rig = await Rig.open(server);
  await using tape = await rig.tape({
    limits: { ...QUICK, heartbeatMs: 200, settleMs: 300, answerMsMax: 500 },
  });
  await rig.prepare("'a'", "INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'u')");
  await rig.sql("INSERT INTO t VALUES (2, 'b')");
  await tape.caughtUp(rig.admin);
  await server.process.kill9();
  await server.process.restart();
  await using admin = await server.connect("d");
  await admin.run("INSERT INTO t VALUES (3, 'c')");
  await waitFor("the stream to go on", () => tape.rows(T).length === 2);
  await admin.run("XA COMMIT 'a'");
  await tape.caughtUp(admin);
  for (const id of [T, U]) expect(tape.rows(id)).toEqual(await rowsOf(admin, id));
  expect([tape.broken, tape.stops]).toEqual([[], []]);
});

test("A8: one that stays open is told of again and again, with its xid and what to do", async ({ rig }) => {
  const lines: string[] = [];
  await using tape = await rig.tape({
    limits: { ...QUICK, xaRemindMs: 200 },
    onWarning: (line) => lines.push(line),
  });
  await rig.prepare("'long'", "INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'a')");
  const gtid = (await rig.executed()).subtract(rig.from.start.position.gtids).toString();
  await waitFor("two reminders", () => lines.length >= 2);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    message: "a prepared XA transaction is open, and its changes wait for its end",
    ...{ xid: "X'6C6F6E67',X'',1", gtid, tables: "d.t, d.u" },
  });
  await rig.sql("XA COMMIT 'long'");
  await rig.same(tape);
  const told = lines.length;
  await delay(500);
  expect(lines).toHaveLength(told);
});

test("A8: an XA transaction that is ended outside of the binlog stops its tables by name", async ({
  rig,
}) => {
  await using tape = await rig.tape();
  await rig.prepare("'lost'", "INSERT INTO t VALUES (1, 'a')");
  await rig.prepare("'kept'", "INSERT INTO u VALUES (1, 'a')");
  await tape.caughtUp(rig.admin);
  await rig.sql("SET sql_log_bin = 0; XA COMMIT 'lost'");
  await waitFor("the stop", () => tape.stops.length > 0);
  await rig.sql("XA COMMIT 'kept'");
  await tape.caughtUp(rig.admin);
  expect(tape.stops.map(({ table, code, message }) => [table, code, message])).toEqual([
    [
      T,
      "TABLE_XA",
      "the XA transaction X'6C6F7374',X'',1 changed this table and was ended outside of the binlog (sql_log_bin = 0)",
    ],
  ]);
  expect(tape.stops[0]?.hint).toContain("tallylake resnapshot");
  expect([tape.rows(T), tape.rows(U)]).toEqual([[], ['{"id":1,"v":"a"}']]);
  expect(tape.position.gtids.equals(await rig.executed())).toBe(true);
});

test("A4 A13: more than can be held is right in one phase, and stops its table by name in two", async ({
  rig,
}) => {
  await using tape = await rig.tape({ limits: { ...QUICK, xaBytesMax: 10_000 } });
  const rows = (first: number): string =>
    Array.from({ length: 100 }, (_, i) => `INSERT INTO t VALUES (${first + i}, REPEAT('x', 200))`).join("; ");
  await rig.sql(`XA START 'o'; ${rows(0)}; XA END 'o'; XA COMMIT 'o' ONE PHASE`);
  await rig.prepare("'u'", "INSERT INTO u VALUES (1, 'a')");
  await rig.same(tape);
  const at = tape.position;
  await rig.prepare("'large'", rows(1000));
  await rig.sql("XA COMMIT 'large'; XA COMMIT 'u'");
  await tape.caughtUp(rig.admin);
  expect(tape.stops.map(({ table, code, at: stop }) => [table, code, stop.gtids.equals(at.gtids)])).toEqual([
    [T, "TABLE_XA", true],
  ]);
  expect(tape.stops[0]?.hint).toContain("in one phase");
  expect([tape.rows(T).length, tape.rows(U)]).toEqual([100, ['{"id":1,"v":"a"}']]);
});

test("A4 A27: what cannot be read of an XA transaction stops its table when it is committed", async ({
  rig,
}) => {
  await using tape = await rig.tape();
  await rig.sql("INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'a')");
  const short = (table: string): string => `SET SESSION binlog_row_image = 'MINIMAL'; XA START '${table}';
    UPDATE ${table} SET v = 'm'; XA END '${table}'; XA PREPARE '${table}'`;
  await rig.sql(short("t"));
  await rig.sql(short("u"));
  await rig.sql("XA ROLLBACK 'u'; INSERT INTO u VALUES (2, 'b')");
  await rig.same(tape);
  const at = tape.position.gtids;
  await rig.sql("XA COMMIT 't'; INSERT INTO u VALUES (3, 'c')");
  await tape.caughtUp(rig.admin);
  expect(tape.stops.map(({ table, code, at: stop }) => [table, code, stop.gtids.equals(at)])).toEqual([
    [T, "TABLE_ROW_IMAGE", true],
  ]);
  expect(tape.rows(U)).toHaveLength(3);
});

/** A random history: what is open, what happens next, and how many changes count by then. */
class RandomXa {
  readonly #rig: Rig;
  readonly #random: () => number;
  readonly counts = { c: 0, u: 0, d: 0 };
  #next = 0;
  #open: number[] = [];

  constructor(rig: Rig, seed: number) {
    this.#rig = rig;
    this.#random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const chance = this.#random();
    if (chance < 0.4 && this.#open.length < 8) await this.#prepare();
    else if (chance < 0.75 && this.#open.length > 0) await this.#end();
    else if (chance < 0.95) await this.#plain();
    else await this.#rig.sql("FLUSH BINARY LOGS");
  }

  async endAll(): Promise<void> {
    while (this.#open.length > 0) await this.#end();
  }

  /** Each has rows of its own, so that none waits for another one. */
  async #prepare(): Promise<void> {
    const x = this.#next++;
    await this.#rig.sql(`INSERT INTO t VALUES (${x * 10}, 'before'), (${x * 10 + 1}, 'before')`);
    this.counts.c += 2;
    await this.#rig.prepare(
      `'x${x}'`,
      `UPDATE t SET v = 'xa' WHERE id = ${x * 10}; INSERT INTO t VALUES (${x * 10 + 2}, 'xa');
       DELETE FROM t WHERE id = ${x * 10 + 1}; INSERT INTO u VALUES (${x}, 'xa'); UPDATE t SET v = 'xa2' WHERE id = ${x * 10 + 2}`,
    );
    this.#open.push(x);
  }

  async #end(): Promise<void> {
    const at = Math.floor(this.#random() * this.#open.length);
    const [x] = this.#open.splice(at, 1);
    const isCommit = this.#random() < 0.6;
    await this.#rig.sql(`XA ${isCommit ? "COMMIT" : "ROLLBACK"} 'x${x ?? ""}'`);
    if (!isCommit) return;
    this.counts.c += 1;
    this.counts.u += 2;
    this.counts.d += 1;
  }

  async #plain(): Promise<void> {
    const x = this.#next++;
    await this.#rig.sql(
      `BEGIN; INSERT INTO t VALUES (${x * 10}, 'plain'); UPDATE t SET v = 'plain2' WHERE id = ${x * 10}; COMMIT`,
    );
    this.counts.c += 1;
    this.counts.u += 1;
  }
}

test("A4 A5 A8: random histories of XA, while connections are cut all the time", async ({ rig }) => {
  await using proxy = await FaultProxy.start(rig.server.process.port);
  await using tape = await rig.tape({ url: proxy.urlFor(rig.server.url) });
  const history = new RandomXa(rig, 48);
  for (let i = 0; i < 250; i++) {
    await history.step();
    if (i % 9 === 0) proxy.cut();
    if (i % 25 === 0) await rig.same(tape);
  }
  await history.endAll();
  await rig.same(tape);
  expect(tape.position.gtids.equals(await rig.executed())).toBe(true);
  expect(await rig.counted(tape)).toEqual(history.counts);
  expect(proxy.opened).toBeGreaterThan(20);
});
