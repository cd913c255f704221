/**
 * Binlog row images to columns, by functions that are generated for each TABLE_MAP as those of `row-decode.ts`
 * are, which has the layout of an image. A value goes from the packet to its place in its column; nothing is made
 * in between.
 */
import { assert } from "../util/assert.ts";
import { corrupt } from "./corrupt.ts";
import type { ColumnBuffer } from "./column-buffer.ts";
import { compile } from "./compile.ts";
import { bufferName, cellCode } from "./row-column-code.ts";
import { insideCode, nullCode, valueCode, type CodeScope } from "./row-decode-code.ts";
import type { RowCursor } from "./row-decode.ts";
import type { MappedColumn, TableMap } from "./table-map.ts";

export interface ColumnDecoder {
  /** Adds the image as row `row` to all columns. */
  readonly row: (source: Uint8Array, from: number, to: number, row: number) => void;
  /** The same with the key columns alone; the others are NULL. */
  readonly key: (source: Uint8Array, from: number, to: number, row: number) => void;
  /** Only finds the end of a row image and its keys. */
  readonly skip: (source: Uint8Array, from: number, to: number) => void;
  readonly cursor: RowCursor;
}

type DecodedTable = Pick<TableMap, "columns" | "primaryKey">;

/** A decoder into these columns, one for each column of the table. */
export function compileColumnDecoder(map: DecodedTable, columns: readonly ColumnBuffer[]): ColumnDecoder {
  assert(map.primaryKey.length > 0, "a row decoder needs a primary key");
  const shown = map.columns.filter(({ isHidden }) => isHidden !== true);
  assert(shown.length === columns.length, "a column for each column of the table");
  const cursor: RowCursor = { end: 0, keys: new Int32Array(map.primaryKey.length * 2) };
  const scope: CodeScope = { constants: new Map<string, unknown>([["cursor", cursor]]) };
  columns.forEach((column, i) => scope.constants.set(bufferName(i), column));
  scope.constants.set("overrun", () => {
    throw corrupt("a value reaches beyond the end of its event");
  });
  const isKey = (column: MappedColumn): boolean => map.primaryKey.includes(column.name);
  const body = [
    functionCode("row", map, scope, () => true),
    functionCode("key", map, scope, isKey),
    functionCode("skip", map, scope, () => false),
    "return { row, key, skip, cursor };",
  ].join("\n");
  return compile(scope.constants, body) as ColumnDecoder;
}

function functionCode(
  name: "row" | "key" | "skip",
  map: DecodedTable,
  scope: CodeScope,
  isKept: (column: MappedColumn) => boolean,
): string {
  const nullBytes = (map.columns.length + 7) >> 3;
  const lines = [
    `function ${name}(s, p, to, r) {`,
    `if (p + ${nullBytes} > to) overrun();`,
    ...Array.from({ length: nullBytes }, (_, i) => `const n${i} = s[p + ${i}];`),
    `p += ${nullBytes};`,
    "let q = 0, e = 0;",
  ];
  let shown = 0;
  map.columns.forEach((column, i) => {
    const key = map.primaryKey.indexOf(column.name);
    const isHidden = column.isHidden === true;
    const buffer = bufferName(isHidden ? -1 : shown++);
    const isNull = nullCode(i);
    lines.push(insideCode(map.columns, i));
    if (key >= 0) lines.push(`cursor.keys[${key * 2}] = p;`);
    if (!isHidden && isKept(column)) {
      lines.push(`if (${isNull}) ${buffer}.setNull(r); else {`, cellCode(column, buffer, scope), "}");
    } else {
      if (name !== "skip" && !isHidden) lines.push(`${buffer}.setNull(r);`);
      lines.push(`if (!(${isNull})) {`, valueCode(column, { mode: "skip", scope, fixedMax: 0 }), "}");
    }
    if (key >= 0) lines.push(`cursor.keys[${key * 2 + 1}] = p;`);
  });
  lines.push("if (p > to) overrun();", "cursor.end = p; }");
  return lines.join("\n");
}
