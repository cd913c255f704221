import { describe, expect, test } from "vitest";
import { parseTimeline } from "../../../src/lake/timeline.ts";

describe("a timeline", () => {
  test("of a table with two commits and one that was begun", () => {
    expect(
      parseTimeline([
        "20260102031500000.inflight",
        "20260102031500000.commit.requested",
        "20260102031500000.commit",
        ".aux",
        "hoodie.properties",
        "20260102030405000.commit",
        "20260102030405000.inflight",
        "20260102030405000.commit.requested",
        ".20260102030405000.commit.crc",
        "20260103000000000.commit.requested",
        "archived",
      ]),
    ).toEqual({
      completed: ["20260102030405000", "20260102031500000"],
      pending: ["20260103000000000"],
      others: [],
    });
  });

  test("takes an inflight file alone for pending", () => {
    expect(parseTimeline(["20260103000000000.inflight"]).pending).toEqual(["20260103000000000"]);
  });

  test.each([
    "20260102030405000.clean",
    "20260102030405000.clean.requested",
    "20260102030405000.rollback.inflight",
    "20260102030405000.deltacommit",
    "20260102030405000.replacecommit.requested",
    "20260102030405000.savepoint",
    "20260102030405000.compaction.requested",
    // Instants in seconds, of Hudi versions long ago.
    "20260102030405.commit",
  ])("names %s, which we never write", (name) => {
    expect(parseTimeline([name])).toEqual({ completed: [], pending: [], others: [name] });
  });
});
