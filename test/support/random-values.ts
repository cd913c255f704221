import fc from "fast-check";
import { must } from "../../src/util/assert.ts";
import { CRASH_CONFIG, type CrashRig } from "./crash-rig.ts";
import { RANDOM_TABLE, randomRow } from "./random-row.ts";
import { batchRows } from "./batch-lines.ts";
import { snapshotRows } from "./snapshot-rows.ts";
import { SourceFeed } from "./source-feed.ts";
import type { TestDatabase } from "./test-mysql.ts";

export interface RandomValues {
  readonly seed: number;
  readonly rows: number;
  /** The server has neither VECTOR nor a JSON type: such columns are of bytes and text. */
  readonly isMariadb?: boolean;
}

const TABLE = "random";
const ROWS_AT_ONCE = 250;
const DIFFERENCES_MAX = 5;
const AS_JSON = /^CAST\((.*) AS JSON\)$/s;
/** An update writes both images of a row, and changes what follows a text of any length. */
const UPDATE = `UPDATE ${TABLE} SET c_text = CONCAT(COALESCE(c_text, ''), '\\0"é')`;

async function createTable(database: TestDatabase, isMariadb = false): Promise<void> {
  await database.run("SET sql_mode = '', time_zone = '+00:00'");
  await database.run(isMariadb ? RANDOM_TABLE.replace("VECTOR(40)", "BLOB") : RANDOM_TABLE);
}

/** Rows with the keys from `from` on. */
async function insertRows(
  database: TestDatabase,
  { rows, from }: { readonly rows: readonly (readonly string[])[]; readonly from: number },
): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    const values = rows.slice(i, i + ROWS_AT_ONCE).map((row, j) => `(${from + i + j}, ${row.join(", ")})`);
    await database.run(`INSERT INTO ${TABLE} VALUES ${values.join(",")}`);
  }
}

export interface CodecOutcome {
  /** Where the two texts of a row differ; empty when they never do. */
  readonly wrong: readonly string[];
  /** Rows that were compared. */
  readonly rows: number;
}

/** Random rows, half of them changed once, as the binlog's codec writes them and as the snapshot's does. */
export async function compareCodecs(database: TestDatabase, options: RandomValues): Promise<CodecOutcome> {
  const { isMariadb = false } = options;
  await createTable(database, isMariadb);
  await using feed = await SourceFeed.open(database.server.url, { source: "test", epoch: 1 });
  const schemas = await feed.schemas([{ database: database.name, table: TABLE }]);
  const { position } = await feed.now();
  const rows = fc.sample(randomRow, { numRuns: options.rows, seed: options.seed });
  const plain = isMariadb ? rows.map((row) => row.map((value) => value.replace(AS_JSON, "$1"))) : rows;
  await insertRows(database, { rows: plain, from: 0 });
  await database.run(`${UPDATE} WHERE id % 2 = 0`);
  const { batches } = await feed.changesSince(position, schemas);
  const last = new Map<number, string>();
  for (const row of [...batches.values()].flat().flatMap(batchRows)) last.set(idOf(row), row);
  const snapshot = await snapshotRows(feed.connection, must(schemas[0], "a schema"));
  const wrong = snapshot.flatMap((row) => {
    const other = last.get(idOf(row));
    return other === row ? [] : [`snapshot ${row}, binlog ${other ?? "nothing"}`];
  });
  if (last.size !== options.rows) wrong.push(`${last.size} rows in the binlog`);
  if (snapshot.length !== options.rows) wrong.push(`${snapshot.length} rows in the snapshot`);
  return { wrong: wrong.slice(0, DIFFERENCES_MAX), rows: snapshot.length };
}

const idOf = (row: string): number => Number(/^\{"id":(\d+)/.exec(row)?.[1]);

export interface LakeValuesOutcome {
  readonly wrong: readonly string[];
  readonly isJudged: boolean;
  readonly dir: string;
  readonly rows: number;
}

/** Random rows through the whole program into the lake: half by the snapshot, half by the binlog, then updates. */
export async function carryRandomRows(rig: CrashRig, options: RandomValues): Promise<LakeValuesOutcome> {
  await using database = await rig.mysql.database();
  await createTable(database);
  const wide = `overrides: [{tables: ["*.${TABLE}"], decimalsAsText: [c_dec_65_17]}]`;
  const place = await rig.place(database.name, { config: `${CRASH_CONFIG}\n${wide}\n` });
  const rows = fc.sample(randomRow, { numRuns: options.rows, seed: options.seed });
  const half = Math.floor(rows.length / 2);
  const run = async (...args: readonly string[]): Promise<readonly string[]> => {
    const { code, signal, stderr } = await rig.run(place, { args });
    return code === 0 ? [] : [`${args.join(" ")} ended with ${String(code ?? signal)}: ${stderr.trim()}`];
  };
  await insertRows(database, { rows: rows.slice(0, half), from: 0 });
  const failed = [...(await run("init"))];
  await insertRows(database, { rows: rows.slice(half), from: half });
  await database.run(`${UPDATE} WHERE id % 3 = 0`);
  if (failed.length === 0) failed.push(...(await run("follow", "--until-caught-up")));
  const wrong = failed.length > 0 ? failed : await rig.judge(place, database, [TABLE]);
  if (wrong.length === 0) await rig.remove(place);
  return { wrong, isJudged: failed.length === 0, dir: place.dir, rows: rows.length };
}
