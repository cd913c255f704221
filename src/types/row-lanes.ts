/**
 * The 64-bit hash of each row's content, in two lanes of 32 bits: Murmur3 for 32-bit machines with two of its four
 * lanes. It guards against mistakes, not against people. Two hops compare it that hand rows over in the same form,
 * so it is taken of the form: of columns cell by cell, of a line as bytes. A cell counts with its place in the
 * row, NULL as something that no cell is, and a text with its length. A record has the hash of the line that is
 * made of it: that of the row which a table takes.
 *
 * Columns are hashed one after another, all rows of one and then all of the next, so that each loop knows the
 * form of its cells.
 */
import { unreachable } from "../util/assert.ts";
import type { ChangeBatch, RowColumns, RowLines, RowRecords } from "./change-batch.ts";
import { FORM_BYTES, isNullAt, type ColumnValues } from "./column-values.ts";

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const NULL_MARK = 0x4e554c4c;

/** Hashes of the rows of a batch, by row. */
export interface RowLanes {
  readonly high: Int32Array;
  readonly low: Int32Array;
}

/** Murmur3's finalizer: every bit of the input changes half of the output's. */
export function fmix32(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));
const mixA = (k: number): number => Math.imul(rotl(Math.imul(k, C1), 15), C2);
const mixB = (k: number): number => Math.imul(rotl(Math.imul(k, C2), 16), C3);
/** One round: the new value of each lane. */
const roundA = (a: number, b: number, x: number): number =>
  (Math.imul((rotl(a ^ mixA(x), 19) + b) | 0, 5) + 0x561ccd1b) | 0;
const roundB = (a: number, b: number, y: number): number =>
  (Math.imul((rotl(b ^ mixB(y), 17) + a) | 0, 5) + 0x0bcaa747) | 0;

/** Rows never change, and several hops of one process ask for the hashes of the same ones. */
const known = new WeakMap<ChangeBatch["rows"], RowLanes>();

/** The hashes of the `count` rows of a batch. */
export function rowLanes(rows: ChangeBatch["rows"], count: number): RowLanes {
  const lanes = known.get(rows) ?? computeLanes(rows, count);
  known.set(rows, lanes);
  return lanes;
}

function computeLanes(rows: ChangeBatch["rows"], count: number): RowLanes {
  switch (rows.form) {
    case "columns":
      return lanesOfColumns(rows, count);
    case "lines":
      return lanesOfLines(rows, count);
    case "records":
      return lanesOfRecords(rows, count);
    default:
      return unreachable(rows);
  }
}

function lanesOfColumns(rows: RowColumns, count: number): RowLanes {
  const total = rows.first + count;
  const a = new Int32Array(total);
  const b = new Int32Array(total);
  rows.columns.forEach((column, place) => {
    addColumn({ high: a, low: b }, column, place);
  });
  finish(a, b);
  return { high: a.subarray(rows.first), low: b.subarray(rows.first) };
}

function addColumn(lanes: RowLanes, { form, values, nulls }: ColumnValues, place: number): void {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const bytes = FORM_BYTES[form];
  if (bytes === null) addTexts(lanes, { view, nulls, place });
  else addNumbers(lanes, { view, nulls, place }, bytes);
}

interface Cells {
  readonly view: DataView;
  readonly nulls: Uint8Array | null;
  readonly place: number;
}

function addNull({ high, low }: RowLanes, row: number, place: number): void {
  const a = roundA(high[row] as number, low[row] as number, NULL_MARK);
  low[row] = roundB(a, low[row] as number, ~place);
  high[row] = a;
}

function addNumbers(lanes: RowLanes, { view, nulls, place }: Cells, bytes: 4 | 8): void {
  const { high, low } = lanes;
  let p = 0;
  for (let row = 0; row < high.length; row++) {
    if (isNullAt(nulls, row)) {
      addNull(lanes, row, place);
      continue;
    }
    const b = low[row] as number;
    const a = roundA(high[row] as number, b, view.getInt32(p, true));
    low[row] = roundB(a, b, bytes === 4 ? place : view.getInt32(p + 4, true) + place);
    high[row] = a;
    p += bytes;
  }
}

function addTexts(lanes: RowLanes, { view, nulls, place }: Cells): void {
  const { high, low } = lanes;
  let p = 0;
  for (let row = 0; row < high.length; row++) {
    if (isNullAt(nulls, row)) {
      addNull(lanes, row, place);
      continue;
    }
    const length = view.getInt32(p, true);
    const b = low[row] as number;
    const a = roundA(high[row] as number, b, length);
    low[row] = roundB(a, b, place);
    high[row] = a;
    addBytes(lanes, row, view, p + 4, length);
    p += 4 + length;
  }
}

/** With no object for its arguments: it is called for each text of each row. */

function addBytes({ high, low }: RowLanes, row: number, view: DataView, from: number, length: number): void {
  let a = high[row] as number;
  let b = low[row] as number;
  let p = from;
  for (let left = length; left >= 8; left -= 8, p += 8) {
    a = roundA(a, b, view.getInt32(p, true));
    b = roundB(a, b, view.getInt32(p + 4, true));
  }
  const rest = length & 7;
  if (rest > 0) {
    const x = rest >= 4 ? view.getInt32(p, true) : tail(view, p, rest);
    const y = rest > 4 ? tail(view, p + 4, rest - 4) : 0;
    a = roundA(a, b, x);
    b = roundB(a, b, y);
  }
  high[row] = a;
  low[row] = b;
}

/** One to three bytes as a word. */
function tail(view: DataView, at: number, bytes: number): number {
  let word = view.getUint8(at);
  if (bytes > 1) word |= view.getUint8(at + 1) << 8;
  if (bytes > 2) word |= view.getUint8(at + 2) << 16;
  return word;
}

function finish(high: Int32Array, low: Int32Array): void {
  for (let row = 0; row < high.length; row++) {
    let a = ((high[row] as number) + (low[row] as number)) | 0;
    let b = ((low[row] as number) + a) | 0;
    a = fmix32(a);
    b = fmix32(b);
    high[row] = a + b;
    low[row] = b + (high[row] as number);
  }
}

function lanesOfLines({ bytes, lineEnd, rowStart }: RowLines, count: number): RowLanes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lanes = { high: new Int32Array(count), low: new Int32Array(count) };
  for (let row = 0; row < count; row++) {
    addRow(lanes, row, view, rowStart[row] as number, (lineEnd[row] as number) - 2);
  }
  finish(lanes.high, lanes.low);
  return lanes;
}

function lanesOfRecords({ bytes, keyEnd, valueEnd, rowStart }: RowRecords, count: number): RowLanes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lanes = { high: new Int32Array(count), low: new Int32Array(count) };
  for (let row = 0; row < count; row++) {
    const from = rowStart[row] as number;
    const key = keyEnd[row] as number;
    // The row of a delete is its key.
    addRow(lanes, row, view, from, from < key ? key : (valueEnd[row] as number) - 1);
  }
  finish(lanes.high, lanes.low);
  return lanes;
}

/** A row as its text, with its length. */
function addRow(lanes: RowLanes, row: number, view: DataView, from: number, to: number): void {
  lanes.high[row] = to - from;
  addBytes(lanes, row, view, from, to - from);
}
