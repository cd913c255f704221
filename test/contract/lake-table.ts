import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sliceBatch, type RowForm } from "../../src/types/change-batch.ts";
import type { HopCount } from "../../src/types/hop-count.ts";
import type { LakeTable, StagedChunk } from "../../src/types/ports.ts";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { SIMPLE_SCHEMA } from "../support/batch.ts";
import { ChangeWriter, type RowChange } from "../support/change-writer.ts";
import { commitInfo, READ_AT_MS } from "../support/lake.ts";
import { expectCounts, offered, offeredRows, totals } from "../support/lake-count-check.ts";
import { PRICED } from "../support/lake-schemas.ts";
import { renewal } from "./lake-renewal.ts";
import { HISTORY_SCHEMA, play, shown, snapshotRows, stateOf, wishes } from "../support/lake-history.ts";

/** A lake that starts empty, and how its tables are read without the code that writes them. */
export interface LakeUnderTest extends AsyncDisposable {
  /** Of the rows that it is given. */
  readonly form: RowForm;
  open(schema: TableSchema): Promise<LakeTable>;
  stage(
    table: LakeTable,
    schema: TableSchema,
    chunk: { readonly index: number; readonly rows: readonly (readonly string[])[] },
  ): Promise<StagedChunk>;
  /** The user's columns of each row, as JSON, sorted. */
  shown(schema: TableSchema): Promise<readonly string[]>;
  /** `_tl_seq`, `_tl_ts_ms`, `_tl_txn`, `_tl_n`, `_tl_op` by `id`. */
  tracking(schema: TableSchema): Promise<ReadonlyMap<number, readonly unknown[]>>;
}

const S = SIMPLE_SCHEMA;
const row = (id: number, v: string): readonly string[] => [String(id), JSON.stringify(v)];
const put = (op: "c" | "u", id: number, v: string): RowChange => ({ op, row: row(id, v) });
const del = (id: number): RowChange => ({ op: "d", row: row(id, "gone") });
const sorted = (rows: readonly (readonly [number, string])[]): readonly string[] =>
  rows.map((r) => JSON.stringify(r)).sort();

/** A table with the rows 0 to `count` - 1, loaded from two chunks. */
async function loaded(
  lake: LakeUnderTest,
  count: number,
): Promise<{ readonly table: LakeTable; readonly writer: ChangeWriter }> {
  const table = await lake.open(S);
  const writer = new ChangeWriter(S, { form: lake.form });
  const rows = Array.from({ length: count }, (_, i) => row(i, `v${i}`));
  const half = count >> 1;
  const chunks = [
    await lake.stage(table, S, { index: 0, rows: rows.slice(0, half) }),
    await lake.stage(table, S, { index: 1, rows: rows.slice(half) }),
  ];
  await table.load(S, chunks, commitInfo(writer));
  return { table, writer };
}

export function lakeTableContract(name: string, start: () => Promise<LakeUnderTest>): void {
  describe(`${name} as a LakeTable`, () => {
    firstCommit(start);
    laterCommits(start);
    countsAddUp(start);
    lifeCycle(start);
    renewal(start);
  });
}

