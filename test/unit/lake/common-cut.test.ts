import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findCommonCut, type Span } from "../../../src/lake/common-cut.ts";
import { GtidSet } from "../../../src/types/gtid.ts";

const UUID = "0c6af1f1-e54f-11f1-9974-02fc00000001";
const upTo = (n: number): GtidSet => (n === 0 ? GtidSet.empty : GtidSet.parse(`${UUID}:1-${n}`));

/** A span by numbers of transactions. */
interface Stretch {
  readonly from: number;
  readonly through: number;
}

interface NamedSpan extends Span {
  readonly name: string;
}

async function* inTurn(stretches: readonly Stretch[]): AsyncGenerator<NamedSpan, void, void> {
  for (const { from, through } of stretches)
    yield { from: upTo(from), through: upTo(through), name: `${from}-${through}` };
}

/** Newest first, as the tables give them. */
async function cutOf(...tables: (readonly Stretch[])[]) {
  const cut = await findCommonCut(tables.map(inTurn));
  return cut === null ? null : [cut.at.toString(), ...cut.spans.map(({ name }) => name)];
}

const s = (from: number, through = from): Stretch => ({ from, through });

describe("the newest position at which every state is known", () => {
  test.each<[string, readonly (readonly Stretch[])[], unknown]>([
    ["one table: its newest state", [[s(9), s(5)]], [upTo(9).toString(), "9-9"]],
    ["commits at the same position", [[s(9)], [s(9)]], [upTo(9).toString(), "9-9", "9-9"]],
    [
      "a quiet table reaches to the other's commit",
      [[s(9)], [s(3, 12)]],
      [upTo(9).toString(), "9-9", "3-12"],
    ],
    [
      "a newer commit is left out when the other table is not known there",
      [
        [s(9), s(5)],
        [s(4, 6), s(1)],
      ],
      [upTo(5).toString(), "5-5", "4-6"],
    ],
    [
      "both give way",
      [
        [s(20), s(7, 8), s(2)],
        [s(19), s(8), s(2)],
      ],
      [upTo(8).toString(), "7-8", "8-8"],
    ],
    [
      "none is left",
      [
        [s(9), s(5)],
        [s(8), s(4)],
      ],
      null,
    ],
    ["a table without any state", [[s(9)], []], null],
    ["tables that begin at nothing", [[s(0, 4)], [s(0, 3)]], ["", "0-4", "0-3"]],
  ])("%s", async (_name, tables, expected) => {
    expect(await cutOf(...tables)).toEqual(expected);
  });

  test("positions of which neither holds the other say nothing", async () => {
    const other = GtidSet.parse("0c6af1f1-e54f-11f1-9974-02fc00000002:1-5");
    const span = (at: GtidSet): AsyncIterator<Span, void, void> =>
      (async function* () {
        yield { from: at, through: at };
      })();
    expect(await findCommonCut([span(upTo(5)), span(other)])).toBe(null);
  });
});

/** A table's life: which of the transactions changed it, and after which of them it committed. */
const life = fc.record({
  changed: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
  commits: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 8 }),
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

const version = ({ changed }: Life, at: number): number => changed.slice(0, at).filter(Boolean).length;

function stretchesOf(table: Life): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (const at of [...table.commits].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last !== undefined && version(table, last.from) === version(table, at))
      stretches[stretches.length - 1] = { from: last.from, through: at };
    else stretches.push({ from: at, through: at });
  }
  return stretches.reverse();
}

test("it is what trying every position finds, and every table then shows what it was there", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (tables) => {
      const known = tables.map(stretchesOf);
      const at = Array.from({ length: 31 }, (_, i) => 30 - i).find((position) =>
        known.every((list) => list.some(({ from, through }) => from <= position && position <= through)),
      );
      const cut = await findCommonCut(known.map(inTurn));
      if (at === undefined) {
        expect(cut).toBe(null);
        return;
      }
      const begins = cut === null ? [] : cut.spans.map((span) => Number(span.from.size));
      expect(tables.map((table, i) => version(table, begins[i] ?? -1))).toEqual(
        tables.map((table) => version(table, at)),
      );
      expect(Number(cut?.at.size)).toBe(Math.max(...begins));
    }),
    { numRuns: 500 },
  );
});
