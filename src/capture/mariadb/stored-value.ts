/**
 * Values that MariaDB does not store as what they are. A reader of the binlog gets the bytes that a SELECT would give.
 *
 * UUID, INET4 and INET6 are fixed binary strings, without the zero bytes at their end. A value of a COMPRESSED column
 * is empty, or begins with a byte: its upper half is the method, 0 for stored as it is or 8 for zlib, its lowest three
 * bits are the bytes of the length that follows, highest first, and the bit above them is for a stream without
 * zlib's own frame. Layout: `sql/field_comp.cc`.
 */
import { inflateRawSync, inflateSync } from "node:zlib";
import { messageOf } from "../../util/errors.ts";
import { corrupt } from "../corrupt.ts";
import type { TextForm } from "../../types/table-schema.ts";

/** The bytes that a value is, of the bytes that it is stored as. */
export type StoredValue = (source: Uint8Array, from: number, to: number) => Uint8Array;

/** Bytes of each, and what writes its text. */
const FIXED: ReadonlyMap<TextForm, { readonly size: number; readonly text: (value: Buffer) => string }> =
  new Map([
    ["uuid", { size: 16, text: uuidText }],
    ["inet4", { size: 4, text: inet4Text }],
    ["inet6", { size: 16, text: inet6Text }],
  ]);

/** Of a text type that is stored as a fixed binary string of this size; null for any other. */
export function fixedText(form: TextForm, size: number): StoredValue | null {
  const known = FIXED.get(form);
  if (known === undefined || known.size !== size) return null;
  return (source, from, to) => {
    if (to - from > size) throw corrupt(`a value of type ${form} has ${to - from} bytes`);
    const value = Buffer.alloc(size);
    value.set(source.subarray(from, to));
    return Buffer.from(known.text(value), "latin1");
  };
}

function uuidText(value: Buffer): string {
  return value.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function inet4Text(value: Buffer): string {
  return value.join(".");
}

const GROUPS = 8;

/**
 * Hexadecimal groups, the longest run of zeros left out, also a single one, the first of equals. An address that holds
 * one of IPv4 behind zeros, or behind zeros and a group of ones, ends with that.
 */
function inet6Text(value: Buffer): string {
  const groups = Array.from({ length: GROUPS }, (_, i) => value.readUInt16BE(i * 2));
  const gap = longestZeros(groups);
  const isMapped = gap.from === 0 && gap.length === 5 && groups[5] === 0xffff;
  const isCompatible = gap.from === 0 && gap.length === 6;
  const tail = isMapped || isCompatible ? [inet4Text(value.subarray(12))] : [];
  const hex = groups.slice(0, tail.length === 0 ? GROUPS : 6).map((group) => group.toString(16));
  if (gap.length === 0) return hex.join(":");
  const before = hex.slice(0, gap.from).join(":");
  const behind = [...hex.slice(gap.from + gap.length), ...tail].join(":");
  return `${before}::${behind}`;
}

function longestZeros(groups: readonly number[]): { readonly from: number; readonly length: number } {
  let best = { from: 0, length: 0 };
  for (let from = 0; from < groups.length; from++) {
    let length = 0;
    while (groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  return best;
}

const METHOD = { stored: 0, zlib: 8 } as const;
const WITHOUT_FRAME = 0x08;
const SIZE_MAX = 2 ** 32 - 1;

/** A value of a COMPRESSED column. */
export const unpackValue: StoredValue = (source, from, to) => {
  if (from === to) return source.subarray(from, to);
  const how = source[from] as number;
  const method = how >> 4;
  if (method === METHOD.stored) return source.subarray(from + 1, to);
  const sizeBytes = how & 0x07;
  if (method !== METHOD.zlib || sizeBytes < 1 || sizeBytes > 4 || from + 1 + sizeBytes > to)
    throw corrupt(`a compressed value begins with the byte ${how}`);
  let size = 0;
  for (let i = from + 1; i <= from + sizeBytes; i++) size = size * 256 + (source[i] as number);
  const inflate = (how & WITHOUT_FRAME) === 0 ? inflateSync : inflateRawSync;
  const packed = source.subarray(from + 1 + sizeBytes, to);
  let value: Uint8Array;
  try {
    value = inflate(packed, { maxOutputLength: Math.max(1, Math.min(size, SIZE_MAX)) });
  } catch (error) {
    throw corrupt(`a compressed value cannot be unpacked: ${messageOf(error)}`, error);
  }
  if (value.length !== size) throw corrupt(`a compressed value has ${value.length} bytes, and says ${size}`);
  return value;
};
