import { describe, expect, test } from "vitest";
import type { PlacedUnit } from "../../../../src/channel/kafka/position-log.ts";
import {
  decodePositionRecord,
  encodePositionRecord,
  type PublishedSnapshot,
} from "../../../../src/channel/kafka/position-record.ts";
import {
  newPlan,
  planResume,
  type ChannelTable,
  type ResumeFacts,
} from "../../../../src/channel/kafka/resume.ts";
import { dueSnapshots, withSnapshot } from "../../../../src/channel/kafka/snapshot-plan.ts";
import { tableKey } from "../../../../src/types/table-id.ts";
import { channelTable, planOf, stopAt, unitBetween } from "../../../support/channel-chain.ts";

const identity = { source: "shop", epoch: 1 };
/** All tables were taken at the same time. */
const FIRST = "20260101000000000";
const LATER = "20260102000000000";

const snapshot = (table: string, more: Partial<PublishedSnapshot> = {}): PublishedSnapshot => ({
  table: { database: "shop", table },
  instant: FIRST,
  rows: 5,
  isDone: true,
  ...more,
});

const headOf = (
  tables: readonly string[],
  snapshots: readonly PublishedSnapshot[],
  more: Parameters<typeof planOf>[1] = {},
): PlacedUnit => unitBetween(8, 9, planOf(tables, { snapshots, ...more }));

function decide(
  tables: readonly ChannelTable[],
  facts: Partial<ResumeFacts> & { readonly since?: Readonly<Record<string, string>> } = {},
) {
  const { since = {}, ...more } = facts;
  const firsts = new Map(tables.map(({ schema: { id } }) => [tableKey(id), since[id.table] ?? FIRST]));
  const resume = planResume({ identity, tables, head: null, cutOff: new Map(), firsts, ...more });
  const schemas = resume.tables.map(({ schema }) => schema);
  return {
    from: resume.from.offset / 100,
    reason: resume.newGeneration,
    same: resume.isSamePlan,
    known: resume.snapshots.map(({ table, rows, isDone }) => `${table.table} ${rows}${isDone ? "" : "…"}`),
    due: dueSnapshots(schemas, resume.snapshots).map(({ schema, begun }) => [
      schema.id.table,
      begun?.rows ?? null,
    ]),
  };
}

const a = channelTable("a", 9);
const b = channelTable("b", 9);

