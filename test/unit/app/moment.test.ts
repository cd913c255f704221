import fc from "fast-check";
import { expect, test } from "vitest";
import { formatMoment, parseMoment } from "../../../src/app/moment.ts";

test.each([
  ["2026-11-21", "2026-11-21T00:00:00.000Z"],
  ["2026-11-21T10:00", "2026-11-21T10:00:00.000Z"],
  ["2026-11-21 10:00:05.1", "2026-11-21T10:00:05.100Z"],
  ["2026-11-21T10:00:05.123Z", "2026-11-21T10:00:05.123Z"],
  ["2026-11-21T10:00+02:00", "2026-11-21T08:00:00.000Z"],
  ["2026-11-21T00:00:00-0130", "2026-11-21T01:30:00.000Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ["0001-01-01", "0001-01-01T00:00:00.000Z"],
])("%s", (text, iso) => {
  const ms = parseMoment(text);
  expect(ms === null ? null : new Date(ms).toISOString()).toBe(iso);
});

test.each([
  "",
  "yesterday",
  "2026",
  "2026-02-30",
  "2025-02-29",
  "2026-13-01",
  "2026-11-21T24:00",
  "2026-11-21T10:60",
  "2026-11-21T10:00:60",
  "2026-11-21T10:00+24:00",
  "2026-11-21T10:00:00.1234",
  "20261121100000000",
  "2026-11-21T10:00ZZ",
])("%s is no time", (text) => {
  expect(parseMoment(text)).toBeNull();
});

test("reads what it writes, to the second", () => {
  const seconds = fc.integer({ min: -6e10, max: 2.5e11 }).map((s) => s * 1000);
  fc.assert(
    fc.property(seconds, (ms) => {
      expect(parseMoment(formatMoment(ms).replace(" UTC", ""))).toBe(ms);
    }),
  );
});