function firstCommit(start: () => Promise<LakeUnderTest>): void {
  test("is nothing before its first commit", async () => {
    await using lake = await start();
    const table = await lake.open(S);
    expect(table.id).toEqual(S.id);
    expect(table.schema).toBeNull();
    expect(table.checkpoint).toBeNull();
    expect(table.pendingRows).toBe(0);
    expect(await table.commits(null)).toEqual([]);
    await table.close();
  });

  test("loads a snapshot that is the table", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 5);
    expect(await lake.shown(S)).toEqual(sorted([0, 1, 2, 3, 4].map((i) => [i, `v${i}`])));
    expect(table.schema).toEqual(S);
    expect(table.checkpoint).toEqual(commitInfo(writer).checkpoint);
    const tracking = await lake.tracking(S);
    expect(tracking.get(1)).toEqual([0n, BigInt(READ_AT_MS), "snap:0", 1n, "r"]);
    expect(tracking.get(4)).toEqual([0n, BigInt(READ_AT_MS + 1), "snap:1", 2n, "r"]);
    await table.close();
  });

  test.each([0, 1])("loads an empty table from %i chunks", async (chunks) => {
    await using lake = await start();
    const table = await lake.open(S);
    const writer = new ChangeWriter(S, { form: lake.form });
    const staged = chunks === 0 ? [] : [await lake.stage(table, S, { index: 0, rows: [] })];
    const result = await table.load(S, staged, commitInfo(writer));
    expect([result.rowsAfter, result.filesWritten]).toEqual([0, 0]);
    expect(await lake.shown(S)).toEqual([]);
    await table.append(writer.batch([[put("c", 1, "first")]]));
    expect((await table.commit(commitInfo(writer))).rowsAfter).toBe(1);
    expect(await lake.shown(S)).toEqual(sorted([[1, "first"]]));
    await table.close();
  });

  test("upserts what changed meanwhile onto the snapshot", async () => {
    await using lake = await start();
    const table = await lake.open(S);
    const writer = new ChangeWriter(S, { form: lake.form });
    const rows = [0, 1, 2, 3].map((i) => row(i, "read"));
    const chunk = await lake.stage(table, S, { index: 0, rows });
    await table.append(
      writer.batch([
        [put("u", 0, "changed"), del(1), put("c", 7, "new")],
        [put("c", 8, "brief"), del(8), { op: "move", from: row(2, "x"), row: row(9, "moved") }],
      ]),
    );
    expect(table.pendingRows).toBe(7);
    const result = await table.load(S, [chunk], commitInfo(writer));
    expect(await lake.shown(S)).toEqual(
      sorted([
        [0, "changed"],
        [3, "read"],
        [7, "new"],
        [9, "moved"],
      ]),
    );
    // Four rows of the snapshot and seven changes; three rows and one change were overtaken.
    expect(totals(result.counts)).toEqual({
      applied: 7,
      superseded: 4,
      upserted: 4,
      inserted: 4,
      updated: 0,
      deleted: 0,
      before: 0,
      after: 4,
    });
    expect(table.pendingRows).toBe(0);
    expect((await lake.tracking(S)).get(9)?.slice(0, 1)).toEqual([7n]);
    await table.close();
  });

  test("stages a chunk again as it was", async () => {
    await using lake = await start();
    const table = await lake.open(S);
    const chunk = { index: 3, rows: [row(1, "a"), row(2, "b")] };
    const first = await lake.stage(table, S, chunk);
    expect(await lake.stage(table, S, chunk)).toEqual(first);
    expect(first.rows).toBe(2);
    await table.load(S, [first], commitInfo(new ChangeWriter(S, { form: lake.form })));
    expect(await lake.shown(S)).toHaveLength(2);
    await table.close();
  });
}

