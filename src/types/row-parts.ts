/** What a batch does with its rows, form by form: cut them, measure them, take them apart and put them together. */
import { unreachable } from "../util/assert.ts";
import type { ChangeBatch, RowColumns } from "./change-batch.ts";

type Rows = ChangeBatch["rows"];

/** A piece of a batch's memory. */
export type BatchPart = Float64Array | Uint32Array | Uint8Array;

/** Rows `from` (inclusive) to `to` (exclusive), sharing the memory of all. */
export function sliceRows(rows: Rows, from: number, to: number): Rows {
  switch (rows.form) {
    case "columns":
      return { ...rows, first: rows.first + from };
    case "lines": {
      const { start, bytes } = sliceBytes(rows.bytes, rows.lineEnd, from, to);
      const move = (offsets: Uint32Array): Uint32Array => moved(offsets.slice(from, to), start);
      return { form: "lines", bytes, lineEnd: move(rows.lineEnd), rowStart: move(rows.rowStart) };
    }
    case "records": {
      const { start, bytes } = sliceBytes(rows.bytes, rows.headerEnd, from, to);
      const move = (offsets: Uint32Array): Uint32Array => moved(offsets.slice(from, to), start);
      return {
        form: "records",
        bytes,
        keyEnd: move(rows.keyEnd),
        valueEnd: move(rows.valueEnd),
        headerEnd: move(rows.headerEnd),
        rowStart: move(rows.rowStart),
      };
    }
    default:
      return unreachable(rows);
  }
}

/** The bytes of rows that lie one behind the other, of which `ends` has the ends. */
function sliceBytes(
  bytes: Uint8Array,
  ends: Uint32Array,
  from: number,
  to: number,
): { readonly start: number; readonly bytes: Uint8Array } {
  // In front of the first row nothing has ended.
  const start = ends[from - 1] ?? 0;
  return { start, bytes: bytes.subarray(start, ends[to - 1] ?? 0) };
}

const moved = (offsets: Uint32Array, start: number): Uint32Array => offsets.map((offset) => offset - start);

/** The memory that rows keep. */
export const rowBytes = (rows: Rows): number =>
  rowParts(rows).reduce((sum, part) => sum + part.byteLength, 0);

/** All that rows are made of. */
export function rowParts(rows: Rows): readonly BatchPart[] {
  switch (rows.form) {
    case "columns":
      return rows.columns.flatMap(({ values, nulls }) => (nulls === null ? [values] : [values, nulls]));
    case "lines":
      return [rows.lineEnd, rows.rowStart, rows.bytes];
    case "records":
      return [rows.keyEnd, rows.valueEnd, rows.headerEnd, rows.rowStart, rows.bytes];
    default:
      return unreachable(rows);
  }
}

/** Rows like these, made of other parts, which `next` gives in the order of `rowParts`. */
export function withRowParts(rows: Rows, next: () => Uint8Array<ArrayBuffer>): Rows {
  const offsets = (): Uint32Array => new Uint32Array(next().buffer);
  switch (rows.form) {
    case "columns":
      return { ...rows, columns: withColumns(rows, next) };
    // The members of a literal are evaluated in their order.
    case "lines":
      return { form: "lines", lineEnd: offsets(), rowStart: offsets(), bytes: next() };
    case "records":
      return {
        form: "records",
        keyEnd: offsets(),
        valueEnd: offsets(),
        headerEnd: offsets(),
        rowStart: offsets(),
        bytes: next(),
      };
    default:
      return unreachable(rows);
  }
}

const withColumns = (rows: RowColumns, next: () => Uint8Array<ArrayBuffer>): RowColumns["columns"] =>
  rows.columns.map(({ form, nulls }) => ({
    form,
    values: next(),
    nulls: nulls === null ? null : next(),
  }));
