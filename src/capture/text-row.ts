/** A row of the text protocol: every value as MySQL prints it, so that nothing is rounded. */
export type TextRow = readonly (string | null)[];

const NULL_MARK = 0xfb;

/** Values of a row packet, which lie between `from` and `to`. */
export function textRow(packet: Uint8Array, from: number, to: number): TextRow {
  const row: (string | null)[] = [];
  let p = from;
  while (p < to) {
    const mark = packet[p] as number;
    if (mark === NULL_MARK) {
      row.push(null);
      p++;
      continue;
    }
    const start = p + lengthBytes(mark);
    const end = start + packedLength(packet, p, mark);
    if (end > to) throw new RangeError("a value reaches beyond the end of its packet");
    row.push(Buffer.from(packet.buffer, packet.byteOffset + start, end - start).toString("utf8"));
    p = end;
  }
  return row;
}

/** Bytes that a length takes whose first byte is `mark`: the protocol's "length-encoded integer". */
export function lengthBytes(mark: number): number {
  return mark < NULL_MARK ? 1 : mark === 0xfc ? 3 : mark === 0xfd ? 4 : 9;
}

/** The length at `at`, whose first byte is `mark`. */
export function packedLength(packet: Uint8Array, at: number, mark: number): number {
  if (mark < NULL_MARK) return mark;
  const bytes = lengthBytes(mark) - 1;
  let length = 0;
  for (let i = bytes; i > 0; i--) length = length * 256 + (packet[at + i] as number);
  return length;
}
