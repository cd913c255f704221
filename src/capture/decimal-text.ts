import { corrupt } from "./corrupt.ts";
import { writePadded, writeUnsigned } from "./digits.ts";

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

/** Needs room for all its digits, two quotes, sign and point. */
export type DecimalWriter = (v: DataView, at: number, source: Uint8Array, from: number) => number;

const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/** A group of 1 to 4 bytes, big-endian, below `limit`; `flip` has the bits that are inverted in it. */
function group(source: Uint8Array, from: number, bytes: number, limit: number, flip: number): number {
  let value = source[from] as number;
  for (let i = 1; i < bytes; i++) value = (value << 8) | (source[from + i] as number);
  // Nine digits have 30 bits: one that has 32 is below 0, and no group.
  const number = value ^ flip;
  if (number < 0 || number >= limit) noDigits(number);
  return number;
}

function noDigits(number: number): never {
  throw corrupt(`a group of a DECIMAL's digits is ${number}`);
}

const NINE_DIGITS = 1_000_000_000;

const ALL_BITS = [0, 0xff, 0xffff, 0xffffff, -1] as const;

/**
 * Writes a packed DECIMAL as a JSON string. The form: big-endian groups of nine digits in four bytes, a
 * shorter group in front of the whole digits and behind the fraction; the top bit of the first byte is
 * inverted, and a negative number has all bits inverted. Zero has no sign: no server writes one, and the lake has none.
 */
export function decimalWriter(precision: number, scale: number): DecimalWriter {
  const whole = groups(precision - scale);
  const fraction = groups(scale);
  const sizes = [DIGIT_BYTES[whole.rest] ?? 0, ...Array.from({ length: whole.full }, () => 4)].filter(
    (bytes) => bytes > 0,
  );
  const fractionRestBytes = DIGIT_BYTES[fraction.rest] ?? 0;
  const firstBytes = sizes[0] ?? (fraction.full > 0 ? 4 : fractionRestBytes);
  const firstLimit = whole.rest > 0 ? 10 ** whole.rest : NINE_DIGITS;
  const lastLimit = 10 ** fraction.rest;
  const topBit = 0x80 << (8 * (firstBytes - 1));
  return (v, at, source, from) => {
    const isNegative = ((source[from] as number) & 0x80) === 0;
    let p = from;
    let o = at;
    // Of the first group alone.
    let top = topBit;
    v.setUint8(o++, QUOTE);
    if (isNegative) v.setUint8(o++, MINUS);
    let started = false;
    /** Not 0 as soon as a digit of the fraction is not. */
    let digits = 0;
    let limit = firstLimit;
    for (const bytes of sizes) {
      const value = group(source, p, bytes, limit, (isNegative ? (ALL_BITS[bytes] as number) : 0) ^ top);
      top = 0;
      limit = NINE_DIGITS;
      p += bytes;
      if (started) o = writePadded(v, o, value, 9);
      else if (value > 0) {
        o = writeUnsigned(v, o, value);
        started = true;
      }
    }
    if (!started) v.setUint8(o++, ZERO);
    if (scale > 0) {
      v.setUint8(o++, POINT);
      for (let i = 0; i < fraction.full; i++, p += 4) {
        const value = group(source, p, 4, NINE_DIGITS, (isNegative ? -1 : 0) ^ top);
        digits |= value;
        o = writePadded(v, o, value, 9);
        top = 0;
      }
      if (fractionRestBytes > 0) {
        const flip = (isNegative ? (ALL_BITS[fractionRestBytes] as number) : 0) ^ top;
        const value = group(source, p, fractionRestBytes, lastLimit, flip);
        digits |= value;
        o = writePadded(v, o, value, fraction.rest);
      }
    }
    v.setUint8(o, QUOTE);
    return isNegative && !started && digits === 0 ? withoutSign(v, at, o) : o + 1;
  };
}

/** Takes the sign out of a JSON string whose second quote is there; gives the place behind that. */
function withoutSign(v: DataView, at: number, quoteAt: number): number {
  for (let i = at + 1; i < quoteAt; i++) v.setUint8(i, v.getUint8(i + 1));
  return quoteAt;
}

/** Gives a packed DECIMAL of up to 15 digits as the integer that its digits are without the point. */
export type DecimalReader = (source: Uint8Array, from: number) => number;

export function decimalReader(precision: number, scale: number): DecimalReader {
  const whole = groups(precision - scale);
  const fraction = groups(scale);
  // Bytes and digits of each group, in their order.
  const parts = [
    [DIGIT_BYTES[whole.rest] ?? 0, whole.rest],
    ...Array.from({ length: whole.full }, () => [4, 9] as const),
    ...Array.from({ length: fraction.full }, () => [4, 9] as const),
    [DIGIT_BYTES[fraction.rest] ?? 0, fraction.rest],
  ].filter(([bytes = 0]) => bytes > 0);
  const sizes = parts.map(([bytes = 0]) => bytes);
  const factors = parts.map(([, digits = 0]) => 10 ** digits);
  const topBit = 0x80 << (8 * ((sizes[0] ?? 1) - 1));
  return (source, from) => {
    const isNegative = ((source[from] as number) & 0x80) === 0;
    let p = from;
    let top = topBit;
    let value = 0;
    for (let i = 0; i < sizes.length; i++) {
      const bytes = sizes[i] as number;
      const factor = factors[i] as number;
      const flip = (isNegative ? (ALL_BITS[bytes] as number) : 0) ^ top;
      value = value * factor + group(source, p, bytes, factor, flip);
      top = 0;
      p += bytes;
    }
    return isNegative ? 0 - value : value;
  };
}