function laterCommits(start: () => Promise<LakeUnderTest>): void {
  test("keeps the last change of each key", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 6);
    await table.append(
      writer.batch([
        [put("u", 0, "one"), put("u", 0, "two")],
        [del(1), put("c", 1, "again")],
        [put("c", 10, "x"), del(10)],
        [{ op: "move", from: row(2, "x"), row: row(20, "moved") }, del(3), del(99)],
      ]),
    );
    const result = await table.commit(commitInfo(writer));
    expect(await lake.shown(S)).toEqual(
      sorted([
        [0, "two"],
        [1, "again"],
        [4, "v4"],
        [5, "v5"],
        [20, "moved"],
      ]),
    );
    expect(totals(result.counts)).toEqual({
      applied: 7,
      superseded: 3,
      upserted: 3,
      inserted: 1,
      updated: 2,
      deleted: 2,
      before: 6,
      after: 5,
    });
    expect(result.rowsAfter).toBe(5);
    const txn = (n: number): string => `shop/1/0c6af1f1-e54f-11f1-9974-02fc00000001:${n}`;
    const tracking = await lake.tracking(S);
    expect(tracking.get(0)).toEqual([2n, 1_780_000_001_000n, txn(1), 1n, "u"]);
    expect(tracking.get(20)).toEqual([8n, 1_780_000_004_000n, txn(4), 0n, "c"]);
    expect(tracking.get(4)?.[2]).toBe("snap:1");
    await table.close();
  });

  test("takes a transaction that is cut into batches, and many small ones", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 2);
    const big = writer.batch([Array.from({ length: 50 }, (_, i) => put("c", 100 + i, `c${i}`))]);
    await table.append(sliceBatch(big, 0, 20));
    await table.append(sliceBatch(big, 20, 50));
    for (let i = 0; i < 50; i++) await table.append(writer.batch([[put("u", 100 + i, `u${i}`)], []]));
    expect(table.pendingRows).toBe(100);
    expect(totals((await table.commit(commitInfo(writer))).counts)).toMatchObject({
      applied: 50,
      superseded: 50,
      inserted: 50,
      after: 52,
    });
    expect((await lake.shown(S)).filter((text) => text.includes('"u'))).toHaveLength(50);
    await table.close();
  });

  test("takes batches that are each worth reading, one right behind the other", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 1);
    const long = "x".repeat(1 << 20);
    for (let i = 0; i < 5; i++) {
      const batches = [100, 200].map((id) =>
        writer.batch([Array.from({ length: 17 }, (_, j) => put("c", id + j, long))]),
      );
      for (const batch of batches) await table.append(batch);
      expect((await table.commit(commitInfo(writer))).rowsAfter).toBe(35);
    }
    await table.close();
  });

  test("moves its checkpoint by an empty commit that writes nothing", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 3);
    writer.batch([[put("c", 100, "of another table")]]);
    const result = await table.commit(commitInfo(writer));
    expect([result.filesWritten, result.bytesWritten, result.rowsAfter]).toEqual([0, 0, 3]);
    expect(table.checkpoint).toEqual(commitInfo(writer).checkpoint);
    expect(await lake.shown(S)).toHaveLength(3);
    await table.close();
  });

  test("goes on when its last row is gone", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 4);
    await table.append(writer.batch([[del(0), del(1), del(2), del(3)]]));
    expect((await table.commit(commitInfo(writer))).rowsAfter).toBe(0);
    expect(await lake.shown(S)).toEqual([]);
    await table.append(writer.batch([[put("c", 2, "back")]]));
    expect((await table.commit(commitInfo(writer))).rowsAfter).toBe(1);
    expect(await lake.shown(S)).toEqual(sorted([[2, "back"]]));
    await table.close();
  });

  test("drops what was appended, when told to", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 3);
    const from = { seq: writer.seq, gtid: writer.gtidNumber };
    await table.append(writer.batch([[put("u", 0, "never")]]));
    await table.discard();
    expect(table.pendingRows).toBe(0);
    // The stream begins again at the checkpoint, with the same numbers.
    const again = new ChangeWriter(S, from);
    await table.append(again.batch([[put("u", 1, "instead")]]));
    await table.commit(commitInfo(again));
    expect(await lake.shown(S)).toEqual(
      sorted([
        [0, "v0"],
        [1, "instead"],
        [2, "v2"],
      ]),
    );
    await table.close();
  });
}

