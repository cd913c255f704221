import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { tablePaths } from "../../../src/lake/lake-path.ts";
import type { CommitResult, LakeTable } from "../../../src/types/ports.ts";
import { setStepHook } from "../../../src/util/step.ts";
import { ChangeWriter, type RowChange } from "../../support/change-writer.ts";
import { commitInfo, latestFiles, testLake, type TestLake } from "../../support/lake.ts";
import {
  HISTORY_SCHEMA,
  play,
  shown,
  snapshotRows,
  stateOf,
  wishes,
  type ModelState,
} from "../../support/lake-history.ts";
import { lakeSchema } from "../../support/lake-schemas.ts";
import { literal } from "../../../src/lake/duckdb.ts";

class Crash extends Error {}

afterEach(() => setStepHook(null));

/** Runs the work and gives the steps that it passes. */
async function stepsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const steps: string[] = [];
  setStepHook((name) => steps.push(name));
  await work().finally(() => setStepHook(null));
  return steps;
}

/** Runs the work up to its step number `at`, and ends it there; whether it came so far. */
async function crashAt(at: number, work: () => Promise<unknown>): Promise<boolean> {
  let count = 0;
  setStepHook((name) => {
    if (count++ >= at) throw new Crash(name);
  });
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return true;
  } finally {
    setStepHook(null);
  }
}

