import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bucketOf } from "../../../src/lake/bucket.ts";
import { bucketSql } from "../../../src/lake/bucket-sql.ts";
import { LakeDatabase, literal } from "../../../src/lake/duckdb.ts";
import { userColumns, type LakeColumn } from "../../../src/lake/lake-column.ts";
import { recordKeySql, unrepresentableKeySql } from "../../../src/lake/record-key.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";
import {
  BIGINT,
  BINARY,
  DATE,
  DATETIME,
  decimal,
  INT,
  lakeSchema,
  UNSIGNED_BIGINT,
  VARCHAR,
} from "../../support/lake-schemas.ts";
import { tempDir, type TempDir } from "../../support/temp-dir.ts";

let dir: TempDir;
let db: LakeDatabase;
beforeAll(async () => {
  dir = await tempDir();
  db = await LakeDatabase.open({ memoryBytesMax: 128 << 20, threads: 2, tempDir: dir.path });
});
afterAll(async () => {
  await db.close();
  await dir[Symbol.asyncDispose]();
});

/** A text as SQL, whatever it holds. */
const textSql = (text: string): string =>
  `decode(from_base64(${literal(Buffer.from(text, "utf8").toString("base64"))}))`;

const keyColumns = (types: readonly ColumnType[]): readonly LakeColumn[] =>
  userColumns(
    lakeSchema(
      types.map((type, i) => [`k${i}`, type] as const),
      ["k0"],
    ),
    "null",
  );

interface KeyRow {
  readonly recordKey: string;
  readonly bucket: number;
  readonly bad: boolean;
}

/** Record key, bucket and verdict of rows, whose values are SQL. */
async function keysOf(
  types: readonly ColumnType[],
  rows: readonly (readonly string[])[],
  buckets = 1009,
): Promise<readonly KeyRow[]> {
  const keys = keyColumns(types);
  const value = (name: string): string => name;
  const values = rows
    .map((row) => `(${row.map((sql, i) => `CAST(${sql} AS ${keys[i]?.type.duck ?? ""})`).join(", ")})`)
    .join(", ");
  const found = await db.use((sql) =>
    sql.rows(
      `SELECT ${recordKeySql(keys, value)}, ${bucketSql(keys, value, buckets)}, ${unrepresentableKeySql(keys, value) ?? "false"} ` +
        `FROM (VALUES ${values}) v(${keys.map((key) => key.name).join(", ")})`,
    ),
  );
  return found.map(([recordKey, bucket, bad]) => ({
    recordKey: String(recordKey),
    bucket: Number(bucket),
    bad: bad === true,
  }));
}

const texts = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
  fc
    .string({ unit: "binary", maxLength: 12 })
    .filter((text) => !/[\ud800-\udfff]/.test(text.replaceAll(/[\ud800-\udbff][\udc00-\udfff]/g, ""))),
  fc.stringMatching(/^[a-c,:_1]{0,10}$/),
  fc.constantFrom(
    "😀",
    "a😀b",
    "\0",
    "x\0y",
    "\u{10ffff}",
    "\uffff",
    "k1",
    ":",
    ",",
    "__empty__",
    "__null__",
  ),
);

