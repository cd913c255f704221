import type { RowsEvent } from "./batch-builder.ts";
import { ByteReader } from "./byte-reader.ts";
import { corrupt } from "./corrupt.ts";
import { applyJsonDiffs } from "./json-diff.ts";
import { fixedBytes } from "./row-decode-code.ts";
import type { MappedColumn } from "./table-map.ts";

/** Of a row's options: some of its JSON values are given as diffs. */
const HAS_DIFFS = 1;

/**
 * The row images of a PARTIAL_UPDATE_ROWS event as those of a plain update, with every JSON value whole. The
 * image after has in front of it what the row's options are (a packed number) and, if they say so, a bit for each
 * JSON column of the table: whether its value is a list of diffs to the one of the image before.
 *
 * That costs a copy of the rows, and only such events pay it: the code that reads rows knows nothing of them.
 */
export function wholeUpdate(
  { operation, bytes, from, to }: RowsEvent,
  columns: readonly MappedColumn[],
): RowsEvent {
  const r = new ByteReader(bytes, from, to);
  const jsonColumns = columns.filter(({ type }) => type.kind === "json").length;
  const pieces: Uint8Array[] = [];
  while (r.left > 0) {
    const start = r.position;
    const before = readImage(r, columns);
    pieces.push(bytes.subarray(start, r.position));
    const options = r.packedLength();
    if (options > HAS_DIFFS) throw corrupt(`a partial update has the options ${options}`);
    const diffs = r.take(options === HAS_DIFFS ? (jsonColumns + 7) >> 3 : 0);
    const afterStart = r.position;
    const after = readImage(r, columns);
    pieces.push(bytes.subarray(afterStart, afterStart + nullBytes(columns)));
    let json = 0;
    columns.forEach(({ type, lengthBytes }, i) => {
      const isDiff = type.kind === "json" && isSet(diffs, json++);
      const value = after[i] ?? null;
      if (value === null) return;
      pieces.push(...(isDiff ? wholeDocument(before[i] ?? null, value, lengthBytes) : [value]));
    });
  }
  const whole = Buffer.concat(pieces);
  return { operation, bytes: whole, from: 0, to: whole.length };
}

/** A document as a value of an image; both that are given have their length in front. */
function wholeDocument(
  before: Uint8Array | null,
  diffs: Uint8Array,
  lengthBytes: number,
): readonly Uint8Array[] {
  if (before === null) throw corrupt("a partial update of a JSON value that is NULL");
  const document = applyJsonDiffs(before.subarray(lengthBytes), diffs.subarray(lengthBytes));
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntLE(document.length, 0, lengthBytes);
  return [length, document];
}

const nullBytes = (columns: readonly MappedColumn[]): number => (columns.length + 7) >> 3;

const isSet = (bitmap: Uint8Array, i: number): boolean => (((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1) !== 0;

/** The values of a row image, each with its length in front where it has one; null for NULL. */
function readImage(r: ByteReader, columns: readonly MappedColumn[]): readonly (Uint8Array | null)[] {
  const nulls = r.take(nullBytes(columns));
  return columns.map(({ type, lengthBytes }, i) => {
    if (isSet(nulls, i)) return null;
    const size = fixedBytes(type);
    if (size !== null) return r.take(size);
    const start = r.position;
    r.skip(r.uint(lengthBytes));
    return r.bytes.subarray(start, r.position);
  });
}
