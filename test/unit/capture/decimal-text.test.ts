import fc from "fast-check";
import { expect, test } from "vitest";
import { decimalBytes, decimalReader, decimalWriter } from "../../../src/capture/decimal-text.ts";

const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/** Digits in MySQL's packed form, group by group; the rest stands in front of whole digits, behind a fraction. */
function pack(whole: string, fraction: string, isNegative: boolean): Uint8Array {
  const groups: string[] = [];
  const first = whole.length % 9;
  if (first > 0) groups.push(whole.slice(0, first));
  for (let i = first; i < whole.length; i += 9) groups.push(whole.slice(i, i + 9));
  for (let i = 0; i < fraction.length; i += 9) groups.push(fraction.slice(i, i + 9));
  const bytes = groups.flatMap((digits) => {
    const size = DIGIT_BYTES[digits.length] ?? 0;
    const value = Number(digits);
    return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
  });
  bytes[0] = (bytes[0] ?? 0) ^ 0x80;
  return Uint8Array.from(isNegative ? bytes.map((byte) => ~byte & 0xff) : bytes);
}

const decimal = fc
  .tuple(fc.integer({ min: 1, max: 65 }), fc.nat(30), fc.boolean())
  .filter(([precision, scale]) => scale <= precision)
  .chain(([precision, scale, isNegative]) =>
    fc.record({
      precision: fc.constant(precision),
      scale: fc.constant(scale),
      isNegative: fc.constant(isNegative),
      digits: fc.array(fc.nat(9), { minLength: precision, maxLength: precision }).map((d) => d.join("")),
    }),
  )
  .filter(({ digits, isNegative }) => !isNegative || /[1-9]/.test(digits));

test("a zero has no sign, whatever its bytes say", () => {
  const view = new DataView(new ArrayBuffer(96));
  fc.assert(
    fc.property(decimal, ({ precision, scale }) => {
      const packed = pack("0".repeat(precision - scale), "0".repeat(scale), true);
      const end = decimalWriter(precision, scale)(view, 0, packed, 0);
      expect(Buffer.from(view.buffer, 0, end).toString()).toBe(
        `"0${scale > 0 ? `.${"0".repeat(scale)}` : ""}"`,
      );
      if (precision <= 15) expect(decimalReader(precision, scale)(packed, 0)).toBe(0);
    }),
  );
});

test("a packed decimal is its text, and its digits where they fit a double", () => {
  const view = new DataView(new ArrayBuffer(96));
  fc.assert(
    fc.property(decimal, ({ precision, scale, isNegative, digits }) => {
      const whole = digits.slice(0, precision - scale);
      const fraction = digits.slice(precision - scale);
      const packed = pack(whole, fraction, isNegative);
      expect(decimalBytes(precision, scale)).toBe(packed.length);
      const end = decimalWriter(precision, scale)(view, 0, packed, 0);
      const sign = isNegative ? "-" : "";
      const text = `${sign}${whole.replace(/^0+/, "") || "0"}${scale > 0 ? `.${fraction}` : ""}`;
      expect(Buffer.from(view.buffer, 0, end).toString()).toBe(`"${text}"`);
      if (precision <= 15)
        expect(decimalReader(precision, scale)(packed, 0)).toBe(Number(`${sign}${digits}`));
    }),
    { numRuns: 3000 },
  );
});
