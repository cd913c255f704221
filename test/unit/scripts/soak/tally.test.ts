import { expect, test } from "vitest";
import {
  findingText,
  progressLine,
  resultLine,
  Tally,
  type SoakRun,
} from "../../../../scripts/soak/tally.ts";
import { PARTS } from "../../../../scripts/soak/schedule.ts";

const run = (fields: Partial<SoakRun>): SoakRun => ({
  part: "crash",
  seed: 77,
  name: "follow lake.file.written#2 after 350 ms",
  verdict: "right",
  wrong: [],
  kills: 2,
  rows: 100,
  values: 0,
  ...fields,
});

const state = { parts: PARTS, minutes: 15, seed: 77, elapsedMs: 12 * 60_000 };

function tallyOf(...runs: readonly SoakRun[]): Tally {
  const tally = new Tally();
  for (const one of runs) tally.add(one);
  return tally;
}

const snapshot = run({ part: "snapshot", kills: 0, rows: 7000 });
const values = run({ part: "values", kills: 0, values: 1_234_500 });
const fuzz = run({ part: "fuzz", kills: 0, mutations: 250_000 });

test("the last line has everything that a note needs", () => {
  const tally = tallyOf(run({}), run({ kills: 3 }), snapshot, snapshot, values, fuzz);
  expect(resultLine(tally, state)).toBe(
    "soak: 12 min, seed 77: 2 crash runs with 5 kills, 2 snapshots under write, 1,234,500 values, 0 histories of changed tables, 250,000 damaged events; 0 divergences, 0 false alarms",
  );
  expect(tally.isRight).toBe(true);
});

test("faults of Kafka are counted by themselves, and for each client", () => {
  const tally = tallyOf(
    run({}),
    run({ part: "kafka", client: "kafkajs", kills: 12 }),
    run({ part: "kafka", client: "librdkafka", kills: 11 }),
    run({ part: "kafka", client: "kafkajs", kills: 1000 }),
  );
  expect(resultLine(tally, { ...state, parts: ["crash", "kafka"] })).toBe(
    "soak: 12 min, seed 77: 1 crash run with 2 kills, 3 paths through Kafka with 1,023 faults (1,012 kafkajs, 11 librdkafka); 0 divergences, 0 false alarms",
  );
});

test("it names the parts that were asked for, and how it was ended", () => {
  const tally = tallyOf(snapshot);
  const short = { ...state, elapsedMs: 20_400, parts: ["snapshot"] as const };
  expect(resultLine(tally, short, "SIGINT")).toBe(
    "soak: 20 s, seed 77: 1 snapshot under write; 0 divergences, 0 false alarms (ended by SIGINT)",
  );
});

test.for([
  ["divergence", "1 divergence, 0 false alarms"],
  ["false alarm", "0 divergences, 1 false alarm"],
  ["failure", "0 divergences, 0 false alarms, 1 failed run"],
] as const)("a %s is counted and makes the whole wrong", ([verdict, words]) => {
  const tally = tallyOf(run({}), run({ verdict, wrong: ["item: missing: [1]"] }));
  expect(tally.isRight).toBe(false);
  expect(resultLine(tally, state).split("; ")[1]).toBe(words);
});

test("the progress says what is at work, what was done and what is left", () => {
  const tally = tallyOf(run({}), snapshot);
  expect(progressLine(tally, { ...state, part: "values" })).toBe(
    "soak: values: 2 runs, 2 kills, 7,100 rows compared, 0 divergences, 0 false alarms; 3m00s left",
  );
  expect(progressLine(new Tally(), { ...state, part: null })).toMatch(/^soak: starting: 0 runs, /);
  expect(progressLine(tally, { ...state, elapsedMs: 16 * 60_000, part: "snapshot" })).toMatch(
    /; time is over, 26 runs to go$/,
  );
  const late = { ...state, parts: ["crash"] as const, elapsedMs: 16 * 60_000, part: "crash" as const };
  expect(progressLine(tally, late)).toMatch(/; time is over, finishing$/);
});

test("a finding says what was run, what is wrong, and how to see it again", () => {
  const found = run({
    verdict: "divergence",
    seed: 80,
    wrong: ['item: missing: ["5"]', "line: x was left behind"],
  });
  expect(findingText(found, "/var/tmp/soak-crash-80")).toBe(
    [
      "soak: divergence in crash, seed 80: follow lake.file.written#2 after 350 ms",
      '  item: missing: ["5"]',
      "  line: x was left behind",
      "  again: npm run soak -- --only crash --seed 80 --minutes 1",
      "  kept:  /var/tmp/soak-crash-80",
      "",
    ].join("\n"),
  );
  expect(findingText(found, null)).not.toContain("kept");
});
