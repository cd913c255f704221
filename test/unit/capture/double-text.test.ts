import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import { writeDouble } from "../../../src/capture/double-text.ts";

const writer = new ByteWriter(64);
const out = Buffer.from(writer.view.buffer);

function text(value: number): string {
  out.fill("?");
  const end = writeDouble(writer, 3, value);
  expect(out.toString("latin1", 0, 3)).toBe("???");
  return out.toString("latin1", 3, end);
}

const spelling = (value: number): string => (Object.is(value, -0) ? "-0.0" : String(value));

const bits = new DataView(new ArrayBuffer(8));

/** The double that lies so many steps behind another one. */
function neighbour(value: number, steps: number): number {
  bits.setFloat64(0, value);
  bits.setBigUint64(0, bits.getBigUint64(0) + BigInt(steps));
  return bits.getFloat64(0);
}

/** Checks many values with one assertion, which is what costs time. */
function expectSpelled(values: Iterable<number>): void {
  for (const value of values) if (text(value) !== spelling(value)) expect(text(value)).toBe(spelling(value));
}

describe("the text of a double is the shortest that reads back the same", () => {
  test("for any bits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(text(value)).toBe(spelling(value));
      }),
      { numRuns: 2000 },
    );
  });

  test("for numbers of everyday size", () => {
    const exponent = fc.integer({ min: -22, max: 52 });
    fc.assert(
      fc.property(fc.double({ min: 1, max: 2 }), exponent, fc.boolean(), (mantissa, e, isNegative) => {
        const value = mantissa * 2 ** e * (isNegative ? -1 : 1);
        expect(text(value)).toBe(spelling(value));
      }),
      { numRuns: 5000 },
    );
  });

  test("for fractions that people write, and those that computers make of them", () => {
    function* values(): Generator<number> {
      for (let i = 1; i < 4000; i++) {
        yield* [i / 7, i / 100, i / 1e6, i * 1e9 + i / 8, i / 3e5, -i / 1024, i * 1.1];
      }
    }
    expectSpelled(values());
  });

  test("around every power of ten and of two, where the number of digits and the gaps change", () => {
    function* values(): Generator<number> {
      const powers = [
        ...Array.from({ length: 26 }, (_, i) => Number(`1e${i - 8}`)),
        ...Array.from({ length: 80 }, (_, i) => 2 ** (i - 24)),
      ];
      for (const power of powers) for (let step = -60; step <= 60; step++) yield neighbour(power, step);
    }
    expectSpelled(values());
  });

  test("for zero of either sign, and the ends of the range", () => {
    expectSpelled([0, -0, Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 2 ** 53 + 2, 1e21]);
  });
});
