import type { MysqlSource } from "../capture/mysql-source.ts";
import { selectGroupDigests, selectRowDigests } from "../capture/row-digest-sql.ts";
import type { LakeDatabase } from "../lake/duckdb.ts";
import { lakeGroupDigests, lakeRowDigests } from "../lake/row-digest-sql.ts";
import type { TableReader, TableSnapshot } from "../lake/table-reader.ts";
import type { DeepResult } from "../trace/report.ts";
import { equalDigest } from "../types/digest.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { GroupDigest, RowDigest } from "../types/row-digest.ts";
import { sleep } from "../util/abort.ts";

export interface DeepCompareOptions {
  readonly source: MysqlSource;
  readonly db: LakeDatabase;
  readonly table: TableReader;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** How long to wait for the lake to reach what the source had. */
  readonly waitMs: number;
}

/** Readings of a group that differs while the source changes, before it counts as undecided. */
const READINGS_MAX = 3;
/** Groups whose rows are compared one by one, and keys that are named. */
const GROUPS_NAMED_MAX = 16;
const KEYS_NAMED_MAX = 20;
const POLL_MS = 200;

interface Reading {
  /** What the source had for certain when its side was read, and what it had afterwards. */
  readonly before: GtidSet;
  readonly after: GtidSet;
  readonly snapshot: TableSnapshot;
  readonly source: ReadonlyMap<number, GroupDigest>;
  readonly lake: ReadonlyMap<number, GroupDigest>;
}

/**
 * Compares the content of a table with the lake, group by group. The lake stands at one position and MySQL is
 * read at another, so a group that differs says something only when nothing was committed between the two;
 * otherwise it is read again, later, and in the end counts as undecided.
 */
export async function deepCompare(options: DeepCompareOptions): Promise<DeepResult> {
  let groups: readonly number[] | null = null;
  let first: Reading | null = null;
  for (let attempt = 1; ; attempt++) {
    const reading = await read(options, groups);
    first ??= reading;
    groups = differing(reading);
    const result = {
      rowsSource: rowsOf(first.source),
      rowsLake: rowsOf(first.lake),
      atGtids: positionOf(reading),
    };
    const nothing = { keys: [], keysDiffering: 0, note: null };
    if (groups.length === 0) return { verdict: "match", ...result, ...nothing };
    if (isStill(reading)) return { ...result, ...(await nameKeys(options, reading, groups)) };
    if (attempt === READINGS_MAX) {
      const note = `${groups.length} of its 256 groups of rows changed while they were compared, ${READINGS_MAX} times; stop the writers, or run it again`;
      return { verdict: "inconclusive", ...result, keys: [], keysDiffering: null, note };
    }
    await waitForLake(options, reading.after);
  }
}

async function read(options: DeepCompareOptions, groups: readonly number[] | null): Promise<Reading> {
  const { source, db, table } = options;
  const snapshot = await table.snapshot(null);
  const { schema, zeroDates } = snapshot.commit;
  const { executedGtids: before } = await source.facts();
  const rows = await source.pool.use(
    (connection) => connection.query(selectGroupDigests(schema, { zeroDates, groups })),
    options.signal,
  );
  const { executedGtids: after } = await source.facts();
  const fromSource = rows.map(([group, count, sum, xor]) => ({
    group: Number(group),
    rows: Number(count),
    digest: { sum: BigInt(sum ?? 0), xor: BigInt(xor ?? 0) },
  }));
  const fromLake = await lakeGroupDigests(db, snapshot, groups);
  return { before, after, snapshot, source: byGroup(fromSource), lake: byGroup(fromLake) };
}

const byGroup = (list: readonly GroupDigest[]): ReadonlyMap<number, GroupDigest> =>
  new Map(list.map((digest) => [digest.group, digest]));

const positionOf = (reading: Reading): string => reading.snapshot.commit.checkpoint.position.gtids.toString();

const rowsOf = (groups: ReadonlyMap<number, GroupDigest>): number =>
  [...groups.values()].reduce((sum, { rows }) => sum + rows, 0);

function differing({ source, lake }: Reading): readonly number[] {
  return [...new Set([...source.keys(), ...lake.keys()])]
    .filter((group) => {
      const a = source.get(group);
      const b = lake.get(group);
      return a === undefined || b === undefined || a.rows !== b.rows || !equalDigest(a.digest, b.digest);
    })
    .sort((a, b) => a - b);
}

/** Nothing was committed at the source while it was read, and the lake holds just that. */
function isStill({ before, after, snapshot }: Reading): boolean {
  return before.equals(after) && snapshot.commit.checkpoint.position.gtids.equals(after);
}

/** Until the lake has what the source had; no longer than it makes sense to wait. */
async function waitForLake(
  { table, signal, now, waitMs }: DeepCompareOptions,
  target: GtidSet,
): Promise<void> {
  for (const start = now(); now() - start < waitMs;) {
    const latest = await table.latest();
    if (latest?.checkpoint.position.gtids.includes(target) === true) return;
    await sleep(POLL_MS, signal);
  }
}

type Named = Pick<DeepResult, "verdict" | "keys" | "keysDiffering" | "note">;

async function nameKeys(
  options: DeepCompareOptions,
  reading: Reading,
  groups: readonly number[],
): Promise<Named> {
  const { source, db, signal } = options;
  const { schema, zeroDates } = reading.snapshot.commit;
  const keys: { key: string; kind: "missing" | "extra" | "different" }[] = [];
  for (const group of groups.slice(0, GROUPS_NAMED_MAX)) {
    const rows = await source.pool.use(
      (connection) => connection.query(selectRowDigests(schema, { zeroDates, group })),
      signal,
    );
    const fromSource = rows.map(([key, hash]) => ({ key: key ?? "", hash: hash ?? "" }));
    keys.push(...compareRows(fromSource, await lakeRowDigests(db, reading.snapshot, group)));
  }
  const isAll = groups.length <= GROUPS_NAMED_MAX;
  return {
    verdict: verdictOf(keys.map(({ kind }) => kind)),
    keys: keys.slice(0, KEYS_NAMED_MAX),
    keysDiffering: isAll ? keys.length : null,
    note: isAll
      ? null
      : `${groups.length} of its 256 groups of rows differ; the keys are those of the first ${GROUPS_NAMED_MAX}`,
  };
}

function compareRows(
  source: readonly RowDigest[],
  lake: readonly RowDigest[],
): { key: string; kind: "missing" | "extra" | "different" }[] {
  const inLake = new Map(lake.map(({ key, hash }) => [key, hash]));
  const found: { key: string; kind: "missing" | "extra" | "different" }[] = [];
  for (const { key, hash } of source) {
    const other = inLake.get(key);
    inLake.delete(key);
    if (other === undefined) found.push({ key, kind: "missing" });
    else if (other !== hash) found.push({ key, kind: "different" });
  }
  return [...found, ...[...inLake.keys()].map((key) => ({ key, kind: "extra" as const }))];
}

/** Rows that are gone weigh most, then rows that should not be there. */
function verdictOf(kinds: readonly ("missing" | "extra" | "different")[]): "missing" | "extra" | "different" {
  if (kinds.includes("missing")) return "missing";
  return kinds.includes("extra") && !kinds.includes("different") ? "extra" : "different";
}
