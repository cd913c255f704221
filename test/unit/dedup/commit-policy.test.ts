import { expect, test } from "vitest";
import { isDue } from "../../../src/dedup/commit-policy.ts";

const POLICY = { everyMs: 1000, rows: 50, idleEveryMs: 5000 };

test.for([
  ["nothing has come", { rows: 0, sinceMs: null, lastCommitMs: 5001 }, false],
  ["nothing has come for long", { rows: 0, sinceMs: null, lastCommitMs: 5000 }, true],
  ["the first change waits for less than the interval", { rows: 1, sinceMs: 9001, lastCommitMs: 0 }, false],
  ["it waits for the interval", { rows: 1, sinceMs: 9000, lastCommitMs: 0 }, true],
  ["it came during the commit before", { rows: 1, sinceMs: 9000, lastCommitMs: 9500 }, true],
  ["the commit before took longer than the interval", { rows: 1, sinceMs: 1000, lastCommitMs: 9501 }, false],
  ["half of the interval after that", { rows: 1, sinceMs: 1000, lastCommitMs: 9500 }, true],
  ["there are many rows", { rows: 50, sinceMs: 9999, lastCommitMs: 9999 }, true],
] as const)("%s", ([, waiting, due]) => {
  expect(isDue(waiting, POLICY, 10_000)).toBe(due);
});
