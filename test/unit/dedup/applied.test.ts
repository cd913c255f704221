import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { partByTransaction } from "../../../src/dedup/applied.ts";
import { GtidSet, parseGtid } from "../../../src/types/gtid.ts";
import { batchLines, gtid, makeBatch } from "../../support/batch.ts";

const transactions = fc.array(
  fc.array(fc.record({ op: fc.constant("c" as const), id: fc.nat(9) }), { minLength: 1, maxLength: 3 }),
  {
    minLength: 1,
    maxLength: 12,
  },
);

describe("a batch is parted by what a table already holds", () => {
  test("every row goes to exactly one side, in order, with its own transaction", () => {
    fc.assert(
      fc.property(transactions, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (changes, held) => {
        const batch = makeBatch(changes, { firstGtid: 1, firstSeq: 1 });
        const numbers = changes.flatMap((_, i) => (held[i] === true ? [i + 1] : []));
        const set = numbers.reduce((sum, number) => sum.add(parseGtid(gtid(number))), GtidSet.empty);
        const { inside, outside } = partByTransaction(batch, set);
        const expected = (isHeld: boolean): unknown[] =>
          batchLines(batch).filter(
            (line) => set.contains(parseGtid(gtid((line as { t: number }).t))) === isHeld,
          );
        expect(inside.flatMap(batchLines)).toEqual(expected(true));
        expect(outside.flatMap(batchLines)).toEqual(expected(false));
        for (const part of [...inside, ...outside]) {
          part.transactions.forEach((transaction, i) => {
            const next = part.transactions[i + 1]?.firstRow ?? part.count;
            const lines = batchLines(part).slice(transaction.firstRow, next) as { t: number }[];
            expect(lines.every((line) => gtid(line.t) === transaction.gtid)).toBe(true);
            expect(lines.length).toBeGreaterThan(0);
          });
        }
      }),
    );
  });
});
