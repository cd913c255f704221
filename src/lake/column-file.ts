/**
 * A Parquet file out of rows that lie in memory as columns. Their values already have Parquet's PLAIN encoding,
 * so all there is to do for a page is to put a header and the definition levels, which say where the NULLs are,
 * in front of the values; these go into the file as they are, uncompressed and without being copied or looked
 * at. DuckDB reads such a file faster than any text, and gets every number and every byte as it was.
 *
 * Files of this kind are read once and removed, so they carry no statistics and no dictionaries.
 */
import { FORM_BYTES, type ColumnForm, type ColumnRows, type ColumnValues } from "../types/column-values.ts";
import { assert, must } from "../util/assert.ts";
import { CompactWriter } from "./thrift-compact.ts";

export interface FileColumn {
  readonly name: string;
  readonly form: ColumnForm;
  /** Of 64-bit integers that are the digits of decimals. */
  readonly decimal?: { readonly precision: number; readonly scale: number };
}

// Numbers of the Parquet format.
const OPTIONAL = 1;
const DATA_PAGE = 0;
const PLAIN = 0;
const RLE = 3;
const UNCOMPRESSED = 0;
const UTF8 = 0;
const DECIMAL = 5;
const UINT_64 = 14;

interface Physical {
  readonly type: number;
  readonly convertedType: number | null;
}

const PHYSICAL: Readonly<Record<ColumnForm, Physical>> = {
  int32: { type: 1, convertedType: null },
  int64: { type: 2, convertedType: null },
  uint64: { type: 2, convertedType: UINT_64 },
  float: { type: 4, convertedType: null },
  double: { type: 5, convertedType: null },
  text: { type: 6, convertedType: UTF8 },
  bytes: { type: 6, convertedType: null },
};

const LENGTH_BYTES = 4;
const PAGE_BYTES_MAX = 2 ** 31 - 1;
const PAGE_HEADER_BYTES = 64;
const MAGIC = Buffer.from("PAR1");
const WRITER = "tallylake";

/** All pages of one column in a row group. */
interface Chunk {
  readonly offset: number;
  readonly bytes: number;
}

interface RowGroup {
  readonly rows: number;
  readonly bytes: number;
  readonly chunks: readonly Chunk[];
}

/**
 * Builds a file, row group by row group. It gives the parts of the file in the order in which they are to be
 * written, and leaves the writing to its caller.
 */
export class ColumnFileBuilder {
  readonly #columns: readonly FileColumn[];
  readonly #metadata: readonly (readonly [string, string])[];
  readonly #groups: RowGroup[] = [];
  #state: "new" | "open" | "ended" = "new";
  #rows = 0;
  #bytes = 0;

  constructor(columns: readonly FileColumn[], metadata: Readonly<Record<string, string>> = {}) {
    assert(columns.length > 0, "a Parquet file needs a column");
    this.#columns = columns;
    this.#metadata = Object.entries(metadata);
  }

