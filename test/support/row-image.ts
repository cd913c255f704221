import type { MappedColumn } from "../../src/capture/table-map.ts";

/** An integer, the number of an ENUM's member, a text, or NULL. */
export type ImageCell = number | bigint | string | null;

/** A row as the row events of the binlog have it. */
export function rowImage(columns: readonly MappedColumn[], cells: readonly ImageCell[]): Buffer {
  const nulls = Buffer.alloc((columns.length + 7) >> 3);
  const values = columns.map((column, i) => {
    const cell = cells[i] ?? null;
    if (cell !== null) return valueBytes(column, cell);
    nulls.writeUInt8(nulls.readUInt8(i >> 3) | (1 << (i & 7)), i >> 3);
    return Buffer.of();
  });
  return Buffer.concat([nulls, ...values]);
}

function valueBytes({ name, type, lengthBytes }: MappedColumn, cell: ImageCell): Buffer {
  switch (type.kind) {
    case "int":
      return little(BigInt.asUintN(type.bytes * 8, BigInt(cell ?? 0)), type.bytes);
    case "enum":
      return little(BigInt(cell ?? 0), type.members.length < 256 ? 1 : 2);
    case "text": {
      const text = Buffer.from(String(cell));
      return Buffer.concat([little(BigInt(text.length), lengthBytes), text]);
    }
    default:
      throw new Error(`${name}: no bytes for a ${type.kind}`);
  }
}

/** A number in so many bytes, the lowest first. */
const little = (value: bigint, bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)));
