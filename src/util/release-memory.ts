/** Smaller memory may be a part of what Node gives out in pieces, and is not worth it. */
const BYTES_MIN = 1 << 17;

/**
 * Frees the memory that these bytes are the start of, without waiting for a garbage collection; whoever reads them after
 * this finds them empty. V8 collects all garbage of a thread after every few dozen megabytes of new buffers, which costs
 * far more than the buffers where little else is made. Only for those who know that nobody else has a part of it.
 */
export function releaseMemory({ buffer, byteOffset }: Uint8Array): void {
  if (byteOffset === 0 && buffer.byteLength >= BYTES_MIN && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
