import fc from "fast-check";
import { expect, test } from "vitest";
import { BinlogPlace } from "../../../src/capture/binlog-place.ts";

const GIB = 2 ** 30;
const ends = (place: BinlogPlace, ...offsets: readonly number[]): readonly number[] =>
  offsets.map((offset) => {
    place.advance(offset % 2 ** 32);
    return place.offset;
  });

test("A12: the end of an event wraps at 4 GiB, and the place does not", () => {
  const place = new BinlogPlace({ file: "binlog.000009", offset: 4 });
  place.rotate({ file: "binlog.000009", offset: 4 });
  // As of one transaction of 13 GB, whose last events end just before, at, and behind each border.
  const offsets = [
    120,
    GIB,
    4 * GIB - 1,
    4 * GIB + 7,
    5 * GIB,
    8 * GIB - 30,
    8 * GIB + 1,
    11 * GIB,
    12 * GIB + 400,
    13 * GIB,
  ];
  expect(ends(place, ...offsets)).toEqual(offsets);
  expect(place.file).toBe("binlog.000009");
});

test("A12: the next file begins anew, whatever the one before had reached", () => {
  const place = new BinlogPlace({ file: "binlog.000001", offset: 0 });
  expect(ends(place, 4 * GIB - 5, 4 * GIB + 10, 6 * GIB)).toEqual([4 * GIB - 5, 4 * GIB + 10, 6 * GIB]);
  place.rotate({ file: "binlog.000002", offset: 4 });
  expect([place.file, ...ends(place, 126, 900)]).toEqual(["binlog.000002", 126, 900]);
});

test("A12 A63: what ends at 0, or where the place is, moves nothing", () => {
  const place = new BinlogPlace({ file: "binlog.000001", offset: 70 });
  expect(place.advance(0)).toBe(false);
  expect(place.offset).toBe(70);
  expect([place.advance(200), place.advance(200), place.advance(0), place.offset]).toEqual([
    true,
    false,
    false,
    200,
  ]);
});

test("A12: any file of events below 4 GiB each is followed to its end", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 19, max: 2 ** 31 }), { minLength: 1, maxLength: 60 }), (sizes) => {
      const place = new BinlogPlace({ file: "binlog.000001", offset: 0 });
      let end = 0;
      for (const size of sizes) {
        end += size;
        // An event that ends at the very border says 0, and the one behind it makes up for that.
        place.advance(end % 2 ** 32);
        if (end % 2 ** 32 !== 0) expect(place.offset).toBe(end);
      }
    }),
    { numRuns: 500, seed: 12 },
  );
});
