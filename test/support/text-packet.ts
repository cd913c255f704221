/** The values of a row as MySQL's text protocol sends them. */
export function textPacket(values: readonly (string | Uint8Array | null)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      if (value === null) return [Buffer.from([0xfb])];
      const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
      return [packedLength(bytes.length), bytes];
    }),
  );
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
