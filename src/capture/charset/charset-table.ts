/**
 * Texts in character sets other than UTF-8, as UTF-8. What a sequence of bytes means is asked of the server itself
 * (`charset-reader.ts`), since what is called gbk or cp932 differs from one program to the next. Both codecs, that
 * of the binlog and that of the snapshot, get the bytes as they are stored and read them here.
 *
 * Bytes for which the server knows no character, and would print a question mark, are an error with their place:
 * two different values must not become one.
 */
import { syncError } from "../../types/errors.ts";
import { assert } from "../../util/assert.ts";
import type { ByteWriter } from "../byte-writer.ts";

/** A character set whose characters have two or four bytes each, which takes no table. */
export type UnitForm = "ucs2" | "utf16" | "utf16le" | "utf32";

export type CharsetTable =
  | { readonly form: "units"; readonly units: UnitForm }
  /**
   * Nodes of 256 numbers, one for each value of the next byte: a code point; NONE; or NODE minus the place of the node
   * for the byte behind it. The first node is for the first byte.
   */
  | { readonly form: "tree"; readonly tree: Int32Array; readonly isGb18030: boolean };

export const NODE_SIZE = 256;
export const NONE = -1;
const NODE = -2;

/** Tables by the name of their character set. */
export type Charsets = ReadonlyMap<string, CharsetTable>;

/** The table of these sequences, each of the character that it stands for. */
export function treeOf(
  codes: Iterable<{ readonly bytes: Uint8Array; readonly point: number }>,
  isGb18030 = false,
): CharsetTable {
  const nodes: Int32Array[] = [new Int32Array(NODE_SIZE).fill(NONE)];
  for (const { bytes, point } of codes) {
    assert(bytes.length > 1 || point < 0x10000, "a character of one byte takes three in UTF-8 at most");
    let node = nodes[0] as Int32Array;
    for (const byte of bytes.subarray(0, -1)) {
      const next = node[byte] as number;
      if (next > NODE) {
        node[byte] = NODE - nodes.length * NODE_SIZE;
        node = new Int32Array(NODE_SIZE).fill(NONE);
        nodes.push(node);
      } else {
        node = nodes[(NODE - next) / NODE_SIZE] as Int32Array;
      }
    }
    node[bytes.at(-1) as number] = point;
  }
  const tree = new Int32Array(nodes.length * NODE_SIZE);
  nodes.forEach((node, i) => {
    tree.set(node, i * NODE_SIZE);
  });
  return { form: "tree", tree, isGb18030 };
}

/** Writes bytes of a character set as UTF-8; returns the position behind them. */
export type TextWriter = (w: ByteWriter, at: number, source: Uint8Array, from: number, to: number) => number;

/** `what` names the column in errors. */
export function textWriter(table: CharsetTable, what: string): TextWriter {
  const next = table.form === "units" ? UNIT_READERS[table.units] : treeReader(table);
  return (w, at, source, from, to) => {
    // Of one byte come three at most, of four four.
    w.reserve(at, (to - from) * 3);
    const out = w.bytes;
    const cursor = { at: from, to };
    let p = at;
    while (cursor.at < to) {
      const place = cursor.at;
      const point = next(source, cursor);
      if (point < 0) throw unknown(source, { place, from, to }, what);
      p = writePoint(out, p, point);
    }
    return p;
  };
}

/** The whole text; for names, which are few. */
export function decodeText(table: CharsetTable, bytes: Uint8Array, what: string): string {
  const next = table.form === "units" ? UNIT_READERS[table.units] : treeReader(table);
  const cursor = { at: 0, to: bytes.length };
  let text = "";
  while (cursor.at < bytes.length) {
    const place = cursor.at;
    const point = next(bytes, cursor);
    if (point < 0) throw unknown(bytes, { place, from: 0, to: bytes.length }, what);
    text += String.fromCodePoint(point);
  }
  return text;
}

interface Cursor {
  at: number;
  readonly to: number;
}

/** Reads a character and moves behind it; negative when there is none. */
type CharacterReader = (source: Uint8Array, cursor: Cursor) => number;

function treeReader({ tree, isGb18030 }: Extract<CharsetTable, { form: "tree" }>): CharacterReader {
  return (source, cursor) => {
    const start = cursor.at;
    let entry = tree[source[cursor.at++] as number] as number;
    while (entry <= NODE && cursor.at < cursor.to) {
      entry = tree[NODE - entry + (source[cursor.at++] as number)] as number;
    }
    if (entry >= 0) return entry;
    return isGb18030 ? beyondBmp(source, start, cursor) : NONE;
  };
}

/** GB18030 counts the characters beyond the first 65,536 in four bytes, from 90 30 81 30 on. */
function beyondBmp(source: Uint8Array, start: number, cursor: Cursor): number {
  if (start + 4 > cursor.to) return NONE;
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => source[start + i] as number) as [
    number,
    number,
    number,
    number,
  ];
  const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
  if (a < 0x90 || c < 0x81 || c > 0xfe || !isDigit(b) || !isDigit(d)) return NONE;
  const point = 0x10000 + (((a - 0x90) * 10 + (b - 0x30)) * 126 + (c - 0x81)) * 10 + (d - 0x30);
  cursor.at = start + 4;
  return point <= 0x10ffff ? point : NONE;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

const utf16Reader =
  (high: 0 | 1): CharacterReader =>
  (source, cursor) => {
    const unitAt = (at: number): number =>
      at + 2 > cursor.to ? NONE : ((source[at + high] as number) << 8) | (source[at + 1 - high] as number);
    const unit = unitAt(cursor.at);
    cursor.at += 2;
    if (!isSurrogate(unit)) return unit;
    const low = unitAt(cursor.at);
    cursor.at += 2;
    const isPair = unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff;
    return isPair ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : NONE;
  };

const UNIT_READERS: Readonly<Record<UnitForm, CharacterReader>> = {
  utf16: utf16Reader(0),
  utf16le: utf16Reader(1),
  ucs2: (source, cursor) => {
    const { at } = cursor;
    cursor.at += 2;
    const unit = cursor.at > cursor.to ? NONE : ((source[at] as number) << 8) | (source[at + 1] as number);
    return isSurrogate(unit) ? NONE : unit;
  },
  utf32: (source, cursor) => {
    const { at } = cursor;
    cursor.at += 4;
    if (cursor.at > cursor.to || source[at] !== 0) return NONE;
    const point =
      ((source[at + 1] as number) << 16) | ((source[at + 2] as number) << 8) | (source[at + 3] as number);
    return point > 0x10ffff || isSurrogate(point) ? NONE : point;
  },
};

function writePoint(out: Uint8Array, at: number, point: number): number {
  let p = at;
  if (point < 0x80) {
    out[p++] = point;
    return p;
  }
  if (point < 0x800) {
    out[p++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      out[p++] = 0xe0 | (point >> 12);
    } else {
      out[p++] = 0xf0 | (point >> 18);
      out[p++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[p++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[p++] = 0x80 | (point & 0x3f);
  return p;
}

const SHOWN_BYTES = 4;

function unknown(
  source: Uint8Array,
  { place, from, to }: { readonly place: number; readonly from: number; readonly to: number },
  what: string,
): Error {
  const hex = Buffer.from(source.subarray(place, Math.min(place + SHOWN_BYTES, to))).toString("hex");
  return syncError(
    "TABLE_VALUE",
    `${what} holds X'${hex}' at byte ${place - from} of a text, which Unicode has no character for`,
    {
      hint: "correct the text at the source, then take the table's snapshot again",
    },
  );
}
