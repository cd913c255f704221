import { afterAll, describe, expect } from "vitest";
import { must } from "../../src/util/assert.ts";
import { firstPassings, middlePassings } from "../support/crash-points.ts";
import { CrashRig } from "../support/crash-rig.ts";
import {
  allWrong,
  followChain,
  followScenario,
  followStart,
  initScenario,
  type FollowStart,
  type Outcome,
} from "../support/crash-scenario.ts";
import { inParallel } from "../support/in-parallel.ts";
import { mysqlTest } from "../support/mysql.ts";
import type { StepPoint } from "../support/step-plan.ts";

/*
 * Real processes are killed by SIGKILL at named steps, and what they leave is finished by others. The steps
 * are not listed here: a run that nobody kills records those that it passes. In the end every cell equals
 * MySQL's, the report says so too, and nothing is left behind.
 */
const AT_ONCE = 2;

let opened: Promise<CrashRig> | null = null;
let prepared: Promise<{ readonly start: FollowStart; readonly steps: readonly string[] }> | null = null;

const test = mysqlTest
  .extend("rig", ({ mysql }) => (opened ??= CrashRig.open(mysql)))
  .extend("following", ({ rig }) => (prepared ??= prepareFollowing(rig)));

async function prepareFollowing(rig: CrashRig) {
  const start = await followStart(rig, { seed: 1 });
  const { recovery, wrong } = await followScenario(rig, start, []);
  expect(wrong).toEqual([]);
  return { start, steps: recovery };
}

afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
  await (await prepared)?.start.database[Symbol.asyncDispose]();
});

const allMissed = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ missed }) => missed);

const after = (point: StepPoint, steps: readonly string[]): readonly StepPoint[] => [
  point,
  ...firstPassings(steps),
];

describe("follow", () => {
  test("A14 A15: killed at any step", async ({ rig, following: { start, steps } }) => {
    const points = firstPassings(steps);
    const outcomes = await inParallel(points, AT_ONCE, (point) =>
      followScenario(rig, start, [point], "here"),
    );
    expect(allWrong(outcomes)).toEqual([]);
    expect(allMissed(outcomes)).toEqual([]);
  });

  test("killed in the middle of many commits", async ({ rig, following: { start, steps } }) => {
    const points = middlePassings(steps).filter(({ step }) =>
      /^(lake\.(commit\.(recorded|inflight|complete|completed)|file\.renamed|clean)|apply|trace)/.test(step),
    );
    const outcomes = await inParallel(points, AT_ONCE, (point) =>
      followScenario(rig, start, [point], "here"),
    );
    expect(allWrong(outcomes)).toEqual([]);
    // How many commits a run makes is a matter of time, so one or the other may have fewer.
    expect(allMissed(outcomes).length).toBeLessThan(points.length / 2);
  });

  test("killed at every step of the recovery too, again and again", async ({ rig, following }) => {
    // Buckets are written side by side, so only the first file is sure to be there without its place.
    const residues = [
      { step: "lake.files.durable", nth: 2 },
      { step: "lake.file.written", nth: 1 },
    ];
    const recoveries = await inParallel(residues, AT_ONCE, (point) =>
      followScenario(rig, following.start, [point]),
    );
    expect(allWrong(recoveries)).toEqual([]);
    // One process dies of each step that the recovery passes; the next one finds what all before it left. What comes
    // behind the recovery is the same for both.
    const steps = (i: number): readonly string[] => recoveries[i]?.recovery ?? [];
    const opening = steps(1).filter((step) => /^lake\.(open|recover)\./.test(step));
    const chains = [steps(0), opening].map((passed, i) => ({
      seed: 100 + i,
      kills: after(must(residues[i], "a residue"), passed),
    }));
    const outcomes = await inParallel(chains, AT_ONCE, (chain) => followChain(rig, chain));
    expect(allWrong(outcomes)).toEqual([]);
    expect(allMissed(outcomes)).toEqual([]);
    const seen = new Set(recoveries.flatMap(({ recovery }) => recovery));
    expect([...seen].filter((step) => step.startsWith("lake.recover.")).sort()).toEqual([
      "lake.recover.begin",
      "lake.recover.file",
      "lake.recover.files",
      "lake.recover.inflight",
      "lake.recover.markers",
      "lake.recover.requested",
      "lake.recover.temp",
    ]);
  });

  test("killed with the trace store open in its process", async ({ rig }) => {
    const steps = ["trace.record", "trace.recorded", "lake.commit.done"];
    const kills = steps.map((step) => ({ step, nth: 1 }));
    expect(await followChain(rig, { seed: 200, kills, ownTrace: true })).toMatchObject({
      wrong: [],
      missed: [],
    });
  });
});

test("E166: init under writes, killed at every step in one life after the other", async ({ rig }) => {
  const { recovery, wrong } = await initScenario(rig, { kills: [], seed: 300 });
  expect(wrong).toEqual([]);
  const points = firstPassings(recovery);
  const high = points.findIndex(({ step }) => step === "init.high");
  const chains = [points.slice(0, high), points.slice(high)];
  const outcomes = await inParallel([...chains.entries()], AT_ONCE, ([i, kills]) =>
    initScenario(rig, { kills, seed: 301 + i }),
  );
  expect(allWrong(outcomes)).toEqual([]);
  // A chain has more steps behind a commit than tables to commit; those come by themselves.
  const rest = points.filter(({ step, nth }) => allMissed(outcomes).includes(`${step}#${nth}`));
  const singles = await inParallel(rest, AT_ONCE, (point) =>
    initScenario(rig, { kills: [point], seed: 310 }),
  );
  expect(allWrong(singles)).toEqual([]);
  expect(allMissed(singles)).toEqual([]);
  expect(rest.length).toBeLessThan(points.length / 4);
});
