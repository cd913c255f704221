import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ColumnFileBuilder, type FileColumn } from "../../../src/lake/column-file.ts";
import { identifier, literal, type SqlRow } from "../../../src/lake/duckdb.ts";
import type { ColumnForm, ColumnRows, ColumnValues } from "../../../src/types/column-values.ts";
import { InvariantError, must } from "../../../src/util/assert.ts";
import { testLake, type TestLake } from "../../support/lake.ts";

/** Numbers with a point are given by their bits, because JavaScript knows only one NaN. */
type Value = number | bigint | string | Uint8Array | null;

const FORMS: readonly ColumnForm[] = ["int32", "int64", "uint64", "float", "double", "text", "bytes"];

const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;
const doubleBits = (value: number): bigint => new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;

function encoded(form: ColumnForm, value: NonNullable<Value>): Uint8Array {
  const fixed = Buffer.alloc(form === "int32" || form === "float" ? 4 : 8);
  switch (form) {
    case "int32":
      fixed.writeInt32LE(Number(value));
      return fixed;
    case "float":
      fixed.writeUInt32LE(Number(value));
      return fixed;
    case "int64":
      fixed.writeBigInt64LE(value as bigint);
      return fixed;
    case "uint64":
    case "double":
      fixed.writeBigUInt64LE(value as bigint);
      return fixed;
    case "text":
    case "bytes": {
      const bytes = Buffer.from(value as string);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return Buffer.concat([length, bytes]);
    }
  }
}

/** With `spare` the bitmap is there in any case, is longer than need be, and has bits set that mean no row. */
function columnOf(form: ColumnForm, values: readonly Value[], spare = false): ColumnValues {
  const nulls = new Uint8Array(Math.ceil(values.length / 8) + (spare ? 3 : 0));
  const bits = spare ? 8 * nulls.length : values.length;
  for (let i = 0; i < bits; i++) {
    if (i >= values.length || values[i] === null) nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7));
  }
  const present = values.filter((value) => value !== null);
  return {
    form,
    values: Buffer.concat(present.map((value) => encoded(form, value))),
    nulls: spare || present.length < values.length ? nulls : null,
  };
}

const piece = (forms: readonly ColumnForm[], columns: readonly (readonly Value[])[], spare = false) => ({
  count: columns[0]?.length ?? 0,
  columns: forms.map((form, i) => columnOf(form, must(columns[i], "a column"), spare)),
});

const named = (forms: readonly ColumnForm[]): FileColumn[] =>
  forms.map((form, i) => ({ name: `c${i}`, form }));

let lake: TestLake;
let files = 0;
beforeAll(async () => {
  lake = await testLake();
});
afterAll(() => lake[Symbol.asyncDispose]());

const nextPath = (): string => join(lake.dir, `${++files}.parquet`);

/** Writes a file; returns the literal of its path. */
async function write(
  columns: readonly FileColumn[],
  groups: readonly (readonly ColumnRows[])[],
  metadata?: Readonly<Record<string, string>>,
): Promise<string> {
  const builder = new ColumnFileBuilder(columns, metadata);
  const parts = [builder.begin(), ...groups.map((pieces) => builder.rowGroup(pieces)), builder.end()].flat();
  const path = nextPath();
  await writeFile(path, Buffer.concat(parts));
  expect(builder.bytes).toBe((await stat(path)).size);
  expect(builder.rows).toBe(groups.flat().reduce((sum, { count }) => sum + count, 0));
  return literal(path);
}

/** The values of a file as they were given, in the order of its rows. */
async function read(file: string, columns: readonly FileColumn[]): Promise<readonly SqlRow[]> {
  const sql = columns.map(({ name, form }) => {
    const column = identifier(name);
    return form === "float" || form === "double" ? `CAST(CAST(${column} AS BIT) AS VARCHAR)` : column;
  });
  const rows = await lake.rows(
    `SELECT ${sql.join(", ")} FROM read_parquet(${file}, file_row_number = true) ORDER BY file_row_number`,
  );
  return rows.map((row) =>
    row.map((value, i) => {
      const form = columns[i]?.form;
      if (value === null) return null;
      if (form === "float") return Number.parseInt(value as string, 2);
      if (form === "double") return BigInt(`0b${value as string}`);
      return form === "bytes" ? Buffer.from(value as Uint8Array) : value;
    }),
  );
}

const transposed = (columns: readonly (readonly Value[])[]): SqlRow[] =>
  (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]));