function countsAddUp(start: () => Promise<LakeUnderTest>): void {
  test("holds the model's rows, and counts that add up, in any history", { timeout: 120_000 }, async () => {
    const history = fc.record({
      keys: fc.uniqueArray(fc.nat(7)),
      rounds: fc.array(wishes, { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(history, async ({ keys, rounds }) => {
        await using lake = await start();
        const table = await lake.open(HISTORY_SCHEMA);
        const writer = new ChangeWriter(HISTORY_SCHEMA, { form: lake.form });
        const snapshot = snapshotRows(keys);
        const chunk = await lake.stage(table, HISTORY_SCHEMA, { index: 0, rows: snapshot });
        let state = stateOf(snapshot);
        let rowsBefore = 0;
        for (const [i, round] of rounds.entries()) {
          const { changes, after } = play(state, round);
          const batch = writer.batch(changes);
          state = after;
          await table.append(batch);
          const info = commitInfo(writer);
          const { counts, rowsAfter } =
            i === 0 ? await table.load(HISTORY_SCHEMA, [chunk], info) : await table.commit(info);
          const read = offeredRows(i === 0 ? snapshot.length : 0, HISTORY_SCHEMA.id);
          expectCounts(counts, [...offered([batch]), read], { rowsBefore, rowsAfter });
          expect(await lake.shown(HISTORY_SCHEMA)).toEqual(shown(state));
          rowsBefore = rowsAfter;
        }
        await table.close();
      }),
      { numRuns: 12 },
    );
  });
}

function lifeCycle(start: () => Promise<LakeUnderTest>): void {
  test("is opened again as it was left, without what was not committed", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 3);
    const checkpoint = commitInfo(writer).checkpoint;
    await table.append(writer.batch([[put("u", 0, "lost")]]));
    await table.close();
    const again = await lake.open(S);
    expect(again.checkpoint).toEqual(checkpoint);
    expect(again.schema).toEqual(S);
    expect(again.pendingRows).toBe(0);
    expect(await lake.shown(S)).toHaveLength(3);
    await again.close();
  });

  test("lists its commits with checkpoints and counts, in order", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 3);
    const infos = [commitInfo(writer)];
    const results = [];
    for (let i = 0; i < 3; i++) {
      await table.append(writer.batch([[put("u", 0, `v${i}`)]]));
      const counts: HopCount = {
        hop: "capture",
        class: "u",
        minute: 29_000_000,
        rows: 1,
        ids: { sum: 2n ** 63n + 5n, xor: 7n },
        content: { sum: 1n, xor: 2n },
      };
      const info = { ...commitInfo(writer), counts: [counts] };
      infos.push(info);
      results.push(await table.commit(info));
      expect(results.at(-1)?.counts[0]).toEqual(counts);
    }
    const commits = await table.commits(null);
    expect(commits.map(({ checkpoint }) => checkpoint)).toEqual(infos.map(({ checkpoint }) => checkpoint));
    expect(commits.slice(1).map(({ instant, counts }) => ({ instant, counts }))).toEqual(
      results.map(({ instant, counts }) => ({ instant, counts })),
    );
    expect(commits.map(({ instant }) => instant)).toEqual([...commits.map(({ instant }) => instant)].sort());
    expect(await table.commits(commits[1]?.instant ?? "")).toEqual(commits.slice(2));
    expect(await table.commits(commits.at(-1)?.instant ?? "")).toEqual([]);
    await table.close();
  });

  test("stops at a value that does not fit, and goes on without it", async () => {
    await using lake = await start();
    const table = await lake.open(PRICED);
    const { form } = lake;
    const row = (id: number, price: string): readonly string[] => [String(id), `"${price}"`];
    const chunk = await lake.stage(table, PRICED, { index: 0, rows: [row(0, "1.00")] });
    const writer = new ChangeWriter(PRICED, { form });
    await table.load(PRICED, [chunk], commitInfo(writer));
    const from = { seq: writer.seq, gtid: writer.gtidNumber, form };
    const fine: RowChange = { op: "u", row: row(0, "1.50") };
    await table.append(writer.batch([[fine, { op: "c", row: row(12, "twelve") }]]));
    await expect(table.commit(commitInfo(writer))).rejects.toMatchObject({
      code: "TABLE_VALUE",
      message: 'shop.priced: column price decimal holds "twelve" in the row with key (12)',
    });
    await table.discard();
    const again = new ChangeWriter(PRICED, from);
    await table.append(again.batch([[fine]]));
    await table.commit(commitInfo(again));
    expect(await lake.shown(PRICED)).toEqual(["[0,1.5]"]);
    await table.close();
  });

  test("cleans what was replaced, and shows the same rows", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake, 10);
    for (let i = 0; i < 4; i++) {
      await table.append(writer.batch([Array.from({ length: 10 }, (_, id) => put("u", id, `round ${i}`))]));
      await table.commit(commitInfo(writer));
    }
    expect(await table.clean(0)).toEqual({ filesRemoved: 0, bytesRemoved: 0 });
    const before = await lake.shown(S);
    const { filesRemoved, bytesRemoved } = await table.clean(Date.now() + 60_000);
    expect(filesRemoved).toBeGreaterThan(0);
    expect(bytesRemoved).toBeGreaterThan(0);
    expect(await table.clean(Date.now() + 60_000)).toEqual({ filesRemoved: 0, bytesRemoved: 0 });
    expect(await lake.shown(S)).toEqual(before);
    await table.append(writer.batch([[del(0)]]));
    expect((await table.commit(commitInfo(writer))).rowsAfter).toBe(9);
    await table.close();
  });
}
