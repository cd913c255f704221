import { syncError } from "../types/errors.ts";

/** A column as a TABLE_MAP event describes it: the type, and its metadata as one number. */
export interface ColumnWidth {
  readonly type: number;
  readonly meta: number;
}

interface Widths {
  readonly columns: readonly ColumnWidth[];
  readonly primaryKey: readonly number[];
}

/** Where a row image ends, and the bytes of its key columns as text. */
export function imageEnd(
  body: DataView,
  from: number,
  table: Widths,
): { readonly end: number; readonly key: string } {
  const { columns, primaryKey } = table;
  let at = from + ((columns.length + 7) >> 3);
  const places: [number, number][] = [];
  columns.forEach((column, i) => {
    const start = at;
    if (((body.getUint8(from + (i >> 3)) >> (i & 7)) & 1) === 0) at += width(body, at, column);
    places.push([start, at]);
  });
  const key = primaryKey.map((i) => {
    const [start = 0, end = 0] = places[i] ?? [];
    return Buffer.from(body.buffer, body.byteOffset + start, end - start).toString("hex");
  });
  return { end: at, key: key.join(" ") };
}

const FIXED: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [2, 2],
  [3, 4],
  [4, 4],
  [5, 8],
  [8, 8],
  [9, 3],
  [10, 3],
  [13, 1],
]);

const half = (digits: number): number => Math.ceil(digits / 2);

function width(body: DataView, at: number, { type, meta }: ColumnWidth): number {
  const fixed = FIXED.get(type);
  if (fixed !== undefined) return fixed;
  switch (type) {
    case 15:
    case 141:
      return meta < 256 ? 1 + body.getUint8(at) : 2 + body.getUint16(at, true);
    case 16:
      return (meta >> 8) + ((meta & 255) === 0 ? 0 : 1);
    case 17:
      return 4 + half(meta);
    case 18:
      return 5 + half(meta);
    case 19:
      return 3 + half(meta);
    case 246:
      return decimalWidth(meta & 255, meta >> 8);
    case 140:
    case 242:
    case 245:
    case 252:
    case 255:
      return meta + lengthOf(body, at, meta);
    case 254:
      return stringWidth(body, at, meta);
    default:
      throw syncError("BINLOG_EVENT_UNKNOWN", `a column of binlog type ${type} cannot be counted`, {
        hint: "leave the table out of the report",
      });
  }
}

function lengthOf(body: DataView, at: number, bytes: number): number {
  let length = 0;
  for (let i = 0; i < bytes; i++) length += body.getUint8(at + i) * 2 ** (8 * i);
  return length;
}

/** Nine digits take four bytes; what is left over takes half a byte a digit, rounded up. */
function decimalWidth(precision: number, scale: number): number {
  const part = (digits: number): number => Math.floor(digits / 9) * 4 + half(digits % 9);
  return part(precision - scale) + part(scale);
}

/** CHAR, BINARY, ENUM and SET share a type; the real one is the metadata's first byte. */
function stringWidth(body: DataView, at: number, meta: number): number {
  const real = meta >> 8;
  if (real === 247 || real === 248) return meta & 255;
  const length = (real & 0x30) === 0x30 ? meta & 255 : (meta & 255) | (((real & 0x30) ^ 0x30) << 4);
  return length < 256 ? 1 + body.getUint8(at) : 2 + body.getUint16(at, true);
}
