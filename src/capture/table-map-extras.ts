import { ByteReader } from "./byte-reader.ts";

/** What `binlog_row_metadata=FULL` adds to a TABLE_MAP event: fields of a kind, a length and a value. */
export const META = {
  signedness: 1,
  defaultCharset: 2,
  columnCharset: 3,
  columnName: 4,
  setMembers: 5,
  enumMembers: 6,
  simplePrimaryKey: 8,
  prefixPrimaryKey: 9,
  enumSetDefaultCharset: 10,
  enumSetColumnCharset: 11,
} as const;

export function readExtras(r: ByteReader): ReadonlyMap<number, ByteReader> {
  const extras = new Map<number, ByteReader>();
  while (r.left > 0) {
    const kind = r.u8();
    const length = r.packedLength();
    const from = r.position;
    r.skip(length);
    extras.set(kind, new ByteReader(r.bytes, from, from + length));
  }
  return extras;
}

export function readNames(r: ByteReader | undefined): string[] {
  const names: string[] = [];
  while (r !== undefined && r.left > 0) names.push(r.text(r.packedLength()));
  return names;
}

export function readPackedLengths(r: ByteReader | undefined): number[] {
  const values: number[] = [];
  while (r !== undefined && r.left > 0) values.push(r.packedLength());
  return values;
}

export function readMemberLists(r: ByteReader | undefined): Uint8Array[][] {
  const lists: Uint8Array[][] = [];
  while (r !== undefined && r.left > 0) {
    const list: Uint8Array[] = [];
    for (let left = r.packedLength(); left > 0; left--) list.push(r.take(r.packedLength()));
    lists.push(list);
  }
  return lists;
}