async function expectBack(
  forms: readonly ColumnForm[],
  groups: readonly (readonly (readonly (readonly Value[])[])[])[],
  spare = false,
): Promise<void> {
  const columns = named(forms);
  const file = await write(
    columns,
    groups.map((pieces) => pieces.map((values) => piece(forms, values, spare))),
  );
  expect(await read(file, columns)).toEqual(groups.flat().flatMap(transposed));
}

describe("values come back as they were", () => {
  const minus0 = -0;
  test.each<[ColumnForm, string, readonly Value[]]>([
    ["int32", "INTEGER", [0, 1, -1, 2147483647, -2147483648]],
    ["int64", "BIGINT", [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]],
    ["uint64", "UBIGINT", [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]],
    ["float", "FLOAT", [0, minus0, 1.5, -3.4e38, 1e-45, Infinity, -Infinity].map(floatBits)],
    ["float", "FLOAT", [0x7fc00000, 0xffc00000, 0x7fc00001, 0x7f800001]],
    ["double", "DOUBLE", [0, minus0, 0.1, -1.7e308, 5e-324, Infinity, -Infinity].map(doubleBits)],
    [
      "double",
      "DOUBLE",
      [0x7ff8000000000000n, 0xfff8000000000000n, 0x7ff8000000000123n, 0x7ff0000000000001n],
    ],
    ["text", "VARCHAR", ["", "a", "it's", "日本 😀", "a\0b", "\0", "x".repeat(100_000), " ", "\u{10ffff}"]],
    ["bytes", "BLOB", ["", "a", "\0\0"].map((text) => Buffer.from(text))],
    ["bytes", "BLOB", [Buffer.from([0xff, 0, 0xc3, 0x28]), Buffer.alloc(70_000, 0xfe)]],
  ])("%s as %s, %#", async (form, type, values) => {
    const columns = named([form]);
    const file = await write(columns, [[piece([form], [values])]]);
    expect(await read(file, columns)).toEqual(transposed([values]));
    const described = await lake.rows(`DESCRIBE SELECT * FROM read_parquet(${file})`);
    expect(described.map((row) => row.slice(0, 3))).toEqual([["c0", type, "YES"]]);
  });
});

const counting: Readonly<Record<ColumnForm, (n: number) => Value>> = {
  int32: (n) => n - 5,
  int64: (n) => BigInt(n) - (1n << 62n),
  uint64: (n) => (1n << 64n) - 1n - BigInt(n),
  float: (n) => floatBits(n + 0.5),
  double: (n) => doubleBits(n / 3),
  text: (n) => `row ${n}`,
  bytes: (n) => Buffer.from([n & 0xff, 0, 0xff]),
};

const NULLS: Readonly<Record<string, (row: number) => boolean>> = {
  none: () => false,
  all: () => true,
  "first only": (row) => row === 0,
  "all but the first": (row) => row > 0,
  "every third": (row) => row % 3 === 0,
  "each byte differently": (row) => (((row >> 3) * 37) & (1 << (row & 7))) !== 0,
};

const valuesOf = (form: ColumnForm, count: number, isNull: (row: number) => boolean, from = 0): Value[] =>
  Array.from({ length: count }, (_, row) => (isNull(row) ? null : counting[form](from + row)));

describe("NULLs", () => {
  test.each(Object.entries(NULLS))("%s", async (_, isNull) => {
    const counts = [1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 2047, 2050];
    for (const spare of [false, true]) {
      await expectBack(
        FORMS,
        counts.map((count) => [FORMS.map((form) => valuesOf(form, count, isNull))]),
        spare,
      );
    }
  });

  test("differ from page to page and from column to column", async () => {
    const patterns = Object.values(NULLS);
    const pieces = [3, 8, 2050, 1, 100, 16].map((count, n) =>
      FORMS.map((form, i) => valuesOf(form, count, must(patterns[(n + i) % patterns.length], "a pattern"))),
    );
    await expectBack(FORMS, [pieces, pieces.toReversed(), pieces.slice(2)]);
  });
});

