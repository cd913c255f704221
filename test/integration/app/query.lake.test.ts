import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handlers } from "../../../src/app/handlers.ts";
import { Lifecycle } from "../../../src/app/lifecycle.ts";
import { Program } from "../../../src/app/program.ts";
import { countBatch } from "../../../src/types/batch-count.ts";
import { readArrow } from "../../support/arrow-values.ts";
import { CapturedOutput } from "../../support/captured-output.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, IDENTITY, testLake, type TestLake } from "../../support/lake.ts";
import { INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";
import { runProgram } from "../../support/run-program.ts";
import { waitFor } from "../../support/wait-for.ts";

/* The command with a config, on a lake without any source: that is not asked. */

const MAIN = join(import.meta.dirname, "..", "..", "..", "src", "main.ts");
const START_MS = Date.UTC(2026, 5, 1);
let lake: TestLake;
let config: string;

/** Commits of three tables, each at its own time and position. */
beforeAll(async () => {
  lake = await testLake();
  config = join(lake.dir, "tallylake.yaml");
  await mkdir(join(lake.dir, ".tallylake", "tmp"), { recursive: true });
  await writeFile(
    config,
    `source: {url: 'mysql://nobody@127.0.0.1:1', tls: 'off'}
tables: ['shop.*']
exclude: ['shop.hidden']
lake: ./lake
`,
  );
  const commits: readonly (readonly [table: string, minute: number, gtid: number, text: string | null])[] = [
    ["orders", 1, 20, '"later"'],
    ["items", 2, 25, '"other"'],
    ["alone", 3, 30, null],
  ];
  for (const [name, minute, gtid, text] of commits) {
    let nowMs = START_MS;
    const columns = [
      ["id", INT],
      ["note", VARCHAR],
    ] as const;
    const schema = lakeSchema(columns, ["id"], name);
    const table = await lake.open(schema, { now: () => nowMs, buckets: 1 });
    const writer = new ChangeWriter(schema, { gtid: name === "alone" ? 12 : 10 });
    const staged = await lake.stage(table, schema, { index: 0, rows: [["1", '"first"']] });
    await table.load(schema, [staged], commitInfo(writer));
    nowMs += minute * 60_000;
    const changes = Array.from({ length: gtid - writer.gtidNumber }, (_, i) =>
      i === 0 ? [{ op: "u" as const, row: ["1", text ?? '"changed"'] }] : [],
    );
    const batch = writer.batch(changes);
    await table.append(batch);
    const counts = countBatch(batch, { identity: IDENTITY, hop: "dedup", class: "new", content: false });
    await table.commit({ ...commitInfo(writer), counts });
    await table.close();
  }
  const hidden = lakeSchema([["id", INT]], ["id"], "hidden");
  const table = await lake.open(hidden);
  await table.load(
    hidden,
    [await lake.stage(table, hidden, { index: 0, rows: [] })],
    commitInfo(new ChangeWriter(hidden)),
  );
  await table.close();
});
afterAll(() => lake[Symbol.asyncDispose]());

const query = (...argv: readonly string[]) => runProgram(["query", "--config", config, ...argv]);

describe("query", () => {
  test("shows a table to people, and how many rows there are", async () => {
    expect(await query("SELECT *, NULL AS nothing FROM orders")).toEqual({
      exitCode: 0,
      out: "id  note   nothing\n──  ─────  ───────\n 1  later     NULL\n",
      err: "1 row\n",
    });
  });

  test("writes nothing but the data in the other formats", async () => {
    const sql = "SELECT note, id FROM orders";
    expect(await query("--format", "csv", sql)).toEqual({
      exitCode: 0,
      out: "note,id\r\nlater,1\r\n",
      err: "",
    });
    expect(await query("--format", "json", sql)).toEqual({
      ...{ exitCode: 0, err: "" },
      out: '{"note":"later","id":1}\n',
    });
  });

  test("an Arrow stream comes through the pipe of a process", async () => {
    const child = start("--format", "arrow", "SELECT id, note FROM orders");
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(readArrow(pieces)).toEqual({
      ...{ batches: [1], columns: [[1], ["later"]] },
      fields: [
        ["id", "Int32"],
        ["note", "Utf8"],
      ],
    });
  });

  test("says when the tables' newest states are not what is shown", async () => {
    const both = await query("--format", "csv", "SELECT o.note, i.note AS item FROM orders o, items i");
    expect(both).toMatchObject({ exitCode: 0, out: "note,item\r\nfirst,first\r\n" });
    expect(both.err.replace(/^\S+ /, "")).toBe(
      "INFO  all tables as of binlog.000001:14, the newest position that is known of each; newer commits are left out, up to 2m00s later\n",
    );
    const apart = await query("--format", "csv", "SELECT o.note, a.note AS alone FROM orders o, alone a");
    expect(apart).toMatchObject({ exitCode: 0, out: "note,alone\r\nlater,changed\r\n" });
    expect(apart.err.replace(/^\S+ /, "")).toBe(
      'WARN  tables stand at different positions: shop.orders binlog.000001:24, shop.alone binlog.000001:34 remedy="`tallylake follow --until-caught-up` ends with all of them at one"\n',
    );
  });

  test("goes back to a time, and to the first digits of an instant", async () => {
    const at = async (when: string): Promise<string> =>
      (await query("--format", "csv", "--as-of", when, "SELECT note FROM items")).out;
    expect(await at("2026-06-01T00:01:59.999")).toBe("note\r\nfirst\r\n");
    expect(await at("2026-06-01T00:02")).toBe("note\r\nother\r\n");
    expect(await at("2026-06-01T02:01+02:00")).toBe("note\r\nfirst\r\n");
    expect(await at("202606010001")).toBe("note\r\nfirst\r\n");
    expect(await at("202606010002")).toBe("note\r\nother\r\n");
    expect(await query("--as-of", "2026-05-31", "FROM items")).toMatchObject({ exitCode: 69, out: "" });
  });

  test("knows the tables that the config means", async () => {
    expect((await query("--format", "csv", "SELECT name FROM (SHOW ALL TABLES) ORDER BY 1")).out).toBe(
      "name\r\nalone\r\nalone$meta\r\nitems\r\nitems$meta\r\norders\r\norders$meta\r\n",
    );
    expect(await query("FROM shop.hidden")).toEqual({
      ...{ exitCode: 64, out: "" },
      err: 'tallylake: Table with name hidden does not exist! (line 1, column 6) (QUERY_FAILED)\n  remedy: Did you mean "items"?\n',
    });
  });

  test("does not write an Arrow stream onto a terminal", async () => {
    const out = new CapturedOutput({ isTTY: true, columns: 80 });
    const err = new CapturedOutput();
    const lifecycle = new Lifecycle({ write: () => undefined, exit: () => undefined });
    const argv = ["query", "--config", config, "--format", "arrow", "FROM orders"];
    const { readFileSync } = await import("node:fs");
    const program = new Program({
      ...{ argv, env: {}, hostname: "h", version: "1", out, err, now: Date.now, lifecycle, handlers },
      readFile: (file) => readFileSync(file),
    });
    expect([await program.run(), out.text]).toEqual([64, ""]);
    expect(err.text).toContain("the output is a terminal (USAGE)");
  });
});

describe("a query in a process", () => {
  const LONG = "SELECT i, repeat('x', 100) AS t FROM range(100000000) r(i)";

  test("ends quietly when nobody reads any more", async () => {
    const child = start("--format", "csv", LONG);
    let err = "";
    child.stderr.on("data", (text: Buffer) => (err += text.toString()));
    const [piece] = (await once(child.stdout, "data")) as [Buffer];
    child.stdout.destroy();
    expect(await once(child, "close")).toEqual([0, null]);
    expect([piece.toString().slice(0, 5), err]).toEqual(["i,t\r\n", ""]);
  });

  test("is interrupted by a signal, also while DuckDB has nothing to show yet", async () => {
    const child = start(
      "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i, j) = 7",
    );
    let err = "";
    child.stderr.on("data", (text: Buffer) => (err += text.toString()));
    // Its folder for spilled data is made just before it begins.
    await waitFor("the query to begin", async () => (await foldersOf(child.pid ?? 0)).length > 0);
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([130, null]);
    expect(err).toBe("SIGINT: finishing nothing: the query is interrupted; a second signal stops at once\n");
  });
});

const foldersOf = async (pid: number): Promise<readonly string[]> =>
  (await readdir(join(lake.dir, ".tallylake", "tmp"))).filter((name) => name.startsWith(`lake-${pid}-`));

const start = (...argv: readonly string[]) =>
  spawn(process.execPath, [MAIN, "query", "--config", config, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    // A query that is not interrupted must not outlive its test.
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
