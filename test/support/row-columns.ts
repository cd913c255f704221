import { ByteWriter, writeBase64, writeJsonString } from "../../src/capture/byte-writer.ts";
import { ColumnBuffer } from "../../src/capture/column-buffer.ts";
import { integerOf, integerText } from "./integer-cell.ts";
import { floatText, writeDouble } from "../../src/capture/double-text.ts";
import type { RowColumns } from "../../src/types/change-batch.ts";
import { columnForm, isNullAt, type ColumnRows, type ColumnValues } from "../../src/types/column-values.ts";
import type { ColumnType, TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";

/** The text that a writer of the product makes. */
function written(write: (w: ByteWriter) => number): string {
  const w = new ByteWriter(1 << 10);
  w.position = write(w);
  return Buffer.from(w.written()).toString("utf8");
}

/** The canonical JSON of each cell of a column; null for NULL. */
function cellTexts(type: ColumnType, column: ColumnValues, count: number): (string | null)[] {
  const { values, form } = column;
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let p = 0;
  const next = (): string => {
    const at = p;
    switch (form) {
      case "int32":
        p += 4;
        return integerText(type, BigInt(view.getInt32(at, true)));
      case "float":
        p += 4;
        return floatText(view.getFloat32(at, true));
      case "int64":
        p += 8;
        return integerText(type, view.getBigInt64(at, true));
      case "uint64":
        p += 8;
        return String(view.getBigUint64(at, true));
      case "double":
        p += 8;
        return written((w) => writeDouble(w, 0, view.getFloat64(at, true)));
      case "text":
      case "bytes": {
        p = at + 4 + view.getUint32(at, true);
        const to = p;
        const write = form === "text" ? writeJsonString : writeBase64;
        return written((w) => write(w, 0, values, at + 4, to));
      }
    }
  };
  const texts = Array.from({ length: count }, (_, row) => (isNullAt(column.nulls, row) ? null : next()));
  if (p !== values.length) throw new Error(`${values.length - p} bytes of a column belong to no row`);
  return texts;
}

/** The canonical row of each row, as a line of JSON has it. `isKey` says of which rows the key alone is there. */
export function rowTexts(
  schema: TableSchema,
  rows: ColumnRows,
  isKey: (row: number) => boolean = () => false,
): readonly string[] {
  const cells = rows.columns.map((column, i) =>
    cellTexts(must(schema.columns[i], "a column").type, column, rows.count),
  );
  return Array.from({ length: rows.count }, (_, row) => {
    const members = schema.columns.flatMap(({ name }, i) => {
      if (isKey(row) && !schema.primaryKey.includes(name)) return [];
      return [`${JSON.stringify(name)}:${cells[i]?.[row] ?? "null"}`];
    });
    return `{${members.join(",")}}`;
  });
}

/** The rows of these lines of JSON as columns. */
export function rowColumns(schema: TableSchema, texts: readonly string[]): RowColumns {
  const buffers = schema.columns.map(({ type }) => new ColumnBuffer(columnForm(type)));
  texts.forEach((text, row) => {
    const cells = cellsOf(text);
    schema.columns.forEach(({ name, type }, i) => {
      const cell = cells.get(name) ?? "null";
      const buffer = must(buffers[i], "a buffer");
      if (cell === "null") buffer.setNull(row);
      else putCell(buffer, integerOf(type, cell) ?? cell);
    });
  });
  return {
    form: "columns",
    first: 0,
    count: texts.length,
    columns: buffers.map((buffer) => buffer.take(texts.length)),
  };
}

/** The values of a canonical row as they stand there: numbers must not become JavaScript's. */
export function cellsOf(row: string): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  for (let at = 1; at < row.length - 1;) {
    const nameEnd = tokenEnd(row, at);
    const end = tokenEnd(row, nameEnd + 1);
    cells.set(JSON.parse(row.slice(at, nameEnd)) as string, row.slice(nameEnd + 1, end));
    at = end + 1;
  }
  return cells;
}

/** Where the string or the number that begins at `at` ends. */
function tokenEnd(text: string, at: number): number {
  let end = at;
  if (text[at] !== '"') {
    while (text[end] !== "," && text[end] !== "}") end++;
    return end;
  }
  for (end = at + 1; text[end] !== '"'; end++) if (text[end] === "\\") end++;
  return end + 1;
}

function putCell(buffer: ColumnBuffer, cell: string): void {
  const at = buffer.position;
  buffer.reserve(at, 8);
  buffer.last = at;
  const { view } = buffer;
  switch (buffer.form) {
    case "int32":
      view.setInt32(at, Number(cell), true);
      buffer.position = at + 4;
      return;
    case "float":
      view.setFloat32(at, Number(cell), true);
      buffer.position = at + 4;
      return;
    case "int64":
      view.setBigInt64(at, BigInt(cell), true);
      buffer.position = at + 8;
      return;
    case "uint64":
      view.setBigUint64(at, BigInt(cell), true);
      buffer.position = at + 8;
      return;
    case "double":
      view.setFloat64(at, Number(cell), true);
      buffer.position = at + 8;
      return;
    case "text":
    case "bytes": {
      const bytes = Buffer.from(JSON.parse(cell) as string, buffer.form === "text" ? "utf8" : "base64");
      buffer.reserve(at, 4 + bytes.length);
      buffer.view.setUint32(at, bytes.length, true);
      buffer.bytes.set(bytes, at + 4);
      buffer.position = at + 4 + bytes.length;
    }
  }
}
