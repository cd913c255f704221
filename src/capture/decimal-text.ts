import { writePadded, writeUnsigned } from "./byte-writer.ts";

/** Bytes for 0 to 9 decimal digits in MySQL's packed form. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

const groups = (digits: number): { full: number; rest: number } => ({
  full: Math.floor(digits / 9),
  rest: digits % 9,
});

/** Size of a DECIMAL in a row image (`decimal_bin_size` in MySQL's `strings/decimal.cc`). */
export function decimalBytes(precision: number, scale: number): number {
  const whole = groups(precision - scale);
  const fraction = groups(scale);
  return (
    whole.full * 4 + (DIGIT_BYTES[whole.rest] ?? 0) + fraction.full * 4 + (DIGIT_BYTES[fraction.rest] ?? 0)
  );
}

export type DecimalWriter = (out: Uint8Array, at: number, source: Uint8Array, from: number) => number;

/**
 * Writes a packed DECIMAL as a JSON string. The form: big-endian groups of nine digits in four bytes, a
 * shorter group in front of the whole digits and behind the fraction; the top bit of the first byte is
 * inverted, and a negative number has all bits inverted.
 */
export function decimalWriter(precision: number, scale: number): DecimalWriter {
  const whole = groups(precision - scale);
  const fraction = groups(scale);
  const wholeRestBytes = DIGIT_BYTES[whole.rest] ?? 0;
  const fractionRestBytes = DIGIT_BYTES[fraction.rest] ?? 0;
  return (out, at, source, from) => {
    const negative = ((source[from] as number) & 0x80) === 0;
    const mask = negative ? 0xff : 0;
    let p = from;
    let o = at;
    const group = (bytes: number): number => {
      let value = 0;
      for (let i = 0; i < bytes; i++, p++) {
        const byte = (source[p] as number) ^ mask ^ (p === from ? 0x80 : 0);
        value = value * 256 + byte;
      }
      return value;
    };
    out[o++] = 0x22;
    if (negative) out[o++] = 0x2d;
    let started = false;
    if (wholeRestBytes > 0) {
      const value = group(wholeRestBytes);
      if (value > 0) {
        o = writeUnsigned(out, o, value);
        started = true;
      }
    }
    for (let i = 0; i < whole.full; i++) {
      const value = group(4);
      if (started) o = writePadded(out, o, value, 9);
      else if (value > 0) {
        o = writeUnsigned(out, o, value);
        started = true;
      }
    }
    if (!started) out[o++] = 0x30;
    if (scale > 0) {
      out[o++] = 0x2e;
      for (let i = 0; i < fraction.full; i++) o = writePadded(out, o, group(4), 9);
      if (fractionRestBytes > 0) o = writePadded(out, o, group(fractionRestBytes), fraction.rest);
    }
    out[o++] = 0x22;
    return o;
  };
}