describe("the record key", () => {
  test.each<[string, ColumnType, string, string]>([
    ["int", INT, "-7", "-7"],
    ["bigint", BIGINT, "-9223372036854775808", "-9223372036854775808"],
    ["bigint unsigned", UNSIGNED_BIGINT, "18446744073709551615", "18446744073709551615"],
    ["varchar", VARCHAR, "'a,b:c '", "a,b:c "],
    ["date", DATE, "'0987-01-02'", "0987-01-02"],
    ["datetime", DATETIME, "'1969-12-31 23:59:59.999999+00'", "-1"],
    ["binary", BINARY, "'\\x00\\xFFa'", "00ff61"],
    ["decimal", decimal(10, 2), "-0.5", "-0.50"],
    // BigDecimal.toString() turns to scientific notation below 10^-6.
    ["decimal", decimal(10, 7), "0", "0E-7"],
    ["decimal", decimal(10, 7), "0.0000012", "0.0000012"],
    ["decimal", decimal(10, 7), "-0.0000003", "-3E-7"],
    ["decimal", decimal(20, 9), "0.000000120", "1.20E-7"],
    ["decimal", decimal(20, 9), "12.000000120", "12.000000120"],
    // As Java's Double.toString() and Float.toString() spell them; both zeros are one key.
    ["double", { kind: "double" }, "0", "0.0"],
    ["double", { kind: "double" }, "-0.0", "0.0"],
    ["double", { kind: "double" }, "-1", "-1.0"],
    ["double", { kind: "double" }, "0.001", "0.001"],
    ["double", { kind: "double" }, "0.00099", "9.9E-4"],
    ["double", { kind: "double" }, "9999999", "9999999.0"],
    ["double", { kind: "double" }, "10000000", "1.0E7"],
    ["double", { kind: "double" }, "123456789.125", "1.23456789125E8"],
    ["double", { kind: "double" }, "-1.7976931348623157e308", "-1.7976931348623157E308"],
    ["double", { kind: "double" }, "2.2250738585072014e-308", "2.2250738585072014E-308"],
    ["float", { kind: "float" }, "1.5", "1.5"],
    ["float", { kind: "float" }, "0.1", "0.1"],
    ["float", { kind: "float" }, "16777216", "1.6777216E7"],
    ["float", { kind: "float" }, "-3.4028235e38", "-3.4028235E38"],
  ])("of one %s is its value", async (_name, type, sql, expected) => {
    const [row] = await keysOf([type], [[sql]]);
    expect(row?.recordKey).toBe(expected);
  });

  test("of several columns names them", async () => {
    const rows = await keysOf(
      [INT, VARCHAR, DATE],
      [
        ["1", "'x'", "'2026-01-02'"],
        ["1", "''", "'2026-01-02'"],
      ],
    );
    expect(rows.map((row) => row.recordKey)).toEqual([
      "k0:1,k1:x,k2:2026-01-02",
      "k0:1,k1:__empty__,k2:2026-01-02",
    ]);
  });

  test("is different for different keys, but for those that are refused", async () => {
    const pairs = fc.array(fc.tuple(texts, texts), { minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(pairs, async (list) => {
        const rows = await keysOf(
          [VARCHAR, VARCHAR],
          list.map(([a, b]) => [textSql(a), textSql(b)]),
        );
        const owner = new Map<string, string>();
        rows.forEach((row, i) => {
          if (row.bad) return;
          const key = JSON.stringify(list[i]);
          expect(owner.get(row.recordKey) ?? key).toBe(key);
          owner.set(row.recordKey, key);
        });
      }),
      { numRuns: 15 },
    );
  });

  test.each([
    [[VARCHAR], ["''"], true],
    [[VARCHAR], ["' '"], false],
    [[VARCHAR], ["'a,k0:b'"], false],
    [[BINARY], ["''"], true],
    [[VARCHAR, INT], ["''", "1"], false],
    [[VARCHAR, INT], ["'__empty__'", "1"], true],
    [[VARCHAR, INT], ["'__null__'", "1"], true],
    [[VARCHAR, INT], ["'x,k1:2'", "1"], true],
    [[INT, VARCHAR], ["1", "'x,k0:2'"], true],
    [[INT, VARCHAR], ["1", "'x,k2:2'"], false],
  ])("%# is refused: %s %s %s", async (types, values, bad) => {
    expect((await keysOf(types, [values])).map((row) => row.bad)).toEqual([bad]);
  });
});

describe("the bucket in SQL is the one of JavaScript", () => {
  const agree = (
    types: readonly ColumnType[],
    rows: fc.Arbitrary<readonly (readonly string[])[]>,
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 300 }), async (list, buckets) => {
        const names = types.map((_type, i) => `k${i}`);
        for (const { recordKey, bucket, bad } of await keysOf(types, list, buckets)) {
          if (!bad) expect([recordKey, bucket]).toEqual([recordKey, bucketOf(recordKey, names, buckets)]);
        }
      }),
      { numRuns: 10 },
    );
  const many = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.array(one, { minLength: 1, maxLength: 300 });
  const big = (min: bigint, max: bigint): fc.Arbitrary<string> =>
    fc
      .oneof(
        fc.bigInt({ min, max }),
        // Numbers of every length, and the borders between them.
        fc
          .tuple(fc.nat(19), fc.integer({ min: -1, max: 1 }))
          .map(([digits, d]) => 10n ** BigInt(digits) + BigInt(d)),
      )
      .filter((n) => n >= min && n <= max)
      .map(String);

  test("for int", () => agree([INT], many(fc.integer().map((n) => [String(n)]))));
  test("for bigint", () => agree([BIGINT], many(big(-(2n ** 63n), 2n ** 63n - 1n).map((n) => [n]))));
  test("for bigint unsigned", () => agree([UNSIGNED_BIGINT], many(big(0n, 2n ** 64n - 1n).map((n) => [n]))));
  test("for text", () => agree([VARCHAR], many(texts.map((text) => [textSql(text)]))));
  test("for text and text", () =>
    agree([VARCHAR, VARCHAR], many(fc.tuple(texts, texts).map((pair) => pair.map(textSql)))));
  test("for bigint, text and date", () =>
    agree(
      [BIGINT, VARCHAR, DATE],
      many(
        fc
          .tuple(big(-(2n ** 63n), 2n ** 63n - 1n), texts, fc.constantFrom("'2026-01-02'", "'0001-01-01'"))
          .map(([n, text, day]) => [n, textSql(text), day]),
      ),
    ));
  test("for decimal, datetime and binary", () =>
    agree(
      [decimal(20, 8), DATETIME, BINARY],
      many(
        fc
          .tuple(
            fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
            fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
            fc.uint8Array({ minLength: 1, maxLength: 4 }),
          )
          .map(([unscaled, micros, bytes]) => [
            `CAST(${unscaled} AS DECIMAL(38,0)) * 0.00000001`,
            `make_timestamptz(${micros})`,
            `unhex(${literal(Buffer.from(bytes).toString("hex"))})`,
          ]),
      ),
    ));
});
