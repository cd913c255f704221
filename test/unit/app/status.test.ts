import { describe, expect, test } from "vitest";
import {
  deriveStatus,
  TABLE_STATES,
  type StatusFacts,
  type TableStatusFacts,
} from "../../../src/app/status-model.ts";
import {
  BEHIND,
  checkpoint,
  commit,
  FACTS,
  MANY,
  NEVER,
  NO_SOURCE,
  NOW,
  OLD,
  set,
  STOP,
  table,
  worker,
} from "../../support/sample-status.ts";

describe("state is derived from progress", () => {
  test.each<[string, Partial<TableStatusFacts>, Partial<StatusFacts>, string]>([
    ["nothing is behind", {}, {}, "up to date"],
    ["behind, with a fresh commit", BEHIND, {}, "running"],
    ["behind, and no commit for three idle intervals though a process is there", OLD, {}, "stalled"],
    [
      "an idle source and an old commit: nothing is missing",
      { commits: [commit(900_001)] },
      {},
      "up to date",
    ],
    ["the source does not answer, with a fresh commit", {}, NO_SOURCE, "running"],
    [
      "the source does not answer, and commits have ended",
      { commits: [commit(900_001)] },
      NO_SOURCE,
      "stalled",
    ],
    ["no process", {}, worker("absent"), "not running"],
    ["no word from the process, with a fresh commit", BEHIND, worker("unknown"), "running"],
    ["no word from the process, and an old commit", OLD, worker("unknown"), "unknown"],
    ["the lake cannot be read", { commits: null, checkpoint: null, lakeError: "EIO" }, {}, "unknown"],
    ["stopped", { stop: STOP }, {}, "stopped"],
    ["stopped, and the lake cannot be read", { stop: STOP, commits: null }, worker("absent"), "stopped"],
    ["read again", { ...BEHIND, renewal: STOP }, {}, "snapshot"],
    ["never begun", NEVER, {}, "not started"],
    ["a snapshot at work", { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } }, {}, "snapshot"],
    [
      "a snapshot that was killed",
      { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } },
      worker("absent"),
      "snapshot unfinished",
    ],
    [
      "a snapshot of whose process nothing is known",
      { ...NEVER, snapshot: { chunksDone: 1, chunks: 9 } },
      worker("unknown"),
      "unknown",
    ],
  ])("%s", (_name, tableFacts, facts, state) => {
    const status = deriveStatus({ ...FACTS, ...facts, tables: [table("orders", tableFacts)] });
    expect(status.tables[0]?.state).toBe(state);
  });
});

describe("lag", () => {
  const quiet = (through: number, commitMs: number | null): Partial<TableStatusFacts> => ({
    ...BEHIND,
    quiet: { through: set(through), commitMs },
  });
  const lag = (tableFacts: Partial<TableStatusFacts>, facts: Partial<StatusFacts> = {}) => {
    const [derived] = deriveStatus({ ...FACTS, ...facts, tables: [table("orders", tableFacts)] }).tables;
    return [derived?.lagTransactions, derived?.lag, derived?.isPurged];
  };

  test("is exact where nothing is missing, else a bound, else unknown", () => {
    expect(lag({})).toEqual([0n, { ms: 0, atMost: false }, false]);
    expect(lag(BEHIND)).toEqual([10n, { ms: 60_000, atMost: true }, false]);
    // The clocks of two servers may differ.
    expect(lag({ checkpoint: checkpoint(1990, -500) })).toEqual([10n, { ms: 0, atMost: true }, false]);
    expect(lag(NEVER)).toEqual([null, null, null]);
    // Nothing has come for the table since its commit, says the process that follows it.
    expect(lag(quiet(1995, NOW - 800))).toEqual([5n, { ms: 800, atMost: true }, false]);
    expect(lag(quiet(2000, NOW - 800))).toEqual([0n, { ms: 0, atMost: false }, false]);
    expect(lag(quiet(1995, null))).toEqual([5n, { ms: 60_000, atMost: true }, false]);
    // What is purged counts from the commit, where the next start begins.
    expect(lag({ ...quiet(2000, NOW), checkpoint: checkpoint(50, 0) })).toEqual([
      0n,
      { ms: 0, atMost: false },
      true,
    ]);
    expect(lag({}, NO_SOURCE)).toEqual([null, null, null]);
    const { last: _last, ...position } = checkpoint(1990, 0).position;
    expect(lag({ checkpoint: { ...checkpoint(1, 0), position: { ...position, last: null } } })).toEqual([
      10n,
      null,
      false,
    ]);
  });

  test("says when the binlog that comes next is purged", () => {
    expect(lag({ checkpoint: checkpoint(99, 1000) })[2]).toBe(true);
    expect(lag({ checkpoint: checkpoint(100, 1000) })[2]).toBe(false);
  });

  test("of all is that of the farthest, and counts the tables of which it is not known", () => {
    const worst = (...tables: TableStatusFacts[]) => deriveStatus({ ...FACTS, tables }).worst;
    const lag = { ms: 60_000, atMost: true };
    expect(worst(table("a"), table("b", BEHIND))).toEqual({ lagTransactions: 10n, lag, unknownTables: 0 });
    expect(worst(table("a", BEHIND), table("b"))).toEqual({ lagTransactions: 10n, lag, unknownTables: 0 });
    expect(worst(table("a", BEHIND), table("b", NEVER))).toEqual({
      lagTransactions: 10n,
      lag,
      unknownTables: 1,
    });
    expect(worst(table("b", NEVER))).toEqual({ lagTransactions: null, lag: null, unknownTables: 1 });
    expect(worst()).toEqual({ lagTransactions: null, lag: null, unknownTables: 0 });
  });
});

test("states are ordered by the attention they deserve, and all of them can be shown", () => {
  const shown = deriveStatus(MANY).tables.map(({ id, state }) => [id.table, state]);
  expect(shown.map(([, state]) => TABLE_STATES.indexOf(state as (typeof TABLE_STATES)[number]))).toEqual(
    [...shown.map(([, state]) => TABLE_STATES.indexOf(state as (typeof TABLE_STATES)[number]))].sort(
      (a, b) => a - b,
    ),
  );
  expect(shown.map(([name]) => name)).toEqual([
    "refund",
    "broken",
    "new\u001b[2J",
    "big",
    "late",
    "customer",
    "orders",
  ]);
});
