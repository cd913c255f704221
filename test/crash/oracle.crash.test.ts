import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { CrashRig } from "../support/crash-rig.ts";
import { inParallel } from "../support/in-parallel.ts";
import { mysqlTest } from "../support/mysql.ts";
import { runReport, type Place } from "../support/oracle.ts";
import { withBugAt, type BugSite } from "../support/seeded-bug.ts";
import { TallylakeProcess } from "../support/tallylake-process.ts";
import type { TestDatabase, TestMysql } from "../support/test-mysql.ts";

/*
 * The judge is judged: the program is made wrong on purpose, and what each side notices is written down. A
 * table is named after what goes wrong with it; with `sound` and `behind` nothing does.
 */
const BUGS = ["skip", "drop_delete", "swap", "micros", "truncate"] as const;
const TABLES = ["sound", "twice", "behind", ...BUGS] as const;

interface Shared {
  readonly rig: CrashRig;
  readonly database: TestDatabase;
  /** A lake behind its first commits, with the changes still in the binlog. */
  readonly start: Place;
}

let shared: Promise<Shared> | null = null;

const test = mysqlTest.extend("shared", ({ mysql }) => (shared ??= makeShared(mysql)));

afterAll(async () => {
  const made = await shared;
  await made?.rig[Symbol.asyncDispose]();
  await made?.database[Symbol.asyncDispose]();
});

const AT = "TIMESTAMP('2024-06-30 23:59:59.123456')";

async function makeShared(mysql: TestMysql): Promise<Shared> {
  const rig = await CrashRig.open(mysql);
  const database = await mysql.database();
  for (const name of TABLES) {
    await database.run(
      `CREATE TABLE ${name} (id INT PRIMARY KEY, t VARCHAR(40) NOT NULL, at DATETIME(6) NOT NULL);
       INSERT INTO ${name} VALUES (1, 'eins', ${AT}), (2, 'zwei', ${AT}), (3, 'drei', ${AT}), (4, 'vier', ${AT})`,
    );
  }
  const start = await rig.place(database.name);
  expect(await run(rig, start, ["init"])).toMatchObject({ code: 0 });
  for (const name of TABLES) {
    await database.run(
      `START TRANSACTION; INSERT INTO ${name} VALUES (10, 'zehn żółw', ${AT}); UPDATE ${name} SET t = 'one' WHERE id = 1; COMMIT;
       START TRANSACTION; UPDATE ${name} SET t = 'uno' WHERE id = 1; DELETE FROM ${name} WHERE id = 2; UPDATE ${name} SET t = 'tre' WHERE id = 3; COMMIT`,
    );
  }
  return { rig, database, start };
}

const FOLLOW = ["follow", "--until-caught-up"];

async function run(rig: CrashRig, place: Place, args: readonly string[], site?: BugSite) {
  const bug = site === undefined ? { preload: [], env: {} } : withBugAt(site);
  await using child = TallylakeProcess.start(place.dir, args, { ...bug, env: { ...bug.env, ...rig.env } });
  return await child.ended;
}

interface Noticed {
  /** Whether the comparison with MySQL, cell by cell, finds a difference. */
  readonly cells: boolean;
  /** The program's own comparison of content. */
  readonly deep: string | null;
  /** What the counts say. */
  readonly findings: readonly string[];
}

const SOUND: Noticed = { cells: false, deep: "match", findings: [] };
const ALL_SOUND = Object.fromEntries(TABLES.map((table) => [table, SOUND]));

/** By table. */
async function notice({ rig, database }: Shared, place: Place): Promise<Readonly<Record<string, Noticed>>> {
  const report = await runReport(place, rig.env);
  if (typeof report === "string") throw new Error(report);
  const noticed: Record<string, Noticed> = {};
  for (const { table, deep, findings } of report) {
    const cells = await rig.oracle.cells(database.connection, place, { database: database.name, table });
    noticed[table] = { cells: cells.length > 0, deep, findings };
  }
  return noticed;
}

/** The content is wrong in each case, and each time both comparisons of content see it. */
const DEEP = {
  skip: "missing",
  drop_delete: "extra",
  swap: "different",
  micros: "different",
  truncate: "different",
} as const;

/** What the counts see depends on where it happens: behind the last hop with digests, only how many there are. */
const FINDINGS: Readonly<Record<"capture" | "channel" | "lake", Partial<Record<keyof typeof DEEP, string>>>> =
  {
    capture: {
      skip: "capture: source = capture missing (rows)",
      drop_delete: "capture: source = capture missing (rows)",
    },
    channel: {
      skip: "consume: capture = consume missing (rows)",
      drop_delete: "consume: capture = consume missing (rows)",
      swap: "consume: capture = consume different (content)",
      micros: "consume: capture = consume different (content)",
      truncate: "consume: capture = consume different (content)",
    },
    lake: {
      skip: "apply: dedup = apply missing (rows)",
      drop_delete: "apply: dedup = apply missing (rows)",
    },
  };

test("a seeded bug is noticed wherever it is, in the cells and in the report, and nothing else is", async ({
  shared,
}) => {
  const { rig, start } = shared;
  const sites = ["capture", "channel", "lake"] as const;
  const noticed = await inParallel(sites, 2, async (site) => {
    const place = await rig.copy(start);
    expect(await run(rig, place, FOLLOW, site)).toMatchObject({ code: 0 });
    return notice(shared, place);
  });
  for (const [i, site] of sites.entries()) {
    const expected = BUGS.map((bug): [string, Noticed] => {
      const finding = FINDINGS[site][bug];
      return [bug, { cells: true, deep: DEEP[bug], findings: finding === undefined ? [] : [finding] }];
    });
    expect(noticed[i], site).toEqual({ ...ALL_SOUND, ...Object.fromEntries(expected) });
  }
});

describe("applied twice", () => {
  test("batches that come a second time end the program, and nothing of them is in the lake", async ({
    shared,
  }) => {
    const { rig, database, start } = shared;
    const place = await rig.copy(start);
    const end = await run(rig, place, FOLLOW, "repeat");
    expect(end.code).toBe(70);
    expect(end.stderr).toMatch(
      /InvariantError: (transaction \d+ comes after \d+|.* is repeated or out of order)/,
    );
    expect(await run(rig, place, FOLLOW)).toMatchObject({ code: 0 });
    expect(await rig.judge(place, database, TABLES)).toEqual([]);
  });

  test("what a table holds already counts as a duplicate; one that forgets what it holds has too much", async ({
    shared,
  }) => {
    const { rig, database, start } = shared;
    // One table stands behind the others, so the stream begins there and brings them what they hold.
    const followed = await rig.copy(start);
    expect(await run(rig, followed, FOLLOW)).toMatchObject({ code: 0 });
    const folder = join(database.name, "behind");
    await rm(join(followed.lakeDir, folder), { recursive: true });
    await cp(join(start.lakeDir, folder), join(followed.lakeDir, folder), { recursive: true });
    const [right, wrong] = await inParallel([null, "dedup"] as const, 2, async (site) => {
      const place = await rig.copy(followed);
      expect(await run(rig, place, FOLLOW, site ?? undefined)).toMatchObject({ code: 0 });
      return notice(shared, place);
    });
    expect(right).toEqual(ALL_SOUND);
    // Changes that are applied again in their order leave the rows as they are: only the counts can tell.
    const findings = ["capture: source = capture extra (rows)"];
    expect(wrong).toEqual({ ...ALL_SOUND, twice: { cells: false, deep: "match", findings } });
  });
});