describe("the file", () => {
  const forms: readonly ColumnForm[] = ["int32", "text"];
  const rows = (from: number, count: number): ColumnRows =>
    piece(
      forms,
      forms.map((form) => valuesOf(form, count, () => false, from)),
    );

  test("has the groups that were given, and nothing of empty ones", async () => {
    const empty = rows(0, 0);
    const file = await write(named(forms), [
      [rows(0, 10), empty, rows(10, 5)],
      [empty],
      [],
      [empty, rows(15, 1)],
    ]);
    expect(await read(file, named(forms))).toEqual(Array.from({ length: 16 }, (_, n) => [n - 5, `row ${n}`]));
    const groups = await lake.rows(
      `SELECT row_group_id, path_in_schema, row_group_num_rows, row_group_bytes,
         sum(total_uncompressed_size) OVER (PARTITION BY row_group_id), num_values, compression, encodings,
         total_compressed_size = total_uncompressed_size
       FROM parquet_metadata(${file}) ORDER BY row_group_id, column_id`,
    );
    const [[, , , first] = [], , [, , , second] = []] = groups;
    const chunk = (group: bigint, name: string, count: bigint, bytes: unknown): SqlRow => [
      group,
      name,
      count,
      bytes,
      bytes,
      count,
      "UNCOMPRESSED",
      "PLAIN, RLE",
      true,
    ];
    expect(groups.map((row) => row.with(4, BigInt(row[4] as number | bigint)))).toEqual([
      chunk(0n, "c0", 15n, first),
      chunk(0n, "c1", 15n, first),
      chunk(1n, "c0", 1n, second),
      chunk(1n, "c1", 1n, second),
    ]);
  });

  test("may have no rows at all", async () => {
    for (const groups of [[], [[]], [[rows(0, 0)]]]) {
      const file = await write(named(FORMS), groups);
      expect(await read(file, named(FORMS))).toEqual([]);
      const types = await lake.rows(`SELECT column_type FROM (DESCRIBE FROM read_parquet(${file}))`);
      expect(types.flat()).toEqual(["INTEGER", "BIGINT", "UBIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB"]);
    }
  });

  test("says who wrote it, and what it was told to say", async () => {
    for (const metadata of [
      {},
      { one: "1" },
      { schema: '{"a":"日本"}', empty: "", long: "x".repeat(200_000) },
    ]) {
      const file = await write(named(forms), [[rows(0, 1)]], metadata);
      const found = await lake.rows(`SELECT decode(key), decode(value) FROM parquet_kv_metadata(${file})`);
      expect(Object.fromEntries(found)).toEqual(metadata);
      const about = `SELECT created_by, num_rows, format_version FROM parquet_file_metadata(${file})`;
      expect(await lake.rows(about)).toEqual([["tallylake", 1n, 1n]]);
    }
  });

  test("may have 1,017 columns, of any names", async () => {
    const columns = Array.from({ length: 1017 }, (_, i) => ({
      name: i === 0 ? 'a"b.c' : i === 1 ? "日本" : `column ${i}`,
      form: must(FORMS[i % FORMS.length], "a form"),
    }));
    const values = columns.map(({ form }, i) => valuesOf(form, 9, (row) => (row + i) % 4 === 0, i));
    const wide = { count: 9, columns: columns.map(({ form }, i) => columnOf(form, values[i] ?? [])) };
    const file = await write(columns, [[wide, wide], [wide]]);
    expect(await read(file, columns)).toEqual([...Array(3).keys()].flatMap(() => transposed(values)));
    const described = await lake.rows(`SELECT column_name FROM (DESCRIBE FROM read_parquet(${file}))`);
    expect(described.flat()).toEqual(columns.map(({ name }) => name));
  });

  test("is read beyond 4 GiB", async () => {
    const columns: FileColumn[] = [
      { name: "large", form: "bytes" },
      { name: "n", form: "int32" },
    ];
    // Memory and disk are taken only by what is not zero.
    const large = new Uint8Array(4 + 2 ** 30);
    new DataView(large.buffer).setUint32(0, 2 ** 30, true);
    const path = nextPath();
    const builder = new ColumnFileBuilder(columns);
    const file = await open(path, "w");
    try {
      let offset = 0;
      const put = async (parts: Uint8Array[]): Promise<void> => {
        for (const part of parts) {
          await file.write(part.subarray(0, 4096), 0, null, offset);
          offset += part.length;
        }
      };
      await put(builder.begin());
      for (let n = 0; n < 5; n++) {
        const values = { form: "bytes", values: large, nulls: null } as const;
        await put(builder.rowGroup([{ count: 1, columns: [values, columnOf("int32", [n])] }]));
      }
      await put(builder.end());
      expect(offset).toBeGreaterThan(5 * 2 ** 30);
    } finally {
      await file.close();
    }
    const from = `FROM read_parquet(${literal(path)}, file_row_number = true)`;
    expect(await lake.rows(`SELECT n ${from} ORDER BY file_row_number`)).toEqual([[0], [1], [2], [3], [4]]);
  });
});

