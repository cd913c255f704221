import { describe, expect, test } from "vitest";
import { blockedStop, stepOf, type ReaderTable } from "../../../../src/channel/kafka/coverage.ts";
import { gtidsTo, planOf, positionAt, tableNamed, unitBetween } from "../../../support/channel-chain.ts";

const tableAt = (number: number, version?: string): ReaderTable => ({
  schema: tableNamed("t", version),
  from: 0,
  position: positionAt(number),
  blocked: null,
  blockedSinceMs: null,
  isStopped: false,
});

describe("what a unit is to a table", () => {
  const plan = planOf(["t"]);
  test.each([
    ["next", 5, 5, 7],
    ["next", 6, 5, 7],
    ["old", 7, 5, 7],
    ["old", 9, 5, 7],
    ["hole", 4, 5, 7],
    ["next", 5, 5, 5],
    ["next", 7, 7, 7],
    ["old", 9, 0, 5],
    ["old", 9, 7, 7],
    ["hole", 0, 1, 2],
  ])("%s: the table is at %i, the unit goes from %i to %i", (step, at, after, end) => {
    expect(stepOf(tableAt(at), unitBetween(after, end, plan), gtidsTo(end))).toBe(step);
  });

  test("a table that the plan lacks is not brought on, wherever it is", () => {
    const unit = unitBetween(5, 7, planOf(["other"]));
    expect(stepOf(tableAt(5), unit, gtidsTo(7))).toBe("uncaptured");
    expect(stepOf(tableAt(9), unit, gtidsTo(7))).toBe("uncaptured");
  });

  test("other columns stop a table where it would go on, and not before", () => {
    expect(stepOf(tableAt(5, "other"), unitBetween(5, 7, plan), gtidsTo(7))).toBe("changed");
    expect(stepOf(tableAt(9, "other"), unitBetween(5, 7, plan), gtidsTo(7))).toBe("old");
  });

  test("a table that nothing brings on stops where it is, with the remedy", () => {
    expect(blockedStop(tableAt(5), "p")).toBeNull();
    expect(blockedStop({ ...tableAt(5), blocked: "uncaptured" }, "p")).toMatchObject({
      code: "TABLE_NOT_CAPTURED",
      at: positionAt(5),
    });
    expect(blockedStop({ ...tableAt(5), blocked: "hole" }, "p")).toMatchObject({
      code: "TABLE_CHAIN_BROKEN",
      message: `p does not go on from where shop.t stands: ${gtidsTo(5).toString()}`,
    });
  });
});
