import type { Digest } from "./digest.ts";

/** Sums of lanes stay exact in a double for this many rows. */
const ROWS_BEFORE_FOLD = 1 << 20;
const MASK = (1n << 64n) - 1n;

/** Sum modulo 2^64 and xor of hashes that come as lanes; no bigint is made for a row. */
export class LaneSum {
  #sumHigh = 0;
  #sumLow = 0;
  #xorHigh = 0;
  #xorLow = 0;
  #unfolded = 0;
  #sum = 0n;

  /** Both unsigned 32-bit. */
  add(high: number, low: number): void {
    this.#sumHigh += high;
    this.#sumLow += low;
    this.#xorHigh ^= high;
    this.#xorLow ^= low;
    if (++this.#unfolded === ROWS_BEFORE_FOLD) this.#fold();
  }

  get digest(): Digest {
    this.#fold();
    return {
      sum: this.#sum,
      xor: (BigInt(this.#xorHigh >>> 0) << 32n) | BigInt(this.#xorLow >>> 0),
    };
  }

  #fold(): void {
    this.#sum = (this.#sum + (BigInt(this.#sumHigh) << 32n) + BigInt(this.#sumLow)) & MASK;
    this.#sumHigh = 0;
    this.#sumLow = 0;
    this.#unfolded = 0;
  }
}
