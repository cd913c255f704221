import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import type { Problem } from "../../src/types/ports.ts";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { lakeTableFiles } from "../support/oracle-lake.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle, placeIn } from "../support/oracle.ts";
import { canMount, SmallDisks } from "../support/small-disks.ts";
import { runTallylake } from "../support/tallylake-process.ts";
import { remedyIn } from "../support/tool-run.ts";

/* A lake that holds what it should not, and disks that do not take what they should. */

const oracle = Oracle.open();
afterAll(async () => (await oracle)[Symbol.asyncDispose]());

const tables = (...names: readonly string[]): string =>
  names
    .map(
      (name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v LONGBLOB); INSERT INTO ${name} VALUES (1, 'a')`,
    )
    .join("; ");

const test = mysqlTest.extend(
  "begin",
  ({ mysql }) =>
    async (sql: string) =>
      BadDay.begin({ server: mysql, oracle: await oracle, sql }),
);

test("what stands in the way of a new table is named, and left alone", async ({ begin }) => {
  await using day = await begin(tables("photos", "theirs", "fine"));
  const [photos, theirs] = [day.tableDir("photos"), join(day.tableDir("theirs"), ".hoodie")];
  await mkdir(photos, { recursive: true });
  await writeFile(join(photos, "one.jpg"), "x");
  await mkdir(theirs, { recursive: true });
  await writeFile(join(theirs, "hoodie.properties"), "hoodie.table.name=theirs\nhoodie.table.version=6\n");
  const { out, exitCode } = await day.run(["check", "--format", "json"]);
  const { problems } = JSON.parse(out) as { problems: readonly Problem[] };
  const errors = problems.filter(({ severity }) => severity === "error");
  expect([exitCode, ...errors.map(({ code, message }) => `${code} ${day.anonymous(message)}`)]).toEqual([
    1,
    "LAKE_NOT_EMPTY P/lake/d/photos is not empty, and holds no table of tallylake",
    "LAKE_NOT_EMPTY P/lake/d/theirs is not empty, and holds no table of tallylake",
  ]);
  const full = await day.run(INIT);
  expect(day.told(full)).toEqual([
    69,
    "LAKE_NOT_EMPTY the folder P/lake/d/photos holds something that is not a table of tallylake",
  ]);
  expect(remedyIn(full)).toBe("Choose another `lake` folder, or move what is there away.");
  await rename(photos, join(day.place.dir, "photos"));
  const foreign = await day.run(INIT);
  expect(day.told(foreign)).toEqual([
    69,
    "LAKE_FOREIGN_TABLE P/lake/d/theirs is not a table that tallylake may write: it is a Hudi table that tallylake did not make",
  ]);
  expect(await readdir(theirs)).toEqual(["hoodie.properties"]);
  expect(day.told(await day.takeAnew("theirs"))).toEqual([0]);
  expect(await day.wrong("photos", "theirs", "fine")).toEqual([]);
});

test("a table that is damaged, or that somebody else wrote to, stops alone", async ({ begin }) => {
  const names = ["fine", "footer", "strange", "timeline"];
  await using day = await begin(tables(...names));
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(names.map((name) => `INSERT INTO ${name} VALUES (2, 'b')`).join("; "));
  const { latest } = await lakeTableFiles(day.tableDir("footer"));
  const footer = latest[0] ?? "";
  const bytes = await readFile(footer);
  await truncate(footer, bytes.length - 1);
  const theirs = join(day.tableDir("strange"), ".hoodie/20990101000000000.commit");
  await writeFile(theirs, '{"partitionToWriteStats":{"":[]},"extraMetadata":{}}');
  const timeline = join(day.tableDir("timeline"), ".hoodie");
  const commit = join(timeline, (await readdir(timeline)).find((name) => name.endsWith(".commit")) ?? "");
  const text = await readFile(commit);
  await truncate(commit, text.length - 40);
  const end = await day.run(CATCH_UP);
  const named = (text: number | string): string =>
    String(text).replaceAll(/S-\d+_\d+-\d+-\d+_\d{17}|\d{17}(?=\.commit)|: Expected .*/g, "N");
  const left = [
    "LAKE_CORRUPT the base file P/lake/d/footer/N.parquet cannot be read",
    "LAKE_FOREIGN_WRITE P/lake/d/strange was changed by another program: the commit 20990101000000000 is not one that we know of",
    "LAKE_CORRUPT P/lake/d/timeline/.hoodie/N.commit is corruptN",
  ];
  expect(day.told(end).map(named)).toEqual(["1", ...left, ...left]);
  expect(await day.different("fine")).toEqual([]);
  expect((await day.outcome(INIT)).map(named)).toEqual(["69", left[1]]);
  await appendFile(footer, bytes.subarray(-1));
  await rm(theirs);
  await writeFile(commit, text);
  expect(await day.wrong(...names)).toEqual([]);
});

test.runIf(canMount() || process.env["CI"] === "true")(
  "a disk that is full, and one that cannot be written",
  async ({ mysql }) => {
    const random =
      "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ? + 5999) SELECT i, RANDOM_BYTES(1000) FROM n";
    const fill = (from: number): string => random.replaceAll("?", String(from));
    const sql = `SET cte_max_recursion_depth = 10000; ${tables("t")}; ${fill(10)}`;
    await using day = await BadDay.begin({ server: mysql, oracle: await oracle, sql });
    const { dir, lakeDir, stateDir } = day.place;
    await using disks = await SmallDisks.mount({ [lakeDir]: "4m", [stateDir]: "1m" });
    const run = async (args: readonly string[]): Promise<readonly unknown[]> => {
      const { code, signal, stderr } = await runTallylake(dir, args, { within: disks.within(dir) });
      // Nobody is sent to look at the source for a disk of ours.
      expect(stderr).not.toContain("the source is away");
      return [code ?? signal, ...errorCodes(stderr)];
    };
    const different = async (): Promise<readonly string[]> => {
      await using session = await mysql.connect();
      const place = placeIn(disks.pathOf(dir));
      return await (await oracle).cells(session, place, { database: day.database, table: "t" });
    };
    expect(await run(INIT)).toEqual([75, "LAKE_DISK_FULL"]);
    disks.remount(stateDir, "size=4m");
    expect(await run(INIT)).toEqual([75, "LAKE_DISK_FULL"]);
    disks.remount(stateDir, "size=64m");
    expect(await run(INIT)).toEqual([75, "LAKE_DISK_FULL"]);
    disks.remount(lakeDir, "size=64m");
    expect(await run(INIT)).toEqual([0]);
    expect(await different()).toEqual([]);
    await day.sql(`SET cte_max_recursion_depth = 10000; ${fill(10_000)}`);
    disks.remount(lakeDir, "size=10m");
    expect(await run(CATCH_UP)).toEqual([75, "LAKE_DISK_FULL"]);
    disks.remount(lakeDir, "size=64m");
    disks.remount(stateDir, "size=64m,ro");
    expect(await run(CATCH_UP)).toEqual([69, "LAKE_READ_ONLY"]);
    disks.remount(stateDir, "size=64m,rw");
    disks.remount(lakeDir, "size=64m,ro");
    expect(await run(CATCH_UP)).toEqual([69, "LAKE_READ_ONLY"]);
    disks.remount(lakeDir, "size=64m,rw");
    expect(await run(CATCH_UP)).toEqual([0]);
    expect(await different()).toEqual([]);
  },
);

test("too few file handles, wherever they are missed", async ({ begin }) => {
  await using day = await begin(tables("t", "u"));
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("INSERT INTO t VALUES (2, 'b')");
  // While modules are loaded, the lake is opened, the binlog is looked at, and its thread begins.
  for (const limit of [22, 24, 26, 28, 30]) {
    const within = ["sh", "-c", `ulimit -n ${limit} && exec "$@"`, "sh"];
    const { code, stderr } = await runTallylake(day.place.dir, CATCH_UP, { within });
    expect([limit, code, ...errorCodes(stderr)]).toEqual([limit, 69, "TOO_MANY_OPEN_FILES"]);
  }
  expect(await day.wrong("t", "u")).toEqual([]);
});

/** Codes of the errors that ended a process, each with its remedy below it. */
const errorCodes = (stderr: string): readonly (string | undefined)[] =>
  [...stderr.matchAll(/^tallylake: .*\(([A-Z_]+)\)\n {2}remedy: \S/gm)].map(([, code]) => code);