/** The rows of the table as a reader sees them. */
async function tableRows(lake: TestLake): Promise<readonly string[]> {
  const files = await latestFiles(lake.tableDir(HISTORY_SCHEMA));
  if (files.length === 0) return [];
  const rows = await lake.rows(`SELECT id, v, part FROM read_parquet([${files.map(literal).join(", ")}])`);
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** Nothing may be left on disk of a commit that did not complete. */
async function expectTidy(lake: TestLake): Promise<void> {
  const paths = tablePaths(lake.lakeDir, HISTORY_SCHEMA.id);
  const timeline = (await readdir(paths.hoodie)).filter((name) => /^\d/.test(name)).sort();
  const completed = timeline.filter((name) => name.endsWith(".commit")).map((name) => name.slice(0, 17));
  const expected = completed.flatMap((t) => [`${t}.commit`, `${t}.commit.requested`, `${t}.inflight`]).sort();
  expect(timeline).toEqual(expected);
  const files = (await readdir(paths.root)).filter((name) => name.endsWith(".parquet"));
  expect(
    files.filter((name) => !completed.includes(name.slice(-"20260101000000000.parquet".length, -8))),
  ).toEqual([]);
  expect((await readdir(paths.aux)).sort()).toEqual(["tallylake.json", "tallylake.lock"]);
  expect(await readdir(join(paths.hoodie, ".temp")).catch(() => [])).toEqual([]);
}

/** One table and the source that it follows: what was written where, and what the table must hold. */
class Replica {
  readonly lake: TestLake;
  readonly writer = new ChangeWriter(HISTORY_SCHEMA);
  table: LakeTable;
  /** State of the source at each position that a commit may reach, by GTID set. */
  readonly states = new Map<string, ModelState>();
  readonly snapshot: readonly (readonly string[])[];

  constructor(lake: TestLake, table: LakeTable, snapshot: readonly (readonly string[])[]) {
    this.lake = lake;
    this.table = table;
    this.snapshot = snapshot;
    this.states.set("", stateOf(snapshot));
  }

  static async begin(lake: TestLake, keys: readonly number[]): Promise<Replica> {
    return new Replica(lake, await lake.open(HISTORY_SCHEMA), snapshotRows(keys));
  }

  async load(): Promise<CommitResult> {
    const chunk = await this.lake.stage(this.table, HISTORY_SCHEMA, { index: 0, rows: this.snapshot });
    return this.table.load(HISTORY_SCHEMA, [chunk], commitInfo(this.writer));
  }

  async append(changes: readonly (readonly RowChange[])[], after: ModelState): Promise<void> {
    await this.table.append(this.writer.batch(changes));
    this.states.set(this.writer.gtids, after);
  }

  /** Ends the table's writer as a crash would, and opens it again. */
  async reopen(): Promise<void> {
    await this.table.close();
    this.table = await this.lake.open(HISTORY_SCHEMA);
  }

  /** The table holds exactly the state of its checkpoint. */
  async expectExact(): Promise<void> {
    const { checkpoint } = this.table;
    const expected = checkpoint === null ? [] : shown(this.stateAt(checkpoint.position.gtids.toString()));
    expect(await tableRows(this.lake)).toEqual(expected);
  }

  stateAt(gtids: string): ModelState {
    const state = this.states.get(gtids);
    expect.assert(state !== undefined);
    return state;
  }
}

const CHANGES: readonly (readonly RowChange[])[] = [
  [
    { op: "u", row: ["0", '"changed"', '""'] },
    { op: "d", row: ["1", '"x"', '""'] },
    { op: "move", from: ["0", '"x"', '"odd:,"'], row: ["9", '"moved"', '"odd:,"'] },
  ],
];

function afterChanges(before: ModelState): ModelState {
  const state = new Map(before);
  state.set('"" 0', ["0", '"changed"', '""']);
  state.delete('"" 1');
  state.delete('"odd:," 0');
  state.set('"odd:," 9', ["9", '"moved"', '"odd:,"']);
  return state;
}

/** A table with a first commit and three more, each touching all buckets. */
async function grown(lake: TestLake): Promise<Replica> {
  const replica = await Replica.begin(lake, [0, 1, 2, 3, 4, 5]);
  await replica.load();
  for (let i = 0; i < 3; i++) {
    const rows = snapshotRows([0, 1, 2, 3, 4, 5]);
    const state = stateOf(rows);
    await replica.append([rows.map((row) => ({ op: "u" as const, row }))], state);
    await replica.table.commit(commitInfo(replica.writer));
  }
  return replica;
}

/** Every step once where it comes first and once where it comes last. */
const points = (steps: readonly string[]): readonly number[] =>
  steps
    .map((_name, i) => i)
    .filter((i) => steps.indexOf(steps[i] ?? "") === i || steps.lastIndexOf(steps[i] ?? "") === i);

describe("a writer that ends at any step leaves a table that goes on", () => {
  test("in the first commit", async () => {
    await using dry = await testLake();
    const first = await Replica.begin(dry, [0, 1, 2, 3]);
    const steps = await stepsOf(() => first.load());
    await first.table.close();
    expect(steps).toContain("lake.create.properties");
    for (const at of points(steps)) {
      await using lake = await testLake();
      const replica = await Replica.begin(lake, [0, 1, 2, 3]);
      expect(await crashAt(at, () => replica.load())).toBe(true);
      await replica.reopen();
      await replica.expectExact();
      if (replica.table.checkpoint === null) await replica.load();
      await replica.expectExact();
      await expectTidy(lake);
      await replica.table.close();
    }
  });

  test("in a later commit, and again while it recovers", async () => {
    await using lake = await testLake();
    const replica = await grown(lake);
    const root = lake.tableDir(HISTORY_SCHEMA);
    const saved = join(lake.dir, "saved");
    await replica.table.close();
    await cp(root, saved, { recursive: true });
    const after = afterChanges(replica.stateAt(replica.writer.gtids));
    const batch = replica.writer.batch(CHANGES);
    replica.states.set(replica.writer.gtids, after);
    const restart = async (): Promise<void> => {
      await rm(root, { recursive: true });
      await cp(saved, root, { recursive: true });
      replica.table = await lake.open(HISTORY_SCHEMA);
    };
    const commit = async (): Promise<void> => {
      await replica.table.append(batch);
      await replica.table.commit(commitInfo(replica.writer));
    };
    await restart();
    const steps = await stepsOf(commit);
    await replica.table.close();
    expect(steps).toContain("lake.commit.completed");
    for (const at of points(steps)) {
      await restart();
      expect(await crashAt(at, commit)).toBe(true);
      await replica.table.close();
      // Each step of the recovery ends another writer, until one comes through.
      for (let step = 0; ; step++) {
        const opened = { table: null as LakeTable | null };
        const crashed = await crashAt(step, async () => (opened.table = await lake.open(HISTORY_SCHEMA)));
        expect.assert(crashed || opened.table !== null);
        if (opened.table === null) continue;
        replica.table = opened.table;
        break;
      }
      await replica.expectExact();
      const isIn = replica.table.checkpoint?.position.gtids.toString() === replica.writer.gtids;
      expect(isIn).toBe(at > steps.indexOf("lake.commit.complete"));
      if (!isIn) await commit();
      await replica.expectExact();
      expect(await tableRows(lake)).toEqual(shown(after));
      await replica.table.close();
      await expectTidy(lake);
    }
  });

  test("in a renewal with another key", async () => {
    await using lake = await testLake();
    const replica = await grown(lake);
    const root = lake.tableDir(HISTORY_SCHEMA);
    const saved = join(lake.dir, "saved");
    await replica.table.close();
    await cp(root, saved, { recursive: true });
    const before = await tableRows(lake);
    const renewed = lakeSchema(
      HISTORY_SCHEMA.columns.map(({ name, type }) => [name, type]),
      ["id"],
    );
    expect(renewed.id).toEqual(HISTORY_SCHEMA.id);
    const rows = snapshotRows([7, 8, 9]);
    const after = shown(stateOf(rows));
    const restart = async (): Promise<LakeTable> => {
      await rm(root, { recursive: true });
      await cp(saved, root, { recursive: true });
      return lake.open(HISTORY_SCHEMA);
    };
    const renew = async (table: LakeTable): Promise<void> => {
      await table.renew(renewed);
      const chunk = await lake.stage(table, renewed, { index: 0, rows });
      await table.load(renewed, [chunk], commitInfo(replica.writer));
    };
    const first = await restart();
    const steps = await stepsOf(() => renew(first));
    await first.close();
    expect(steps.slice(steps.indexOf("lake.commit.completed"))).toContain("lake.create.properties");
    for (const at of points(steps)) {
      const table = await restart();
      expect(await crashAt(at, () => renew(table))).toBe(true);
      await table.close();
      const again = await lake.open(HISTORY_SCHEMA);
      const isIn = at > steps.indexOf("lake.commit.complete");
      expect([again.schema?.primaryKey, await tableRows(lake)]).toEqual(
        isIn ? [["id"], after] : [HISTORY_SCHEMA.primaryKey, before],
      );
      if (!isIn) await renew(again);
      await again.close();
      await (await lake.open(renewed)).close();
      expect(await tableRows(lake)).toEqual(after);
      await expectTidy(lake);
    }
  });

  test("in the middle of a cleaning", async () => {
    await using lake = await testLake();
    const replica = await grown(lake);
    await replica.table.commit(commitInfo(replica.writer));
    for (let at = 0; ; at++) {
      const crashed = await crashAt(at, () => replica.table.clean(Date.now() + 60_000));
      await replica.reopen();
      await replica.expectExact();
      if (!crashed) break;
      expect(at).toBeLessThan(20);
    }
    // Two slices of each of the two groups.
    const files = (await readdir(lake.tableDir(HISTORY_SCHEMA))).filter((name) => name.endsWith(".parquet"));
    expect(files).toHaveLength(4);
    await replica.table.close();
  });

  test("in any history of commits", { timeout: 120_000 }, async () => {
    const history = fc.record({
      keys: fc.uniqueArray(fc.nat(7)),
      commits: fc.array(wishes, { minLength: 1, maxLength: 3 }),
      crashes: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ keys, commits, crashes }) => {
        await using lake = await testLake();
        const replica = await Replica.begin(lake, keys);
        await replica.load();
        let state = replica.stateAt("");
        const left = [...crashes];
        for (const wish of commits) {
          const { changes, after } = play(state, wish);
          state = after;
          const batch = replica.writer.batch(changes);
          replica.states.set(replica.writer.gtids, after);
          const gtids = replica.writer.gtids;
          const commit = async (): Promise<void> => {
            await replica.table.append(batch);
            await replica.table.commit(commitInfo(replica.writer));
          };
          const at = left.shift();
          if (at === undefined || !(await crashAt(at, commit))) {
            if (at === undefined) await commit();
          } else {
            await replica.reopen();
            await replica.expectExact();
            if (replica.table.checkpoint?.position.gtids.toString() !== gtids) await commit();
          }
          await replica.expectExact();
        }
        expect(await tableRows(lake)).toEqual(shown(state));
        await replica.table.close();
        await expectTidy(lake);
      }),
      { numRuns: 12 },
    );
  });
});
