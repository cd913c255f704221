/**
 * A 64-bit hash of bytes in two lanes of 32 bits, after Murmur3 for 32-bit machines with two of its four lanes.
 * Rows are some hundred bytes long: a hash that needs its bytes in other memory, or gives a bigint, costs more
 * for what is around it than for the hashing. It guards against mistakes, not against people.
 */
const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;

/** Murmur3's finalizer: every bit of the input changes half of the output's. */
export function fmix32(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

const mixA = (k: number): number => Math.imul(rotl(Math.imul(k, C1), 15), C2);
const mixB = (k: number): number => Math.imul(rotl(Math.imul(k, C2), 16), C3);

/** The lanes of one hash after the other, in an object that is made once. */
export class BytesHash {
  /** Unsigned 32-bit integers, of the last `update`. */
  high = 0;
  low = 0;

  /** The lanes that seed the next hash. */
  begin(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  /** Hashes the bytes from `from` (inclusive) to `to` (exclusive); there is no second one without `begin`. */
  update(bytes: DataView, from: number, to: number): void {
    let a = this.high | 0;
    let b = this.low | 0;
    let p = from;
    for (; p + 8 <= to; p += 8) {
      a = (rotl(a ^ mixA(bytes.getInt32(p, true)), 19) + b) | 0;
      a = (Math.imul(a, 5) + 0x561ccd1b) | 0;
      b = (rotl(b ^ mixB(bytes.getInt32(p + 4, true)), 17) + a) | 0;
      b = (Math.imul(b, 5) + 0x0bcaa747) | 0;
    }
    let rest = 0;
    let restHigh = 0;
    for (let i = 0; p + i < to; i++) {
      if (i < 4) rest |= bytes.getUint8(p + i) << (8 * i);
      else restHigh |= bytes.getUint8(p + i) << (8 * (i - 4));
    }
    a ^= mixA(rest) ^ (to - from);
    b ^= mixB(restHigh) ^ (to - from);
    a = (a + b) | 0;
    b = (b + a) | 0;
    a = fmix32(a);
    b = fmix32(b);
    this.high = (a + b) >>> 0;
    this.low = (b + this.high) >>> 0;
  }
}
