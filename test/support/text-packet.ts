import { textRow, type TextRow } from "../../src/capture/text-row.ts";

/** The values of a row as MySQL's text protocol sends them. */
export function textPacket(values: readonly (string | Uint8Array | null)[]): Buffer {
  return Buffer.concat(values.map((value) => (value === null ? Buffer.from([0xfb]) : packedText(value))));
}

/** A text with its length in front, as both protocols have it. */
export function packedText(value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([packedLength(bytes.length), bytes]);
}

/** A row as the binary protocol sends it, from the bytes of its values. */
export function binaryPacket(values: readonly (Uint8Array | null)[]): Buffer {
  const nulls = Buffer.alloc((values.length + 9) >> 3);
  values.forEach((value, i) => {
    const bit = i + 2;
    if (value === null) nulls[bit >> 3] = (nulls[bit >> 3] ?? 0) | (1 << (bit & 7));
  });
  return Buffer.concat([Buffer.from([0]), nulls, ...values.filter((value) => value !== null)]);
}

/** The values of a row of the binary protocol all of whose columns are texts. */
export function binaryTexts(packet: Uint8Array, from: number, to: number, columns: number): TextRow {
  const nulls = from + 1;
  const isNull = Array.from({ length: columns }, (_, i) => {
    const bit = i + 2;
    return (((packet[nulls + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
  });
  const values = [...textRow(packet, nulls + ((columns + 9) >> 3), to)];
  return isNull.map((none) => (none ? null : (values.shift() ?? null)));
}

function packedLength(length: number): Buffer {
  if (length < 251) return Buffer.from([length]);
  const bytes = length < 1 << 16 ? 2 : length < 1 << 24 ? 3 : 8;
  const packed = Buffer.alloc(bytes + 1);
  packed[0] = { 2: 0xfc, 3: 0xfd, 8: 0xfe }[bytes];
  if (bytes === 8) packed.writeBigUInt64LE(BigInt(length), 1);
  else packed.writeUIntLE(length, 1, bytes);
  return packed;
}
