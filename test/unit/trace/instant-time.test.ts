import fc from "fast-check";
import { expect, test } from "vitest";
import { instantMs, justBefore } from "../../../src/trace/instant-time.ts";
import { instantOf } from "../../support/trace-record.ts";

const time = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2099, 11, 31) });

test("an instant is a time in UTC, to the millisecond", () => {
  fc.assert(
    fc.property(time, (ms) => {
      expect(instantMs(instantOf(ms))).toBe(ms);
    }),
  );
  expect(() => instantMs("2026112110000000")).toThrow(RangeError);
  expect(() => instantMs("20261121100000000-20261121100030000")).toThrow(RangeError);
});

test("just before an instant lies between it and every earlier one", () => {
  fc.assert(
    fc.property(time, fc.integer({ min: 1, max: 1e10 }), (ms, by) => {
      const before = justBefore(instantOf(ms));
      expect(before < instantOf(ms)).toBe(true);
      expect(instantOf(ms - by) <= before).toBe(true);
      expect(before).toHaveLength(17);
    }),
  );
});
