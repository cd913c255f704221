import { selectGrant, withGrant } from "../capture/account.ts";
import type { MysqlSource } from "../capture/mysql-source.ts";
import { selectGroupDigests, selectRowDigests } from "../capture/row-digest-sql.ts";
import type { LakeDatabase } from "../lake/duckdb.ts";
import { lakeGroupDigests, lakeRowDigests } from "../lake/row-digest-sql.ts";
import type { TableReader, TableSnapshot } from "../lake/table-reader.ts";
import type { DeepResult } from "../trace/report.ts";
import { equalDigest } from "../types/digest.ts";
import { GtidSet } from "../types/gtid.ts";
import { readUpTo } from "../types/source-position.ts";
import type { GroupDigest, RowDigest } from "../types/row-digest.ts";
import { sleep } from "../util/abort.ts";
import { formatCount } from "../util/units.ts";
import type { TableWriter } from "./table-writer.ts";

export interface DeepCompareOptions {
  readonly source: MysqlSource;
  readonly db: LakeDatabase;
  readonly table: TableReader;
  readonly signal: AbortSignal;
  /** Asked while the lake is behind the source: whether it makes sense to wait for it. */
  readonly writer: () => Promise<TableWriter>;
}

/** Readings of a group that differs while the source changes, before it counts as undecided. */
const READINGS_MAX = 3;
/** Groups whose rows are compared one by one, and keys that are named. */
const GROUPS_NAMED_MAX = 16;
const KEYS_NAMED_MAX = 20;
/** How long to wait for a running `follow` to bring the lake to what the source had, and for one that is not seen. */
const WAIT_MS = 60_000;
const UNSEEN_WAIT_MS = 10_000;
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
    const undecided = (note: string): DeepResult => ({
      ...{ verdict: "inconclusive", ...result, keys: [], keysDiffering: null, note },
    });
    if (attempt === READINGS_MAX) {
      return undecided(
        `${groups.length} of its 256 groups of rows changed while they were compared, ${READINGS_MAX} times; stop the writers, or run it again`,
      );
    }
    const behind = await waitForLake(options, reading);
    if (behind !== null) return undecided(behind);
  }
}

async function read(options: DeepCompareOptions, groups: readonly number[] | null): Promise<Reading> {
  const { source, db, table } = options;
  const snapshot = await table.snapshot(null);
  const { schema, zeroDates } = snapshot.commit;
  const { executedGtids: before } = await source.facts();
  const rows = await source.pool.use(
    (connection) =>
      withGrant(connection, selectGrant(table.id), () =>
        connection.query(selectGroupDigests(schema, { zeroDates, groups, dialect: connection.dialect })),
      ),
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

/**
 * Nothing was committed at the source while it was read, and the lake holds just that. Rows that are only prepared
 * no reader sees, and the lake does not have them.
 */
function isStill({ before, after, snapshot }: Reading): boolean {
  return before.equals(after) && readUpTo(snapshot.commit.checkpoint.position).equals(after);
}

/**
 * Until the lake has what the source had, or it makes no sense to wait any longer. The result says how far behind
 * it is when it has not moved at all: another reading would show the same then.
 */
async function waitForLake(
  { table, signal, writer }: DeepCompareOptions,
  { after, snapshot }: Reading,
): Promise<string | null> {
  // The clock of the machine may be set, and the wait must not end or last with it.
  for (const start = performance.now(); ;) {
    // Asked first: a process that has ended by now has committed before.
    const state = await writer();
    const latest = await table.latest();
    const missing = after.subtract(latest === null ? GtidSet.empty : readUpTo(latest.checkpoint.position));
    if (missing.isEmpty) return null;
    if (performance.now() - start < WAITS_MS[state]) await sleep(POLL_MS, signal);
    else return latest?.instant === snapshot.commit.instant ? behindText(missing, WHY_BEHIND[state]) : null;
  }
}

const WAITS_MS: Readonly<Record<TableWriter, number>> = {
  there: WAIT_MS,
  unknown: UNSEEN_WAIT_MS,
  stopped: 0,
  absent: 0,
};

const CATCH_UP = "run `tallylake follow --until-caught-up`, then the report again";
const WHY_BEHIND: Readonly<Record<TableWriter, string>> = {
  there: "the running `follow` made no commit of the table for a minute: run the report again when it has",
  unknown: `no \`follow\` is seen to bring it forward: unless one runs, ${CATCH_UP}`,
  stopped: "the running `follow` has left the table where it stopped: `tallylake status` says why",
  absent: `no \`follow\` runs: ${CATCH_UP}`,
};

function behindText(missing: GtidSet, why: string): string {
  const count = Number(missing.size);
  return `the lake is ${formatCount(count)} transaction${count === 1 ? "" : "s"} behind MySQL, and ${why}`;
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
      (connection) =>
        connection.query(selectRowDigests(schema, { zeroDates, group, dialect: connection.dialect })),
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
