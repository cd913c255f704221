import { must } from "../../../util/assert.ts";
import type { TableSchema } from "../../../types/table-schema.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/**
 * Where in a canonical row the cells of some columns stand. A canonical row has all columns in table order and no
 * value is nested, so the cells in front are just stepped over: nothing is parsed, and no text inside a value can be
 * taken for a name. The names of the columns that are asked for are compared all the same: a row that is not what it
 * should be must not be routed by another column's value.
 */
export class RowCells {
  /** By the order in which columns were asked for: the JSON of a cell, quotes included. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Of each column up to the last one that is wanted: `{"name":` or `,"name":`. */
  readonly #names: readonly Uint8Array[];
  /** Of each of these columns: its place in `start` and `end`, or -1. */
  readonly #slots: Int32Array;

  /** `wanted` are indexes of columns. */
  constructor({ columns }: Pick<TableSchema, "columns">, wanted: readonly number[]) {
    this.start = new Int32Array(wanted.length);
    this.end = new Int32Array(wanted.length);
    const count = Math.max(-1, ...wanted) + 1;
    this.#names = columns
      .slice(0, count)
      .map(({ name }, i) => Buffer.from(`${i === 0 ? "{" : ","}${JSON.stringify(name)}:`));
    this.#slots = new Int32Array(count).fill(-1);
    wanted.forEach((column, slot) => {
      this.#slots[column] = slot;
    });
  }

  /**
   * Finds the cells of the row that begins at `at` and ends before `to`.
   * @throws RangeError when there is no such row
   */
  find(bytes: Uint8Array, at: number, to: number): void {
    const names = this.#names;
    const slots = this.#slots;
    let p = at;
    for (let column = 0; column < names.length; column++) {
      const name = names[column] as Uint8Array;
      const slot = slots[column] as number;
      if (slot >= 0 && !standsAt(bytes, p, name)) throw damaged(bytes, p, name);
      const from = p + name.length;
      p = cellEnd(bytes, from, to);
      if (slot < 0) continue;
      this.start[slot] = from;
      this.end[slot] = p;
    }
  }
}

function standsAt(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** Behind the value that begins at `from`. */
function cellEnd(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] === QUOTE) return textEnd(bytes, from, to);
  for (let p = from; p < to; p++) {
    const c = bytes[p];
    if (c === COMMA || c === CLOSE) return p;
  }
  throw damaged(bytes, from, null);
}

/** Bytes of a text that are looked at one by one: a call into the engine costs as much as some of these. */
const LOOP_BYTES = 64;

function textEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let p = from + 1; p < to;) {
    const near = Math.min(to, p + LOOP_BYTES);
    for (; p < near; p++) {
      const c = bytes[p];
      if (c === QUOTE) return p + 1;
      if (c === BACKSLASH) p++;
    }
    p = bytes.indexOf(QUOTE, p);
    if (p < 0 || p >= to) break;
    if (!isEscaped(bytes, p)) return p + 1;
    // Where there is one escaped quote there are more.
    p++;
  }
  throw damaged(bytes, from, null);
}

/** Whether an odd number of backslashes stands in front. */
function isEscaped(bytes: Uint8Array, at: number): boolean {
  let first = at;
  while (bytes[first - 1] === BACKSLASH) first--;
  return ((at - first) & 1) === 1;
}

const damaged = (bytes: Uint8Array, at: number, name: Uint8Array | null): RangeError =>
  new RangeError(
    `a row is not canonical: ${JSON.stringify(Buffer.from(bytes.subarray(at, at + 40)).toString())} stands ${
      name === null ? "as a value" : `in the place of ${Buffer.from(name).toString()}`
    }`,
  );

/** The text of a cell as it is in a row; null for NULL. */
export function cellText(bytes: Uint8Array, from: number, to: number): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString();
  if (text === "null") return null;
  return text.startsWith('"') ? must(JSON.parse(text) as string | undefined, "a text") : text;
}
