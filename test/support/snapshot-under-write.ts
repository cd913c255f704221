import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadShop } from "../../scripts/shop/load.ts";
import { SHOP_TABLES } from "../../scripts/shop/schema.ts";
import { ShopWriters } from "../../scripts/shop/writers.ts";
import type { CrashRig, CrashRun, CrashRunEnd } from "./crash-rig.ts";
import { lakeTableFiles } from "./oracle-lake.ts";
import type { Place } from "./oracle.ts";
import type { TestDatabase } from "./test-mysql.ts";
import { waitFor } from "./wait-for.ts";

export interface UnderWriteOptions {
  readonly seed: number;
  /** 1 is 337,000 rows. */
  readonly scale: number;
  readonly writers: number;
  readonly transactionsPerSecond: number;
}

export interface UnderWriteOutcome {
  readonly wrong: readonly string[];
  /** Whether it came as far as the comparison with MySQL. */
  readonly isJudged: boolean;
  /** Its folder, which is still there when something is wrong. */
  readonly dir: string;
  /** What happened between the watermarks, over all tables. */
  readonly changes: number;
  /** Rows that a chunk has read and a change overtook, and changes that a later one overtook. */
  readonly superseded: number;
  /** Tables that changed between the watermarks. */
  readonly tablesChanged: number;
  readonly chunks: number;
}

const CONFIG = `
lake: ./lake
defaults: { buckets: 2 }
snapshot: { parallel: 4, chunkRows: 100 }
commit: { every: 1s, rows: 1000 }
memory: { duckdb: 400MiB, queue: 4MiB }
`;

/** In the middle of the chunks: how much changes while they are read must not depend on the speed of a machine. */
const INIT: CrashRun = { args: ["init"], unitRows: 1000, gates: [{ step: "init.recorded", nth: 30 }] };
const CHANGED_MS_MAX = 60_000;
const FOLLOW: CrashRun = { args: ["follow", "--until-caught-up"], unitRows: 1000 };

/**
 * A snapshot of the sample shop while many sessions change it, then the stream, at first with the writers
 * still at work; at last everything is compared.
 */
export async function snapshotUnderWrite(
  rig: CrashRig,
  options: UnderWriteOptions,
): Promise<UnderWriteOutcome> {
  await using database = await rig.mysql.database();
  await loadShop({ url: database.url, scale: options.scale });
  const place = await rig.place(database.name, { config: CONFIG });
  const ends: CrashRunEnd[] = [];
  {
    await using writers = await ShopWriters.start({ ...options, url: database.url });
    ends.push(await rig.run(place, { ...INIT, onGate: () => everyTableChanged(database) }));
    ends.push(await rig.run(place, FOLLOW));
    await writers.stop();
  }
  ends.push(await rig.run(place, FOLLOW));
  const failed = ends.flatMap(({ code, signal, stderr }) =>
    code === 0 ? [] : [`ended with ${String(code ?? signal)}: ${stderr.trim()}`],
  );
  const wrong = failed.length > 0 ? failed : await rig.judge(place, database, SHOP_TABLES);
  const firsts = await Promise.all(SHOP_TABLES.map((table) => firstCommit(place, database.name, table)));
  const sum = (of: (first: FirstCommit) => number): number =>
    firsts.reduce((total, first) => total + of(first), 0);
  if (wrong.length === 0) await rig.remove(place);
  return {
    wrong,
    isJudged: failed.length === 0,
    dir: place.dir,
    changes: sum((first) => first.changes),
    superseded: sum((first) => first.superseded),
    tablesChanged: firsts.filter((first) => first.changes > 0).length,
    chunks: ends[0]?.steps.filter((step) => step === "init.recorded").length ?? 0,
  };
}

/** Waits until each table holds something else than it does now. */
async function everyTableChanged(database: TestDatabase): Promise<void> {
  const sums = async (): Promise<readonly string[]> => {
    const rows = await database.rows(`CHECKSUM TABLE ${SHOP_TABLES.join(", ")}`);
    return rows.map(([, sum]) => String(sum));
  };
  const before = await sums();
  const hasChanged = async (): Promise<boolean> => {
    const now = await sums();
    return now.every((sum, i) => sum !== before[i]);
  };
  await waitFor("every table to change", hasChanged, { timeoutMs: CHANGED_MS_MAX, intervalMs: 100 });
}

interface FirstCommit {
  readonly changes: number;
  readonly superseded: number;
}

type CountLine = readonly [hop: string, countClass: string, minute: number, rows: number];

/** What the first commit of a table says about itself. */
async function firstCommit(place: Place, database: string, table: string): Promise<FirstCommit> {
  const root = join(place.lakeDir, database, table);
  const [instant] = (await lakeTableFiles(root)).commits;
  if (instant === undefined) return { changes: 0, superseded: 0 };
  const text = await readFile(join(root, ".hoodie", `${instant}.commit`), "utf8");
  const { extraMetadata } = JSON.parse(text) as { extraMetadata: Readonly<Record<string, string>> };
  const counts = JSON.parse(extraMetadata["tallylake.counts"] ?? "[]") as readonly CountLine[];
  const rowsOf = (hop: string, classes: readonly string[]): number =>
    counts
      .filter(([h, c]) => h === hop && classes.includes(c))
      .reduce((rows, [, , , count]) => rows + count, 0);
  return { changes: rowsOf("capture", ["c", "u", "d"]), superseded: rowsOf("apply", ["superseded"]) };
}
