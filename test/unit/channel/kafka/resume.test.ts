import { describe, expect, test } from "vitest";
import { planResume, type Resume, type ResumeFacts } from "../../../../src/channel/kafka/resume.ts";
import { tableKey } from "../../../../src/types/table-id.ts";
import {
  channelTable,
  endAt,
  planOf,
  positionAt,
  stopAt,
  unitBetween,
} from "../../../support/channel-chain.ts";

const identity = { source: "shop", epoch: 1 };

function decide(facts: Partial<ResumeFacts> & Pick<ResumeFacts, "tables">): Record<string, unknown> {
  const resume: Resume = planResume({ identity, head: null, cutOff: new Map(), firsts: null, ...facts });
  return {
    from: resume.from.offset / 100,
    seq: resume.from.seq,
    reason: resume.newGeneration,
    tables: resume.tables.map(({ schema }) => schema.id.table),
    stopped: resume.stopped.map(({ table }) => table.table),
    same: resume.isSamePlan,
  };
}

describe("where capture goes on", () => {
  test("an empty channel begins at what all tables hold, never at the head of the source", () => {
    expect(decide({ tables: [channelTable("a", 7), channelTable("b", 4)] })).toEqual({
      from: 4,
      seq: 70,
      reason: "the channel holds no position yet",
      tables: ["a", "b"],
      stopped: [],
      same: false,
    });
  });

  test("it goes on behind the newest unit, however far the tables are", () => {
    const head = unitBetween(8, 9, planOf(["a", "b"]));
    expect(decide({ head, tables: [channelTable("a", 2), channelTable("b", 9)] })).toEqual({
      from: 9,
      seq: 90,
      reason: null,
      tables: ["a", "b"],
      stopped: [],
      same: true,
    });
  });

  test("F194: a newest unit whose plan retention has removed begins a new generation, behind its numbers", () => {
    const head = { ...unitBetween(8, 9, planOf(["a"])), plan: null };
    expect(decide({ head, tables: [channelTable("a", 4)] })).toEqual({
      from: 4,
      seq: 90,
      reason: "retention has removed what the newest position of the channel refers to",
      tables: ["a"],
      stopped: [],
      same: false,
    });
  });

  test("a table that was added with a snapshot behind the newest unit just joins", () => {
    const head = unitBetween(8, 9, planOf(["a"]));
    expect(decide({ head, tables: [channelTable("a", 9), channelTable("b", 12)] })).toEqual({
      from: 9,
      seq: 120,
      reason: null,
      tables: ["a", "b"],
      stopped: [],
      same: false,
    });
  });

  test("a table that was added and stands before the newest unit begins a new generation", () => {
    const head = unitBetween(8, 9, planOf(["a"]));
    expect(decide({ head, tables: [channelTable("a", 9), channelTable("b", 5)] })).toEqual({
      from: 5,
      seq: 90,
      reason: "shop.b has not been captured since its checkpoint",
      tables: ["a", "b"],
      stopped: [],
      same: false,
    });
  });

  test("a table that is left out does not hold the others up", () => {
    const head = unitBetween(8, 9, planOf(["a", "b"]));
    expect(decide({ head, tables: [channelTable("a", 3)] })).toMatchObject({
      from: 9,
      reason: null,
      same: false,
    });
  });

  test("another version of a table's columns counts as a table that was not captured", () => {
    const head = unitBetween(8, 9, planOf(["a"]));
    expect(decide({ head, tables: [channelTable("a", 5, "other")] })).toMatchObject({
      from: 5,
      reason: "shop.a has not been captured since its checkpoint",
    });
    expect(decide({ head, tables: [channelTable("a", 9, "other")] })).toMatchObject({
      from: 9,
      reason: null,
    });
  });

  test("what retention has removed before it was applied begins a new generation", () => {
    const head = unitBetween(8, 9, planOf(["a", "b"]));
    const b = channelTable("b", 4);
    const cutOff = new Map([[tableKey(b.schema.id), "gone"]]);
    expect(decide({ head, cutOff, tables: [channelTable("a", 9), b] })).toMatchObject({
      from: 4,
      reason: "gone",
    });
  });

  test("a raised epoch, or another source, begins anew", () => {
    const head = unitBetween(8, 9, planOf(["a"]));
    expect(
      decide({ head, identity: { source: "shop", epoch: 2 }, tables: [channelTable("a", 3)] }),
    ).toMatchObject({
      from: 3,
      reason: "the channel holds shop in epoch 1, and this is epoch 2 of shop",
    });
  });

  test("a table that stopped stays out, until a new snapshot has brought it behind the stop", () => {
    const stop = stopAt("b", 6);
    const inPlan = unitBetween(8, 9, planOf(["a"], { stopped: [stop] }));
    const inHead = unitBetween(5, 9, planOf(["a", "b"]), { end: endAt(9, [stop]) });
    for (const head of [inPlan, inHead]) {
      expect(decide({ head, tables: [channelTable("a", 9), channelTable("b", 6)] })).toMatchObject({
        from: 9,
        reason: null,
        tables: ["a"],
        stopped: ["b"],
      });
      expect(decide({ head, tables: [channelTable("a", 9), channelTable("b", 12)] })).toMatchObject({
        from: 9,
        reason: null,
        tables: ["a", "b"],
        stopped: [],
      });
    }
  });

  test("when all tables have stopped nothing is captured, and nothing is thrown", () => {
    const head = unitBetween(8, 9, planOf(["a"], { stopped: [stopAt("a", 6)] }));
    expect(decide({ head, tables: [channelTable("a", 6)] })).toMatchObject({
      from: 9,
      tables: [],
      stopped: ["a"],
    });
    expect(positionAt(9).seq).toBe(90);
  });
});
