/** The longer array `to`, with what `from` holds at its beginning. */
export function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
