import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { SnapshotManifest } from "../../../src/capture/snapshot-manifest.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import { lockHolder } from "../../../src/lake/lock-holder.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { runProgram } from "../../support/run-program.ts";
import { TallylakeProcess } from "../../support/tallylake-process.ts";
import { tempDir } from "../../support/temp-dir.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";
import { waitFor } from "../../support/wait-for.ts";

interface StatusJson {
  readonly lagTransactions: number | null;
  readonly source: {
    readonly error: string | null;
    readonly version: string | null;
    readonly gtids: string | null;
  };
  readonly process: { readonly state: string; readonly pid: number | null; readonly sinceMs: number | null };
  readonly trace: { readonly state: string; readonly queuedCommits: number | null };
  readonly tables: readonly {
    readonly table: string;
    readonly state: string;
    readonly lagTransactions: number | null;
    readonly lagSeconds: number | null;
    readonly snapshot: unknown;
    readonly stop: { readonly code: string; readonly hint: string } | null;
    readonly lakeError: string | null;
    readonly checkpoint: { readonly gtids: string } | null;
    readonly commits:
      | readonly { readonly inserted: number; readonly rowsAfter: number; readonly instant: string }[]
      | null;
  }[];
}

/** A config and its folders. */
class Site {
  readonly dir: string;
  readonly #config: string;
  readonly #url: string;

  constructor(dir: string, url: string) {
    this.dir = dir;
    this.#config = join(dir, "tallylake.yaml");
    this.#url = url;
  }

