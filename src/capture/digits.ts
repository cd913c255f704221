/**
 * Decimal digits, written in pairs: two digits are one look-up and one store, so that a number of seven digits
 * takes three divisions. All functions take the view of a writer and a position in it, which must have the room,
 * and return the position behind what they wrote.
 */

/** Two decimal digits for each number below 100, in the order in which a little-endian store puts them. */
export const PAIRS = Uint16Array.from(
  { length: 100 },
  (_, i) => (0x30 + Math.floor(i / 10)) | ((0x30 + (i % 10)) << 8),
);

const ZERO = 0x30;
const MINUS = 0x2d;

/** A whole number from 0 to 2^53; at most 16 bytes. */
export function writeUnsigned(v: DataView, at: number, value: number): number {
  if (value < 1e4) return writeSmall(v, at, value);
  if (value < 1e8) {
    const high = (value / 1e4) | 0;
    const o = writeSmall(v, at, high);
    writeFour(v, o, value - high * 1e4);
    return o + 4;
  }
  const high = Math.floor(value / 1e8);
  const low = value - high * 1e8;
  const middle = (low / 1e4) | 0;
  const o = writeUnsigned(v, at, high);
  writeFour(v, o, middle);
  writeFour(v, o + 4, low - middle * 1e4);
  return o + 8;
}

/** Below 10^4. */
function writeSmall(v: DataView, at: number, value: number): number {
  if (value < 100) {
    if (value < 10) {
      v.setUint8(at, ZERO + value);
      return at + 1;
    }
    v.setUint16(at, PAIRS[value] as number, true);
    return at + 2;
  }
  if (value < 1000) {
    const high = (value / 100) | 0;
    v.setUint8(at, ZERO + high);
    v.setUint16(at + 1, PAIRS[value - high * 100] as number, true);
    return at + 3;
  }
  writeFour(v, at, value);
  return at + 4;
}

/** Four digits of a number below 10^4. */
export function writeFour(v: DataView, at: number, value: number): void {
  const high = (value / 100) | 0;
  v.setUint32(at, (PAIRS[high] as number) | ((PAIRS[value - high * 100] as number) << 16), true);
}

/** Two digits of a number below 100. */
export function writeTwo(v: DataView, at: number, value: number): number {
  v.setUint16(at, PAIRS[value] as number, true);
  return at + 2;
}

/** `width` digits of a number below 10^`width`, which is at most 10^9, with leading zeros. */
export function writePadded(v: DataView, at: number, value: number, width: number): number {
  let rest = value | 0;
  let p = at + width;
  while (p - at >= 2) {
    const next = (rest / 100) | 0;
    p -= 2;
    v.setUint16(p, PAIRS[rest - next * 100] as number, true);
    rest = next;
  }
  if (p > at) v.setUint8(at, ZERO + rest);
  return at + width;
}

/** A whole number from -2^53 to 2^53; at most 17 bytes. */
export function writeInteger(v: DataView, at: number, value: number): number {
  if (value >= 0) return writeUnsigned(v, at, value);
  v.setUint8(at, MINUS);
  return writeUnsigned(v, at + 1, -value);
}

/** `high * 2^32 + low`, both unsigned; at most 20 bytes. */
export function writeUnsigned64(v: DataView, at: number, high: number, low: number): number {
  if (high < 0x200000) return writeUnsigned(v, at, high * 4294967296 + low);
  const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
  for (let i = 0; i < text.length; i++) v.setUint8(at + i, text.charCodeAt(i));
  return at + text.length;
}

/** A two's complement 64-bit integer by its unsigned halves; at most 20 bytes. */
export function writeSigned64(v: DataView, at: number, high: number, low: number): number {
  if (high < 0x80000000) return writeUnsigned64(v, at, high, low);
  v.setUint8(at, MINUS);
  // Negate: invert and add one, with the carry into the upper half.
  const negatedLow = (~low + 1) >>> 0;
  const negatedHigh = (~high + (low === 0 ? 1 : 0)) >>> 0;
  return writeUnsigned64(v, at + 1, negatedHigh, negatedLow);
}
