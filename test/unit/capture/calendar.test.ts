import fc from "fast-check";
import { expect, test } from "vitest";
import { dayNumber, writeEpoch, writeMoment } from "../../../src/capture/calendar.ts";
import { integerOf, integerText } from "../../support/integer-cell.ts";

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

/** Whatever MySQL can store in a date, whether or not there is such a day. */
const date = fc.record({
  year: fc.oneof(fc.nat(9999), fc.constantFrom(0, 1, 1900, 2000, 2024, 2100, 9999)),
  month: fc.nat(12),
  day: fc.nat(31),
});
const clock = fc.record({
  hour: fc.nat(23),
  minute: fc.nat(59),
  second: fc.nat(59),
  micros: fc.nat(999_999),
});

type DateParts = typeof date extends fc.Arbitrary<infer T> ? T : never;
const dateText = ({ year, month, day }: DateParts): string =>
  `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;

test("a date is the number of its day, or one that holds its parts", () => {
  fc.assert(
    fc.property(date, (parts) => {
      const number = dayNumber(parts.year, parts.month, parts.day);
      const json = `"${dateText(parts)}"`;
      expect(String(number)).toBe(integerOf({ kind: "date" }, json));
      expect(integerText({ kind: "date" }, BigInt(number))).toBe(json);
    }),
    { numRuns: 5000 },
  );
  expect(dayNumber(1970, 1, 1)).toBe(0);
  expect(dayNumber(1, 1, 1)).toBe(-719162);
  expect(dayNumber(9999, 12, 31)).toBe(2932896);
});

test("a date and time is the number of its microseconds, or one that holds its parts", () => {
  const view = new DataView(new ArrayBuffer(8));
  const type = { kind: "datetime", fsp: 6 } as const;
  fc.assert(
    fc.property(date, clock, (parts, { hour, minute, second, micros }) => {
      const { year, month, day } = parts;
      writeMoment(view, 0, year, month, day, hour * 4096 + minute * 64 + second, micros);
      const json = `"${dateText(parts)} ${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(micros, 6)}"`;
      expect(String(view.getBigInt64(0, true))).toBe(integerOf(type, json));
      expect(integerText(type, view.getBigInt64(0, true))).toBe(json);
    }),
    { numRuns: 5000 },
  );
});

test("seconds and microseconds are one number of 64 bits, before 1970 too", () => {
  const view = new DataView(new ArrayBuffer(8));
  fc.assert(
    fc.property(
      fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }),
      fc.nat(999_999),
      (seconds, us) => {
        writeEpoch(view, 0, seconds, us);
        expect(view.getBigInt64(0, true)).toBe(BigInt(seconds) * 1_000_000n + BigInt(us));
      },
    ),
    { numRuns: 5000 },
  );
});
