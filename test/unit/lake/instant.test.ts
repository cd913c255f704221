import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatInstant, instantTimeMs, isInstant, nextInstant } from "../../../src/lake/instant.ts";

const times = fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(9999, 11, 31, 23, 59, 59, 998) });

describe("instants", () => {
  test("are the digits of the UTC calendar", () => {
    expect(formatInstant(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe("20260102030405006");
    expect(formatInstant(0)).toBe("19700101000000000");
  });

  test("give back their time", () => {
    fc.assert(fc.property(times, (timeMs) => instantTimeMs(formatInstant(timeMs)) === timeMs));
  });

  test("sort as text in the order of their times", () => {
    fc.assert(fc.property(times, times, (a, b) => formatInstant(a) < formatInstant(b) === a < b));
  });

  test.each(["", "20260102030405", "2026010203040500x", "20261302030405006", "20260230000000000"])(
    "%j is none",
    (text) => {
      expect(() => instantTimeMs(text)).toThrow(RangeError);
    },
  );

  test("have 17 digits", () => {
    expect(isInstant("20260102030405006")).toBe(true);
    expect(isInstant("20260102030405")).toBe(false);
  });
});

describe("the next instant", () => {
  test("is now, when now is later than the last one", () => {
    expect(nextInstant(Date.UTC(2026, 0, 1), null)).toBe("20260101000000000");
    expect(nextInstant(Date.UTC(2026, 0, 1), "20251231235959999")).toBe("20260101000000000");
  });

  test("is the next millisecond of the calendar when the clock was set back", () => {
    expect(nextInstant(Date.UTC(2026, 0, 1), "20261231235959999")).toBe("20270101000000000");
    expect(nextInstant(Date.UTC(2026, 0, 1), "20260101000000000")).toBe("20260101000000001");
  });

  test("is always greater", () => {
    fc.assert(
      fc.property(times, times, (now, last) => nextInstant(now, formatInstant(last)) > formatInstant(last)),
    );
  });
});
