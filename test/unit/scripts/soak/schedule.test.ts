import { expect, test } from "vitest";
import { FUZZ_MUTATIONS, nextPart, PARTS, runsMin, type Part } from "../../../../scripts/soak/schedule.ts";

const MINUTE_MS = 60_000;
const none = PARTS.map((part) => ({ part, runs: 0, ms: 0 }));

test("thirty snapshots are taken in any case, one for each minute when there are fewer minutes", () => {
  expect([60, 30, 8, 0.5].map((minutes) => runsMin("snapshot", minutes))).toEqual([30, 30, 8, 1]);
  expect([runsMin("crash", 60), runsMin("values", 0.1)]).toEqual([1, 1]);
  expect([60, 9, 0.5].map((minutes) => runsMin("kafka", minutes))).toEqual([24, 4, 1]);
  expect([60, 9, 0.5].map((minutes) => runsMin("fuzz", minutes) * FUZZ_MUTATIONS)).toEqual([
    10_000_000, 1_500_000, 250_000,
  ]);
});

test("the part that is furthest behind its share has the next turn", () => {
  const used = (crash: number, snapshot: number, values: number) =>
    nextPart(
      [
        { part: "crash", runs: 1, ms: crash },
        { part: "snapshot", runs: 1, ms: snapshot },
        { part: "values", runs: 1, ms: values },
      ],
      { minutes: 60, elapsedMs: crash + snapshot + values },
    );
  expect(nextPart(none, { minutes: 60, elapsedMs: 0 })).toBe("crash");
  expect(used(40_000, 0, 0)).toBe("snapshot");
  expect(used(40_000, 12_000, 0)).toBe("values");
  expect(used(40_000, 12_000, 9000)).toBe("snapshot");
  expect(used(40_000, 36_000, 15_000)).toBe("crash");
});

test("turns of different lengths share the time as they should", () => {
  const turnMs: Readonly<Record<Part, number>> = {
    crash: 45_000,
    snapshot: 12_000,
    values: 7000,
    ddl: 30_000,
    fuzz: 20_000,
    kafka: 0,
  };
  const uses = none.map((use) => ({ ...use }));
  let elapsedMs = 0;
  for (;;) {
    const part = nextPart(uses, { minutes: 60, elapsedMs });
    const use = uses.find((one) => one.part === part);
    if (use === undefined) break;
    use.runs++;
    use.ms += turnMs[use.part];
    elapsedMs += turnMs[use.part];
  }
  expect(elapsedMs / MINUTE_MS).toBeLessThan(62);
  const shares = uses.map(({ ms }) => Math.round((100 * ms) / elapsedMs));
  expect(shares).toEqual([29, 20, 10, 20, 22]);
});

test("behind the end only a minimum is made up for", () => {
  const late = { minutes: 10, elapsedMs: 10 * MINUTE_MS };
  const uses = (snapshots: number) => [
    { part: "crash" as const, runs: 30, ms: 1 },
    { part: "snapshot" as const, runs: snapshots, ms: 500_000 },
    { part: "values" as const, runs: 9, ms: 1 },
  ];
  expect(nextPart(uses(9), late)).toBe("snapshot");
  expect(nextPart(uses(10), late)).toBeNull();
  expect(nextPart(none, late)).toBe("crash");
});

test("a part alone has all the time", () => {
  const alone = [{ part: "values" as const, runs: 7, ms: 1000 }];
  expect(nextPart(alone, { minutes: 1, elapsedMs: 59_999 })).toBe("values");
  expect(nextPart(alone, { minutes: 1, elapsedMs: 60_000 })).toBeNull();
});
