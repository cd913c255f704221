import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  batchBytes,
  batchParts,
  sliceBatch,
  withParts,
  type ChangeBatch,
} from "../../../src/types/change-batch.ts";
import { linesOf } from "../../support/batch-lines.ts";
import { recordsOf } from "../../support/batch-records.ts";
import { makeBatch, type Change } from "../../support/batch.ts";

const FORMS = ["columns", "lines", "records"] as const;

const change: fc.Arbitrary<Change> = fc
  .record({
    op: fc.constantFrom("c", "u", "d"),
    id: fc.integer({ min: -5, max: 1000 }),
    v: fc.option(fc.string({ unit: "grapheme", maxLength: 8 }), { nil: undefined }),
  })
  .map(({ op, id, v }) => ({ op, id, ...(v === undefined ? {} : { v }) }));
const transactions = fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 5,
});

/** All that a batch says, whatever memory it lies in: seq, gtid and row of each change, and keys and values. */
const content = (batch: ChangeBatch): unknown => [
  linesOf(batch).map(({ transaction, ...line }) => ({
    ...line,
    gtid: batch.transactions[transaction]?.gtid,
  })),
  batch.rows.form === "records" ? recordsOf(batch) : null,
];

/** Each part in memory of its own, as another thread or a file gives it back. */
const copied = (batch: ChangeBatch): readonly Uint8Array<ArrayBuffer>[] =>
  batchParts(batch).map(({ buffer, byteOffset, byteLength }) =>
    Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)),
  );

const numbers = (batch: ChangeBatch): readonly (readonly number[])[] =>
  batchParts(batch).map((part) => Array.from(part));

describe.each(FORMS)("a batch of %s", (form) => {
  test("is the sum of its slices, and each of those of its own", () => {
    fc.assert(
      fc.property(transactions, fc.nat(), fc.nat(), (changes, a, b) => {
        const whole = makeBatch(changes, { firstGtid: 1, firstSeq: 10, form });
        const [from, to] = [a % (whole.count + 1), b % (whole.count + 1)].sort((x, y) => x - y) as [
          number,
          number,
        ];
        const parts = [
          sliceBatch(whole, 0, from),
          sliceBatch(whole, from, to),
          sliceBatch(whole, to, whole.count),
        ];
        expect(parts.map(({ count }) => count)).toEqual([from, to - from, whole.count - to]);
        const [lines, records] = content(whole) as [unknown[], unknown[] | null];
        const all = parts.map(content) as [unknown[], unknown[] | null][];
        expect(all.flatMap(([own]) => own)).toEqual(lines);
        expect(all.flatMap(([, own]) => own ?? [])).toEqual(records ?? []);
        // A slice of a slice counts from there.
        const middle = sliceBatch(whole, from, to);
        const half = middle.count >> 1;
        expect(content(sliceBatch(middle, half, middle.count))).toEqual(
          content(sliceBatch(whole, from + half, to)),
        );
      }),
    );
  });

  test("is the same when it was taken apart and put together, also when it is a slice", () => {
    fc.assert(
      fc.property(transactions, fc.nat(), (changes, at) => {
        const whole = makeBatch(changes, { firstGtid: 1, firstSeq: 10, form });
        for (const batch of [whole, sliceBatch(whole, at % whole.count, whole.count)]) {
          const again = withParts(batch, copied(batch));
          expect(numbers(again)).toEqual(numbers(batch));
          expect(content(again)).toEqual(content(batch));
          expect(batchBytes(batch)).toBe(batchParts(batch).reduce((sum, part) => sum + part.byteLength, 0));
        }
      }),
    );
  });
});

test("a batch lacks no part unnoticed", () => {
  for (const form of FORMS) {
    const batch = makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1, form });
    expect(() => withParts(batch, copied(batch).slice(0, -1))).toThrow("a part of a batch is missing");
  }
});