const VALUES: Readonly<Record<ColumnForm, fc.Arbitrary<Value>>> = {
  int32: fc.integer(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float: fc.oneof(fc.nat(2 ** 32 - 1), fc.float().map(floatBits)),
  double: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.double().map(doubleBits)),
  text: fc.string({ unit: "binary" }),
  bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
};

function columnValues(form: ColumnForm, count: number): fc.Arbitrary<Value[]> {
  const all = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> =>
    fc.array(value, { minLength: count, maxLength: count });
  const value = VALUES[form];
  return fc.oneof(all(value), all(fc.constant(null)), all(fc.option(value, { nil: null, freq: 2 })));
}

test("any rows come back, however they are cut", async () => {
  const content = fc.array(fc.constantFrom(...FORMS), { minLength: 1, maxLength: 5 }).chain((forms) => {
    const values = fc
      .nat({ max: 40 })
      .chain((count) => fc.tuple(...forms.map((form) => columnValues(form, count))));
    const groups = fc.array(fc.array(values, { maxLength: 3 }), { maxLength: 3 });
    return fc.record({ forms: fc.constant(forms), groups, spare: fc.boolean() });
  });
  await fc.assert(
    fc.asyncProperty(content, ({ forms, groups, spare }) => expectBack(forms, groups, spare)),
    { numRuns: 100 },
  );
});

describe("a defect is found before it is written:", () => {
  const group = (columns: readonly ColumnValues[], count: number): Uint8Array[] => {
    const builder = new ColumnFileBuilder([{ name: "price", form: columns[0]?.form ?? "int32" }]);
    builder.begin();
    return builder.rowGroup([{ count, columns }]);
  };
  const two = columnOf("int32", [1, 2]);

  test("values of another form", () => {
    const builder = new ColumnFileBuilder([{ name: "price", form: "float" }]);
    builder.begin();
    expect(() => builder.rowGroup([{ count: 2, columns: [two] }])).toThrow(
      new InvariantError("the values of column price have the form int32, not float"),
    );
  });

  const wrongLength = (values: number, bytes: number): string =>
    `${values} values of column price cannot have ${bytes} bytes`;
  const tooFewNulls = "the NULLs of column price are given for fewer than 9 rows";
  const tooLarge = "a page of column price would have 2147483653 bytes of 1 rows, more than Parquet can hold";
  const firstIsNull = Uint8Array.of(1);
  const huge = { form: "text", values: new Uint8Array(2 ** 31 - 1), nulls: null } as const;

  test.each<[string, ColumnValues[], number, string]>([
    ["another number of columns", [two, two], 2, "a piece has 2 columns, the file 1"],
    ["too few values", [two], 3, wrongLength(3, 8)],
    ["too many values", [two], 1, wrongLength(1, 8)],
    ["values of NULLs", [{ ...two, nulls: firstIsNull }], 2, wrongLength(1, 8)],
    ["too few texts", [columnOf("text", ["", ""])], 3, wrongLength(3, 8)],
    ["text of NULLs", [{ ...columnOf("text", [""]), nulls: firstIsNull }], 1, wrongLength(0, 4)],
    ["a short bitmap", [{ ...two, nulls: firstIsNull }], 9, tooFewNulls],
    ["a page too large", [huge], 1, tooLarge],
  ])("%s", (_, columns, count, message) => {
    expect(() => group(columns, count)).toThrow(new InvariantError(message));
  });

  test("parts out of order", () => {
    expect(() => new ColumnFileBuilder([])).toThrow(InvariantError);
    const builder = new ColumnFileBuilder(named(["int32"]));
    expect(() => builder.rowGroup([])).toThrow(InvariantError);
    expect(() => builder.end()).toThrow(InvariantError);
    builder.begin();
    expect(() => builder.begin()).toThrow(InvariantError);
    builder.end();
    expect(() => builder.end()).toThrow(InvariantError);
    expect(() => builder.rowGroup([])).toThrow(InvariantError);
  });
});

test("a page is its levels, without a bit of no row, and the values themselves", () => {
  const builder = new ColumnFileBuilder(named(["int64", "text"]));
  builder.begin();
  const given = [columnOf("int64", [1n, null]), columnOf("text", [null, "b"], true)];
  const parts = builder.rowGroup([{ count: 2, columns: given }]);
  expect(parts.length).toBe(4);
  expect(parts[1]).toBe(given[0]?.values);
  expect(parts[3]).toBe(given[1]?.values);
  expect([...(parts[0] ?? []).slice(-6)]).toEqual([2, 0, 0, 0, 3, 0b01]);
  expect([...(parts[2] ?? []).slice(-6)]).toEqual([2, 0, 0, 0, 3, 0b10]);
});
