import { expect, test } from "vitest";
import { seededRandom } from "../../../../scripts/random.ts";
import { chooseKills, type Recording } from "../../../../scripts/soak/kill-choice.ts";

const often = (step: string, count: number): readonly string[] => Array.from({ length: count }, () => step);

const recording: Recording = { steps: ["begin", ...often("unit", 98), "end"], ms: 2000 };

const chosen = (count: number) => {
  const random = seededRandom(5);
  return Array.from({ length: count }, () => chooseKills(recording, random));
};

test("the seed alone decides", () => {
  expect(chosen(20)).toEqual(chosen(20));
  expect(chooseKills(recording, seededRandom(1))).not.toEqual(chooseKills(recording, seededRandom(2)));
});

test("one to four kills, most at steps of the recording and the others at a time that a run takes", () => {
  const lists = chosen(2000);
  expect(new Set(lists.map((kills) => kills.length))).toEqual(new Set([1, 2, 3, 4]));
  const kills = lists.flat();
  const times = kills.flatMap((kill) => ("afterMs" in kill ? [kill.afterMs] : []));
  expect(times.length / kills.length).toBeCloseTo(0.3, 1);
  expect(Math.min(...times)).toBeLessThan(20);
  expect(Math.max(...times)).toBeGreaterThan(2150);
  expect(Math.max(...times)).toBeLessThan(2200);
});

test("a step that is passed once comes as often as one that is passed many times, and each passing can come", () => {
  const steps = chosen(4000)
    .flat()
    .flatMap((kill) => ("step" in kill ? [kill] : []));
  const of = (name: string) => steps.filter(({ step }) => step === name);
  for (const name of ["begin", "unit", "end"]) {
    expect(of(name).length / steps.length).toBeCloseTo(1 / 3, 1);
  }
  expect(new Set(of("begin").map(({ nth }) => nth))).toEqual(new Set([1]));
  expect(new Set(of("unit").map(({ nth }) => nth)).size).toBe(98);
});

test("later lives are killed earlier, since less is left to do", () => {
  const nths = (life: number): readonly number[] =>
    chosen(4000).flatMap((kills) => {
      const kill = kills[life];
      return kill !== undefined && "step" in kill && kill.step === "unit" ? [kill.nth] : [];
    });
  const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  expect(mean(nths(0))).toBeGreaterThan(45);
  expect(mean(nths(3))).toBeLessThan(25);
});

test("a run that passed no step is killed by the clock", () => {
  const kills = chooseKills({ steps: [], ms: 500 }, seededRandom(3));
  expect(kills.every((kill) => "afterMs" in kill)).toBe(true);
});
