/**
 * Kafka's choice of a partition by the key, equal to the Java client's: Murmur2 with its own seed, which reads
 * whole words as little-endian.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** The hash of a range, as a signed 32-bit integer. */
export function murmur2(bytes: Uint8Array, from: number, to: number): number {
  let h = SEED ^ (to - from);
  let p = from;
  for (const end = to - 3; p < end; p += 4) {
    let k = word(bytes, p);
    k = Math.imul(k, M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  if (p < to) {
    if (to - p > 2) h ^= (bytes[p + 2] as number) << 16;
    if (to - p > 1) h ^= (bytes[p + 1] as number) << 8;
    h = Math.imul(h ^ (bytes[p] as number), M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** The partition of a key, of so many partitions. */
export function partitionOf(bytes: Uint8Array, from: number, to: number, partitions: number): number {
  return (murmur2(bytes, from, to) & 0x7fffffff) % partitions;
}
