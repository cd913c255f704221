import { expect, test } from "vitest";
import type { LakeTable, StagedChunk } from "../../src/types/ports.ts";
import { SIMPLE_SCHEMA } from "../support/batch.ts";
import { ChangeWriter } from "../support/change-writer.ts";
import { commitInfo } from "../support/lake.ts";
import { totals } from "../support/lake-count-check.ts";
import { BIGINT, INT, lakeSchema, VARCHAR } from "../support/lake-schemas.ts";
import type { LakeUnderTest } from "./lake-table.ts";

const S = SIMPLE_SCHEMA;
/** The same table after an ALTER: a column less, one of another type, one more, and another key. */
const ALTERED = lakeSchema(
  [
    ["code", VARCHAR],
    ["id", BIGINT],
    ["w", INT],
  ],
  ["code"],
);

/** The same table with a column renamed, and one more in front. */
const WIDER = lakeSchema(
  [
    ["w", { kind: "double" }],
    ["id", INT],
    ["text", VARCHAR],
  ],
  ["id"],
);
const NARROW = lakeSchema([["id", INT]], ["id"]);

async function loaded(
  lake: LakeUnderTest,
): Promise<{ readonly table: LakeTable; readonly writer: ChangeWriter }> {
  const table = await lake.open(S);
  const writer = new ChangeWriter(S, { form: lake.form });
  const rows = [1, 2, 3, 4, 5].map((id) => [String(id), `"v${id}"`]);
  await table.load(S, [await lake.stage(table, S, { index: 0, rows })], commitInfo(writer));
  await table.append(writer.batch([[{ op: "u", row: ["5", '"changed"'] }]]));
  await table.commit(commitInfo(writer));
  return { table, writer };
}

const behind = (writer: ChangeWriter, form: LakeUnderTest["form"]): ChangeWriter =>
  new ChangeWriter(ALTERED, { seq: writer.seq, gtid: writer.gtidNumber, form });

const stageAltered = (
  lake: LakeUnderTest,
  table: LakeTable,
  rows: readonly (readonly string[])[],
): Promise<StagedChunk> => lake.stage(table, ALTERED, { index: 0, rows });

/** A table whose rows are all replaced, by a snapshot of another schema. */
export function renewal(start: () => Promise<LakeUnderTest>): void {
  test("is renewed by one commit, with another schema and key", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake);
    await table.append(writer.batch([[{ op: "c", row: ["6", '"dropped"'] }]]));
    await table.renew(ALTERED);
    expect(table.pendingRows).toBe(0);
    const chunk = await stageAltered(lake, table, [
      ['"a"', "1", "10"],
      ['"b"', "9223372036854775807", "null"],
      ['"c"', "3", "30"],
    ]);
    const after = behind(writer, lake.form);
    await table.append(
      after.batch([
        [
          { op: "u", row: ['"a"', "1", "11"] },
          { op: "d", row: ['"c"', "3", "30"] },
          { op: "c", row: ['"d"', "4", "40"] },
        ],
      ]),
    );
    expect(await lake.shown(S)).toHaveLength(5);
    const result = await table.load(ALTERED, [chunk], commitInfo(after));
    expect(await lake.shown(ALTERED)).toEqual([
      '["a","1",11]',
      '["b","9223372036854775807",null]',
      '["d","4",40]',
    ]);
    // Three rows and three changes; the two rows of `a` and `c` were overtaken. What was there counts no more.
    expect(totals(result.counts)).toEqual({
      ...{ applied: 4, superseded: 2, upserted: 3, inserted: 3, updated: 0 },
      ...{ deleted: 0, before: 0, after: 3 },
    });
    await table.append(after.batch([[{ op: "d", row: ['"b"', "0", "0"] }]]));
    await table.commit(commitInfo(after));
    await table.close();
    const again = await lake.open(ALTERED);
    expect(again.schema).toEqual(ALTERED);
    expect(await lake.shown(ALTERED)).toEqual(['["a","1",11]', '["d","4",40]']);
    await again.close();
  });

  test.each([0, 1])("is renewed by a snapshot without rows, in %i chunks", async (chunks) => {
    await using lake = await start();
    const { table, writer } = await loaded(lake);
    await table.renew(ALTERED);
    const staged = chunks === 0 ? [] : [await stageAltered(lake, table, [])];
    const after = behind(writer, lake.form);
    const result = await table.load(ALTERED, staged, commitInfo(after));
    expect(result.rowsAfter).toBe(0);
    expect(await lake.shown(ALTERED)).toEqual([]);
    await table.append(after.batch([[{ op: "c", row: ['"d"', "4", "40"] }]]));
    expect((await table.commit(commitInfo(after))).rowsAfter).toBe(1);
    expect(await lake.shown(ALTERED)).toEqual(['["d","4",40]']);
    await table.close();
  });

  test("gets other columns by one commit, in which no row changes", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake);
    const tracking = await lake.tracking(S);
    const mapping = new Map([
      ["w", null],
      ["id", "id"],
      ["text", "v"],
    ]);
    const result = await table.evolve(WIDER, mapping, commitInfo(writer));
    expect(totals(result.counts)).toEqual({
      ...{ applied: 0, superseded: 0, upserted: 0, inserted: 0, updated: 0, deleted: 0, before: 5, after: 5 },
    });
    const text = ["v1", "v2", "v3", "v4", "changed"];
    expect(await lake.shown(WIDER)).toEqual(text.map((v, i) => JSON.stringify([null, i + 1, v])));
    expect(await lake.tracking(WIDER)).toEqual(tracking);
    const after = new ChangeWriter(WIDER, { seq: writer.seq, gtid: writer.gtidNumber, form: lake.form });
    await table.append(after.batch([[{ op: "u", row: ["-0.0", "1", '"one"'] }]]));
    await table.commit(commitInfo(after));
    await table.close();
    const again = await lake.open(WIDER);
    expect(again.schema).toEqual(WIDER);
    expect((await lake.shown(WIDER))[0]).toBe('[0,1,"one"]');
    const back = new Map([["id", "id"]]);
    await again.evolve(NARROW, back, commitInfo(after));
    expect(await lake.shown(NARROW)).toEqual([1, 2, 3, 4, 5].map((id) => JSON.stringify([id])));
    await again.close();
  });

  test("is as it was when a renewal is given up", async () => {
    await using lake = await start();
    const { table, writer } = await loaded(lake);
    const before = await lake.shown(S);
    await table.renew(ALTERED);
    await stageAltered(lake, table, [['"a"', "1", "10"]]);
    await table.append(behind(writer, lake.form).batch([[{ op: "c", row: ['"d"', "4", "40"] }]]));
    await table.close();
    const again = await lake.open(S);
    expect(again.schema).toEqual(S);
    expect(await lake.shown(S)).toEqual(before);
    await again.append(writer.batch([[{ op: "d", row: ["1", '""'] }]]));
    expect((await again.commit(commitInfo(writer))).rowsAfter).toBe(4);
    await again.close();
  });
}