  /** Rows so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes of all parts so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first bytes of the file. */
  begin(): Uint8Array[] {
    assert(this.#state === "new", "a Parquet file begins once");
    this.#state = "open";
    return this.#count([MAGIC]);
  }

  /**
   * One row group of all rows of the pieces, each of which becomes a page of every column; none where there are
   * no rows. The parts hold the pieces' own buffers, which must not change until they are written.
   */
  rowGroup(pieces: readonly ColumnRows[]): Uint8Array[] {
    assert(this.#state === "open", "a row group stands between the beginning of a file and its end");
    const filled = pieces.filter(({ count }) => count > 0);
    if (filled.length === 0) return [];
    for (const { columns } of filled) {
      assert(
        columns.length === this.#columns.length,
        `a piece has ${columns.length} columns, the file ${this.#columns.length}`,
      );
    }
    const start = this.#bytes;
    const parts: Uint8Array[] = [];
    const chunks = this.#columns.map((column, index) => {
      const offset = this.#bytes;
      for (const { count, columns } of filled) {
        parts.push(...this.#count(pageParts(column, must(columns[index], "a column"), count)));
      }
      return { offset, bytes: this.#bytes - offset };
    });
    const rows = filled.reduce((sum, { count }) => sum + count, 0);
    this.#groups.push({ rows, bytes: this.#bytes - start, chunks });
    this.#rows += rows;
    return parts;
  }

  /** The footer, with which the file is complete. */
  end(): Uint8Array[] {
    assert(this.#state === "open", "a Parquet file ends once, after it began");
    this.#state = "ended";
    const footer = this.#footer();
    return this.#count([footer, uint32(footer.length), MAGIC]);
  }

  #count(parts: Uint8Array[]): Uint8Array[] {
    for (const part of parts) this.#bytes += part.length;
    return parts;
  }

  /** `FileMetaData` of the format. */
  #footer(): Uint8Array {
    const out = new CompactWriter(4096);
    out.message(() => {
      out.i32(1, 1); // version
      // The first element is the root, the parent of all others.
      out.structList(2, [null, ...this.#columns], (column) => this.#schemaElement(out, column));
      out.i64(3, this.#rows);
      out.structList(4, this.#groups, (group) => this.#rowGroupFields(out, group));
      if (this.#metadata.length > 0) {
        out.structList(5, this.#metadata, ([key, value]) => {
          out.text(1, key);
          out.text(2, value);
        });
      }
      out.text(6, WRITER);
    });
    return out.bytes();
  }

  /** `SchemaElement` of a column, or of the root. */
  #schemaElement(out: CompactWriter, column: FileColumn | null): void {
    if (column === null) {
      out.text(4, "root");
      out.i32(5, this.#columns.length);
      return;
    }
    const { type, convertedType } = PHYSICAL[column.form];
    out.i32(1, type);
    out.i32(3, OPTIONAL);
    out.text(4, column.name);
    if (convertedType !== null) out.i32(6, convertedType);
    if (column.decimal !== undefined) {
      assert(column.form === "int64", "decimals are 64-bit integers");
      out.i32(6, DECIMAL);
      out.i32(7, column.decimal.scale);
      out.i32(8, column.decimal.precision);
    }
  }

  /** `RowGroup`, with a `ColumnChunk` and its `ColumnMetaData` for each column. */
  #rowGroupFields(out: CompactWriter, { rows, bytes, chunks }: RowGroup): void {
    out.structList(1, chunks, (chunk, index) => {
      const { name, form } = must(this.#columns[index], "a column");
      out.i64(2, chunk.offset);
      out.struct(3, () => {
        out.i32(1, PHYSICAL[form].type);
        out.i32List(2, [PLAIN, RLE]);
        out.textList(3, [name]);
        out.i32(4, UNCOMPRESSED);
        out.i64(5, rows);
        out.i64(6, chunk.bytes); // uncompressed
        out.i64(7, chunk.bytes); // compressed
        out.i64(9, chunk.offset); // of the first page
      });
    });
    out.i64(2, bytes);
    out.i64(3, rows);
  }
}

/** A page: its header together with the definition levels, and the values. */
function pageParts(column: FileColumn, values: ColumnValues, count: number): Uint8Array[] {
  assert(
    values.form === column.form,
    `the values of column ${column.name} have the form ${values.form}, not ${column.form}`,
  );
  const nulls = countNulls(column, values, count);
  checkLength(column, values, count - nulls);
  const levels = definitionLevels(values.nulls, count, nulls);
  const bytes = LENGTH_BYTES + levels.length + values.values.length;
  assert(
    bytes <= PAGE_BYTES_MAX && count <= PAGE_BYTES_MAX,
    `a page of column ${column.name} would have ${bytes} bytes of ${count} rows, more than Parquet can hold`,
  );
  const out = new CompactWriter(PAGE_HEADER_BYTES + LENGTH_BYTES + levels.length);
  out.message(() => {
    out.i32(1, DATA_PAGE);
    out.i32(2, bytes); // uncompressed
    out.i32(3, bytes); // compressed
    out.struct(5, () => {
      out.i32(1, count); // NULLs are among them
      out.i32(2, PLAIN);
      out.i32(3, RLE); // of definition levels
      out.i32(4, RLE); // of repetition levels, which there are none of
    });
  });
  out.raw(uint32(levels.length));
  out.raw(levels);
  return values.values.length === 0 ? [out.bytes()] : [out.bytes(), values.values];
}

/**
 * A level for each row, 1 where there is a value: one run if all are the same, else one bit each. The bits of the
 * last byte that belong to no row are 0.
 */
function definitionLevels(nulls: Uint8Array | null, count: number, nullCount: number): Uint8Array {
  const out = new CompactWriter(16);
  if (nulls === null || nullCount === 0 || nullCount === count) {
    out.varint(2 * count);
    out.byte(nullCount === 0 ? 1 : 0);
    return out.bytes();
  }
  const groups = Math.ceil(count / 8);
  out.varint(2 * groups + 1);
  const present = Buffer.allocUnsafe(groups);
  for (let i = 0; i < groups; i++) present[i] = ~(nulls[i] as number);
  present[groups - 1] = (present[groups - 1] as number) & lastByteMask(count);
  out.raw(present);
  return out.bytes();
}

/** Number of set bits in each byte. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** The bits of the last byte that stand for rows. */
const lastByteMask = (count: number): number => 0xff >> ((8 - (count & 7)) & 7);

function countNulls(column: FileColumn, { nulls }: ColumnValues, count: number): number {
  if (nulls === null) return 0;
  const last = Math.ceil(count / 8) - 1;
  assert(nulls.length > last, `the NULLs of column ${column.name} are given for fewer than ${count} rows`);
  let found = BITS[(nulls[last] as number) & lastByteMask(count)] as number;
  for (let i = 0; i < last; i++) found += BITS[nulls[i] as number] as number;
  return found;
}

/** Values that do not go with the NULLs would all be read into the wrong rows. */
function checkLength(column: FileColumn, { form, values }: ColumnValues, present: number): void {
  const width = FORM_BYTES[form];
  const isRight =
    width === null
      ? values.length >= LENGTH_BYTES * present && (present > 0 || values.length === 0)
      : values.length === width * present;
  assert(isRight, `${present} values of column ${column.name} cannot have ${values.length} bytes`);
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
