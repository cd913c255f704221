/**
 * The canonical text of a float64: the shortest decimal that reads back the same, the closest one if there
 * are several, spelled as JavaScript spells it, and `-0.0` for minus zero.
 *
 * JavaScript finds the digits itself, in some 0.3 µs and by way of a string, which would be a fifth of the
 * time that a row takes. For numbers of everyday size the digits follow from a few exact operations on doubles:
 *
 *     v = x * 10^s, so that v lies in [10^14, 10^15): the first 15 digits are its whole part. Powers of ten up
 *     to 10^22 are exact, and so is v as the sum of the rounded product and its error (Dekker's product).
 *     h = half the distance from x to its neighbours, times 10^s: exact, since it is a power of two times 10^s.
 *
 * Every decimal nearer to v than h reads back as x. At most one of 15 digits is; otherwise the nearest of 16 is
 * taken if it is near enough, and the nearest of 17 always is. A comparison that is closer than its rounding
 * error is not decided here but left to JavaScript, as are very small and very large numbers.
 */
import { writeAscii, type ByteWriter } from "./byte-writer.ts";
import { PAIRS, writeFour, writeTwo, writeUnsigned } from "./digits.ts";

const doubleText = (value: number): string => (Object.is(value, -0) ? "-0.0" : String(value));

const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** Veltkamp's constant: parts a double into two halves of 26 bits. */
const SPLITTER = 2 ** 27 + 1;
const upperHalf = (x: number): number => SPLITTER * x - (SPLITTER * x - x);
const POWERS_UPPER = POWERS.map(upperHalf);
const LOG10_OF_2 = Math.log10(2);

const SMALLEST = 1e-6;
const LARGEST = 1e15;
/** Of 10^14 and more: digits in front of the fraction that is compared. */
const WHOLE_DIGITS = 15;
/** More than the rounding error of a hundred times a fraction. */
const DOUBT = 2 ** -44;

/** One double and its two words, the lower one first on every machine that DuckDB runs on. */
const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
/** 2^(i - 1023 - 53) at i: half of what a double with the biased exponent i differs from the next one by. */
const HALF_STEP = Array.from({ length: 2047 }, (_, i) => 2 ** (i - 1076));

/** Writes the text of a number; needs room for 32 bytes. */
export function writeDouble(w: ByteWriter, at: number, value: number): number {
  const v = w.view;
  let o = at;
  let x = value;
  if (x < 0) {
    v.setUint8(o++, MINUS);
    x = -x;
  }
  if (x < LARGEST) {
    if (Math.floor(x) === x && x !== 0) return writeUnsigned(v, o, x);
    if (x >= SMALLEST) {
      const end = writeFraction(v, o, x);
      if (end !== 0) return end;
    }
  }
  return writeAscii(w, at, doubleText(value));
}

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/** Writes a number with a fraction, from 10^-6 to 10^15; 0 when that cannot be decided here. */
function writeFraction(v: DataView, at: number, x: number): number {
  bits[0] = x;
  const high = words[1] as number;
  // The neighbour below a power of two is nearer than the one above.
  if ((high & 0xfffff) === 0 && words[0] === 0) return 0;
  const exponent = high >>> 20;
  let point = Math.floor((exponent - 1023) * LOG10_OF_2);
  if (x * (POWERS[WHOLE_DIGITS - 1 - point] as number) >= LARGEST) point++;
  const shift = WHOLE_DIGITS - 1 - point;
  const power = POWERS[shift] as number;
  const rounded = x * power;
  // The rounding may have crossed a power of ten.
  if (rounded >= LARGEST || rounded < LARGEST / 10) return 0;
  let whole = Math.floor(rounded);
  let fraction = rounded - whole + productError(x, shift, rounded);
  if (fraction < 0) {
    whole--;
    fraction++;
  }
  // The digits are written behind the place of the point, and those in front of it moved.
  const first = point < 0 ? at + 1 - point : at + 1;
  const end = writeShortest(v, first, { whole, fraction, half: (HALF_STEP[exponent] as number) * power });
  if (end !== 0) placePoint(v, at, point);
  return end;
}

/** `x * 10^shift - rounded`, exactly. */
function productError(x: number, shift: number, rounded: number): number {
  const a = upperHalf(x);
  const b = x - a;
  const c = POWERS_UPPER[shift] as number;
  const d = (POWERS[shift] as number) - c;
  return a * c - rounded + a * d + b * c + b * d;
}

interface Scaled {
  readonly whole: number;
  readonly fraction: number;
  readonly half: number;
}

/** Writes the digits of the shortest decimal; returns where they end, and 0 when in doubt. */
function writeShortest(v: DataView, at: number, { whole, fraction, half }: Scaled): number {
  const nearest = Math.round(fraction);
  const distance = Math.abs(fraction - nearest);
  if (Math.abs(distance - half) < DOUBT) return 0;
  if (distance < half) {
    if (whole + nearest >= LARGEST) return 0;
    let end = writeWhole(v, at, whole + nearest);
    while (v.getUint8(end - 1) === ZERO) end--;
    return end;
  }
  const tenths = fraction * 10;
  const tenth = Math.round(tenths);
  const tenthDistance = Math.abs(tenths - tenth);
  if (Math.abs(tenthDistance - half * 10) < DOUBT || 0.5 - tenthDistance < DOUBT) return 0;
  // Ten tenths would have been a decimal of 15 digits.
  if (tenthDistance < half * 10 && tenth < 10) {
    const end = writeWhole(v, at, whole);
    v.setUint8(end, ZERO + tenth);
    return end + 1;
  }
  const hundredths = fraction * 100;
  const hundredth = Math.round(hundredths);
  if (hundredth >= 100 || 0.5 - Math.abs(hundredths - hundredth) < DOUBT) return 0;
  return writeTwo(v, writeWhole(v, at, whole), hundredth);
}

/** All digits of a number below 10^15, with leading zeros. */
function writeWhole(v: DataView, at: number, whole: number): number {
  const high = Math.floor(whole / 1e8);
  const low = whole - high * 1e8;
  const top = (high / 1e4) | 0;
  const middle = (low / 1e4) | 0;
  v.setUint8(at, ZERO + ((top / 100) | 0));
  v.setUint16(at + 1, PAIRS[top % 100] as number, true);
  writeFour(v, at + 3, high - top * 1e4);
  writeFour(v, at + 7, middle);
  writeFour(v, at + 11, low - middle * 1e4);
  return at + WHOLE_DIGITS;
}

/** `point` is the power of ten of the first digit. */
function placePoint(v: DataView, at: number, point: number): void {
  if (point < 0) {
    v.setUint8(at, ZERO);
    v.setUint8(at + 1, POINT);
    for (let i = at + 2; i < at + 1 - point; i++) v.setUint8(i, ZERO);
  } else {
    for (let i = at; i <= at + point; i++) v.setUint8(i, v.getUint8(i + 1));
    v.setUint8(at + point + 1, POINT);
  }
}

/** Canonical text of a float32: the shortest that reads back the same float32. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  // A normal float32 keeps any decimal of six digits; a subnormal one may keep fewer.
  const digitsMin = Math.abs(value) < 2 ** -126 ? 1 : 6;
  for (let digits = digitsMin; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}
