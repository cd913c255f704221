/**
 * Binlog row images to canonical JSON, by one function that is generated for each TABLE_MAP.
 *
 * Canonical text of a value: what MySQL's own SELECT prints with `time_zone = '+00:00'`, with these
 * exceptions. Integers, BIT, YEAR, FLOAT and DOUBLE are JSON numbers (the floats in the shortest text that
 * reads back to the same bits, minus zero as `-0.0`); DECIMAL is a JSON string; binary types are base64;
 * NULL is `null`. Everything else is a JSON string. A row is one object in column order. The snapshot's codec
 * writes the same bytes for the same value, which the differential test holds for every type.
 *
 * A row image is a bitmap of NULLs and then the values that are not NULL, each in the storage form of its
 * type (MySQL's `Field::pack`). The generated code is straight-line: constants for names, a branch for each
 * bit of the bitmap, no object for the row and no closure for a value. It checks that a value with a length
 * of its own ends inside the event; the caller checks the end of each row, so that a damaged event cannot
 * read past it unnoticed.
 */
import { assert } from "../util/assert.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { insideCode, nullCode, valueCode, type CodeScope } from "./row-decode-code.ts";
import { corrupt } from "./corrupt.ts";
import { compile } from "./compile.ts";
import { constantCode } from "./constant-code.ts";
import type { TableMap } from "./table-map.ts";

/** What a generated function leaves behind beside its return value. */
export interface RowCursor {
  /** Where the row image that was read ends in the source. */
  end: number;
  /** Start and end of each key column in the source, in key order. */
  readonly keys: Int32Array;
}

export interface RowDecoder {
  /** Writes `{…}` of all columns at `at` of the writer; returns the position behind it. */
  readonly row: (source: Uint8Array, from: number, to: number, writer: ByteWriter, at: number) => number;
  /** The same with the key columns alone. */
  readonly key: (source: Uint8Array, from: number, to: number, writer: ByteWriter, at: number) => number;
  /** Only finds the end of a row image and its keys. */
  readonly skip: (source: Uint8Array, from: number, to: number) => void;
  readonly cursor: RowCursor;
}

const NULL_CODE = constantCode(Buffer.from("null"));

/** Longest text of a value whose length the type bounds. */
const FIXED_TEXT_MAX = 80;

export function compileRowDecoder(map: Pick<TableMap, "columns" | "primaryKey">): RowDecoder {
  assert(map.primaryKey.length > 0, "a row decoder needs a primary key");
  const cursor: RowCursor = { end: 0, keys: new Int32Array(map.primaryKey.length * 2) };
  const scope: CodeScope = { constants: new Map() };
  const body = [
    functionCode("row", map, scope, () => "write"),
    functionCode("key", map, scope, (column) => (map.primaryKey.includes(column) ? "write" : "skip")),
    functionCode("skip", map, scope, () => "skip"),
    "return { row, key, skip, cursor };",
  ].join("\n");
  scope.constants.set("cursor", cursor);
  scope.constants.set("overrun", () => {
    throw corrupt("a value reaches beyond the end of its event");
  });
  return compile(scope.constants, body) as RowDecoder;
}

type Mode = "write" | "skip";

function functionCode(
  name: "row" | "key" | "skip",
  map: Pick<TableMap, "columns" | "primaryKey">,
  scope: CodeScope,
  modeOf: (column: string) => Mode,
): string {
  const { columns } = map;
  const nullBytes = (columns.length + 7) >> 3;
  const writes = name !== "skip";
  const fixedMax = columns.reduce((sum, c) => sum + nameBytes(c.name, false).length + FIXED_TEXT_MAX, 2);
  const lines = [
    writes ? `function ${name}(s, p, to, w, o) {` : `function ${name}(s, p, to) {`,
    `if (p + ${nullBytes} > to) overrun();`,
    ...Array.from({ length: nullBytes }, (_, i) => `const n${i} = s[p + ${i}];`),
    `p += ${nullBytes};`,
  ];
  if (writes) lines.push(`w.reserve(o, ${fixedMax});`, "let b = w.bytes, v = w.view;", "b[o++] = 123;");
  let first = true;
  columns.forEach((column, i) => {
    const mode = column.isHidden === true ? "skip" : modeOf(column.name);
    const keyIndex = map.primaryKey.indexOf(column.name);
    const value = valueCode(column, { mode, scope, fixedMax });
    const isNull = nullCode(i);
    lines.push(insideCode(columns, i));
    if (mode === "write") lines.push(constantCode(nameBytes(column.name, first)));
    if (keyIndex >= 0) lines.push(`cursor.keys[${keyIndex * 2}] = p;`);
    if (mode === "write") lines.push(`if (${isNull}) { ${NULL_CODE} } else {`, value, "}");
    else lines.push(`if (!(${isNull})) {`, value, "}");
    if (keyIndex >= 0) lines.push(`cursor.keys[${keyIndex * 2 + 1}] = p;`);
    if (mode === "write") first = false;
  });
  lines.push("if (p > to) overrun();", "cursor.end = p;");
  lines.push(writes ? "b[o++] = 125; return o; }" : "}");
  return lines.join("\n");
}

/** `"name":`, with a comma in front unless it is the first. */
function nameBytes(name: string, first: boolean): Uint8Array {
  return Buffer.from(`${first ? "" : ","}${JSON.stringify(name)}:`, "utf8");
}

/** Whether two row images have the same key, byte by byte. `a` and `b` are `cursor.keys` of each. */
export function sameKey(source: Uint8Array, a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < a.length; i += 2) {
    const from = a[i] as number;
    const other = b[i] as number;
    const length = (a[i + 1] as number) - from;
    if ((b[i + 1] as number) - other !== length) return false;
    for (let j = 0; j < length; j++) if (source[from + j] !== source[other + j]) return false;
  }
  return true;
}