describe("whose rows are published", () => {
  test("with nothing in the channel, those of all tables", () => {
    const { due, reason } = decide([channelTable("a", 7), channelTable("b", 4)]);
    expect({ due, reason }).toEqual({
      due: [
        ["a", null],
        ["b", null],
      ],
      reason: "the channel holds no position yet",
    });
  });

  test("nobody's again that the plan has as a whole, and the plan stays", () => {
    const head = headOf(["a", "b"], [snapshot("a"), snapshot("b")]);
    // What a table has applied does not matter to rows that are published.
    expect(decide([a, channelTable("b", 3)], { head })).toMatchObject({
      from: 9,
      reason: null,
      same: true,
      due: [],
    });
  });

  test("one is gone on with where it was left, and the next begins", () => {
    const head = headOf(["a", "b"], [snapshot("a", { rows: 3, isDone: false })]);
    expect(decide([a, b], { head })).toEqual({
      from: 9,
      reason: null,
      same: false,
      known: ["a 3…"],
      due: [
        ["a", 3],
        ["b", null],
      ],
    });
  });

  test("a table that is added begins where capture stands, when it stands no further back", () => {
    const head = headOf(["a"], [snapshot("a")]);
    expect(decide([a, channelTable("b", 12)], { head })).toMatchObject({
      from: 9,
      reason: null,
      due: [["b", null]],
    });
    expect(decide([a, channelTable("b", 8)], { head })).toMatchObject({
      from: 8,
      reason: "shop.b has not been captured since its checkpoint",
      known: ["a 5"],
      due: [["b", null]],
    });
  });

  test("rows from before what is in the topics begin a new generation", () => {
    const head = headOf(["a", "b"], []);
    expect(decide([a, channelTable("b", 8)], { head })).toMatchObject({
      from: 8,
      reason: "the rows of shop.b are to be published, and the lake has it as it was before",
      due: [
        ["a", null],
        ["b", null],
      ],
    });
    expect(decide([a, b], { head })).toMatchObject({ from: 9, reason: null, same: false });
  });

  test("a half written transaction does not stand in front of rows without it", () => {
    const tables = [channelTable("a", 9)];
    expect(decide(tables, { head: headOf(["a"], []) })).toMatchObject({ same: false });
    expect(decide(tables, { head: headOf(["a"], []), firsts: null })).toMatchObject({ same: true });
  });

  test("a new generation keeps what is whole of tables that lost nothing, and begins the others anew", () => {
    const half = snapshot("b", { rows: 3, isDone: false });
    const gone = [a, b, channelTable("c", 9)];
    const head = headOf(["a", "b", "c"], [snapshot("a"), half, snapshot("c")]);
    const cutOff = new Map([[tableKey({ database: "shop", table: "c" }), "gone"]]);
    expect(decide(gone, { head, cutOff })).toMatchObject({
      reason: "gone",
      known: ["a 5"],
      due: [
        ["b", null],
        ["c", null],
      ],
    });
  });

  test("all again in another epoch", () => {
    const head = headOf(["a"], [snapshot("a")]);
    const epoch = { source: "shop", epoch: 2 };
    expect(decide([a], { head, identity: epoch })).toMatchObject({ known: [], due: [["a", null]] });
  });

  test("again, of a table that was taken anew, has other columns, or was not captured meanwhile", () => {
    const head = headOf(["a", "b"], [snapshot("a"), snapshot("b")]);
    expect(decide([a, b], { head, since: { b: LATER } })).toMatchObject({
      known: ["a 5"],
      due: [["b", null]],
    });
    expect(decide([a, channelTable("b", 9, "v2")], { head })).toMatchObject({
      known: ["a 5"],
      due: [["b", null]],
    });
    const without = headOf(["a"], [snapshot("a"), snapshot("b")]);
    expect(decide([a, b], { head: without })).toMatchObject({ known: ["a 5"], due: [["b", null]] });
  });

  test("not that of a table that has stopped", () => {
    const head = headOf(["a"], [snapshot("a")], { stopped: [stopAt("b", 6)] });
    expect(decide([a, channelTable("b", 6)], { head })).toMatchObject({ same: true, due: [] });
  });

  test("where it is not asked for any more, the plan forgets it", () => {
    const head = headOf(["a"], [snapshot("a")]);
    expect(decide([a], { head, firsts: null })).toMatchObject({ reason: null, same: false, known: [] });
  });
});

test("the progress of a table replaces what it was before", () => {
  const before = [snapshot("a", { isDone: false }), snapshot("b")];
  const after = withSnapshot(before, snapshot("a", { rows: 8 }));
  expect(after.map(({ table, rows, isDone }) => [table.table, rows, isDone])).toEqual([
    ["b", 5, true],
    ["a", 8, true],
  ]);
});

describe("in the plan record", () => {
  const resume = planResume({ identity, tables: [a], head: null, cutOff: new Map(), firsts: null });
  const plan = { ...newPlan(resume, { identity, serverUuid: "u", id: "1" }), routing: [] };
  const at = { topic: "positions", offset: 0 };

  test("snapshots are read back as they were written", () => {
    const full = { ...plan, snapshots: [snapshot("a"), snapshot("b", { rows: 0, isDone: false })] };
    const text = encodePositionRecord(full);
    expect(decodePositionRecord(text, at)).toEqual(full);
    expect(text).toContain(
      '"snapshots":[{"instant":"20260101000000000","rows":5,"isDone":true,"table":["shop","a"]}',
    );
  });

  test("without any it is what older versions wrote and read", () => {
    expect(encodePositionRecord(plan)).not.toContain("snapshots");
    expect(decodePositionRecord(encodePositionRecord(plan), at)).toEqual(plan);
  });
});
