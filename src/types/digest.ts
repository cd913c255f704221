/**
 * An order-free digest of a multiset of changes: sum (mod 2^64) and xor of a 64-bit hash of each. The
 * sum shows a change that is missing or twice, the xor tells it from two errors that cancel.
 */
export interface Digest {
  readonly sum: bigint;
  readonly xor: bigint;
}

const MASK = (1n << 64n) - 1n;

export const EMPTY_DIGEST: Digest = { sum: 0n, xor: 0n };

export const addDigest = (a: Digest, b: Digest): Digest => ({
  sum: (a.sum + b.sum) & MASK,
  xor: a.xor ^ b.xor,
});

export const subtractDigest = (a: Digest, b: Digest): Digest => ({
  sum: (a.sum - b.sum) & MASK,
  xor: a.xor ^ b.xor,
});

export const equalDigest = (a: Digest, b: Digest): boolean => a.sum === b.sum && a.xor === b.xor;