  static async make(dir: string, database: string, url: string): Promise<Site> {
    const site = new Site(dir, url);
    const text = `source: {url: '\${env:URL}', tls: 'off', connectTimeout: 2s}
tables: ['${database}.orders', '${database}.i*']
lake: ./lake
trace: off
commit: {every: 100ms, idleEvery: 1h}
defaults: {schemaChanges: stop}
`;
    await writeFile(site.#config, text);
    return site;
  }

  run(...argv: readonly string[]): ReturnType<typeof runProgram> {
    return runProgram([...argv, "--config", this.#config], { URL: this.#url });
  }

  async status(): Promise<StatusJson & { readonly exitCode: number }> {
    const { exitCode, out, err } = await this.run("status", "--format", "json");
    expect(err).toBe("");
    return { ...(JSON.parse(out) as StatusJson), exitCode };
  }

  /** As a process of its own, since it reads the binlog on a thread that runs the sources as they are. */
  start(command: "init" | "follow"): TallylakeProcess {
    return TallylakeProcess.start(this.dir, [command], { env: { URL: this.#url } });
  }

  async init(): Promise<void> {
    await using init = this.start("init");
    const { code, stderr } = await init.ended;
    expect(code, stderr).toBe(0);
  }

  /** The same folders with a source that does not answer. */
  get cutOff(): Site {
    return new Site(this.dir, "mysql://root:c4nary@127.0.0.1:1");
  }
}

const short = (status: StatusJson): unknown =>
  status.tables.map(({ table, state, lagTransactions }) => [table, state, lagTransactions]);

async function makeTables(database: TestDatabase): Promise<void> {
  await database.run("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))");
  await database.run("INSERT INTO orders VALUES (1, 'one'), (2, NULL)");
  await database.run("CREATE TABLE items (id INT PRIMARY KEY)");
}

/** Where nothing is known of other processes, that none is there cannot be said. */
async function absentOrUnknown(site: Site): Promise<{ readonly process: string; readonly state: string }> {
  const database = (await readdir(join(site.dir, "lake")))[0] ?? "";
  const holder = await lockHolder(join(site.dir, "lake"), [{ database, table: "orders" }]);
  return holder.state === "free"
    ? { process: "absent", state: "not running" }
    : { process: "unknown", state: "running" };
}

describe("status", () => {
  mysqlTest("before there is anything, and with nobody to ask", async ({ mysql, database }) => {
    await using dir = await tempDir();
    await makeTables(database);
    const site = await Site.make(dir.path, database.name, mysql.url);
    const fresh = await site.status();
    expect(short(fresh)).toEqual([
      ["items", "not started", null],
      ["orders", "not started", null],
    ]);
    expect(fresh).toMatchObject({ exitCode: 0, process: { state: "absent" }, trace: { state: "off" } });
    // The server writes the tags of a UUID behind its numbers, and we each as a set of its own.
    const gtids = GtidSet.parse(String(await database.value("SELECT @@gtid_executed"))).toString();
    expect(fresh.source).toMatchObject({ error: null, gtids });

    const cutOff = await site.cutOff.status();
    // Without the source only what the config names in full is known.
    expect(short(cutOff)).toEqual([["orders", "not started", null]]);
    expect(cutOff).toMatchObject({ exitCode: 0, lagTransactions: null, source: { version: null } });
    expect(cutOff.source.error).toMatch(/127\.0\.0\.1:1/);
    expect(JSON.stringify(cutOff)).not.toContain("c4nary");
    const { out } = await site.cutOff.run("status");
    expect(out.split("\n")[0]).toBe("lag      unknown");
    expect(await readdir(dir.path)).toEqual(["tallylake.yaml"]);
  });

  mysqlTest("a snapshot that was left in the middle", async ({ mysql, database }) => {
    await using dir = await tempDir();
    await makeTables(database);
    const site = await Site.make(dir.path, database.name, mysql.url);
    const file = join(dir.path, ".tallylake", "snapshot", "manifest.ndjson");
    const position = { gtids: GtidSet.empty, file: "binlog.000001", offset: 4, seq: 0, last: null };
    const identity = { source: "s", epoch: 1 };
    const manifest = await SnapshotManifest.create(file, identity, { position, serverUuid: "u" });
    const id = { database: database.name, table: "orders" };
    await manifest.beginPlan(id, "v");
    for (const index of [0, 1]) await manifest.addBounds(id, { index, after: null, through: null });
    await manifest.addChunk(id, { index: 0, file: "f", rows: 1, readAtMs: 1 });
    expect(
      (await site.status()).tables.map(({ table, state, snapshot }) => [table, state, snapshot]),
    ).toEqual([
      ["orders", "snapshot unfinished", { chunksDone: 1, chunks: null }],
      ["items", "not started", null],
    ]);
    await manifest.endPlan(id);
    // Another process may be in the middle of a line: it is left alone.
    await writeFile(file, '{"kind":"pl', { flag: "a" });
    expect((await site.status()).tables[0]?.snapshot).toEqual({ chunksDone: 1, chunks: 2 });
    await writeFile(file, 'anned"}\n', { flag: "a" });
    const { exitCode, err, out } = await site.run("status");
    expect([exitCode, err.includes("the progress of the snapshot cannot be read")]).toEqual([0, true]);
    expect(out).toContain("not started");
  });

  mysqlTest("from the first commit to a stop and past it", async ({ mysql, database }) => {
    await using dir = await tempDir();
    await makeTables(database);
    const site = await Site.make(dir.path, database.name, mysql.url);
    await site.init();
    const { process: noProcess, state: atRest } = await absentOrUnknown(site);
    const first = await site.status();
    expect([first.process.state, first.exitCode, first.lagTransactions]).toEqual([noProcess, 0, 0]);
    expect(first.tables.map(({ table, lagSeconds, commits }) => [table, lagSeconds, commits])).toMatchObject([
      ["items", 0, [{ inserted: 0, rowsAfter: 0 }]],
      ["orders", 0, [{ inserted: 2, rowsAfter: 2 }]],
    ]);
    await database.run("INSERT INTO orders VALUES (3, 'three')");
    await database.run("UPDATE orders SET note = 'two' WHERE id = 2");
    expect(short(await site.status())).toEqual([
      ["items", atRest, 2],
      ["orders", atRest, 2],
    ]);
    // The lake is known without the source; how far behind it is, is not.
    const cutOff = await site.cutOff.status();
    expect(short(cutOff)).toEqual([
      ["items", atRest, null],
      ["orders", atRest, null],
    ]);
    expect(cutOff.tables[1]?.commits?.[0]?.rowsAfter).toBe(2);

    await using follow = site.start("follow");
    const caughtUp = await waitFor("both tables to be up to date", async () => {
      const status = await site.status();
      return status.tables.every(({ lagTransactions }) => lagTransactions === 0) && status;
    });
    expect(caughtUp.process).toMatchObject({ state: "alive", pid: follow.pid });
    expect(Number(caughtUp.process.sinceMs)).toBeGreaterThan(Date.now() - 60_000);
    // The other table has had no commit since the first, and lacks nothing all the same.
    expect(caughtUp.tables.map(({ table, state, commits }) => [table, state, commits?.length])).toEqual([
      ["items", "up to date", 1],
      ["orders", "up to date", 2],
    ]);
    expect(caughtUp.trace).toMatchObject({ state: "off" });
    // So both are known at one position, and it is the newest.
    const both = `SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM ${database.name}.items)`;
    expect(await site.run("query", "--format", "csv", both)).toMatchObject({ err: "", exitCode: 0 });

    await database.run("ALTER TABLE orders ADD COLUMN extra INT");
    await database.run("INSERT INTO items VALUES (1)");
    const stopped = await waitFor("the table to stop and the other to go on", async () => {
      const status = await site.status();
      return status.exitCode === 1 && status.tables[1]?.commits?.length === 2 && status;
    });
    expect(stopped.tables.map(({ table, state }) => [table, state])).toEqual([
      ["orders", "stopped"],
      ["items", "up to date"],
    ]);
    expect(stopped.tables[0]?.stop).toMatchObject({ code: "TABLE_DDL" });
    follow.signal("SIGTERM");
    expect((await follow.ended).code).toBe(1);
    expect(await readdir(join(dir.path, ".tallylake"))).toContain("stops.json");

    const after = await site.cutOff.status();
    expect([after.exitCode, after.process.state]).toEqual([1, noProcess]);
    expect(after.tables.map(({ table, state }) => [table, state])).toEqual([
      ["orders", "stopped"],
      ["items", atRest],
    ]);
    expect(after.tables[0]?.stop).toEqual(stopped.tables[0]?.stop);
    const text = await site.run("status");
    expect(text.out).toContain(`  remedy: ${after.tables[0]?.stop?.hint ?? "?"}\n`);

    // A table that is made anew has nothing to do with the stop of the old one.
    await rm(join(dir.path, "lake", database.name, "orders"), { recursive: true });
    expect(short(await site.status())).toMatchObject([
      ["orders", "not started", null],
      ["items", atRest, 0],
    ]);
    await site.init();
    expect(short(await site.status())).toEqual([
      ["items", atRest, 0],
      ["orders", atRest, 0],
    ]);
  });

  mysqlTest("a table that changed while nobody followed", async ({ mysql, database }) => {
    await using dir = await tempDir();
    await makeTables(database);
    const site = await Site.make(dir.path, database.name, mysql.url);
    await site.init();
    await database.run("ALTER TABLE orders ADD COLUMN extra INT");
    await using follow = site.start("follow");
    const status = await waitFor("the other table to be followed", async () => {
      const now = await site.status();
      return now.process.sinceMs !== null && now.tables.at(-1)?.state === "up to date" && now;
    });
    expect([status.exitCode, status.tables.map(({ table, state }) => [table, state])]).toEqual([
      1,
      [
        ["orders", "stopped"],
        ["items", "up to date"],
      ],
    ]);
    follow.signal("SIGTERM");
    expect((await follow.ended).code).toBe(1);
    expect((await site.status()).tables[0]).toMatchObject({ table: "orders", state: "stopped" });
  });

  mysqlTest("one table that cannot be read hides no other", async ({ mysql, database }) => {
    await using dir = await tempDir();
    await makeTables(database);
    const site = await Site.make(dir.path, database.name, mysql.url);
    await site.init();
    const hoodie = join(dir.path, "lake", database.name, "items", ".hoodie");
    const commit = (await readdir(hoodie)).find((name) => name.endsWith(".commit")) ?? "";
    await writeFile(join(hoodie, commit), "{");
    const status = await site.status();
    expect(status.tables.map(({ table, state }) => [table, state])).toEqual([
      ["items", "unknown"],
      ["orders", (await absentOrUnknown(site)).state],
    ]);
    expect(status.tables[0]?.lakeError).toContain(commit);
    expect([status.exitCode, status.lagTransactions]).toEqual([0, null]);
  });
});
