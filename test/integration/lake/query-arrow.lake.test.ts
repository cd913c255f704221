import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readArrow, type ArrowContent } from "../../support/arrow-values.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, testLake, type TestLake } from "../../support/lake.ts";
import { withQuery } from "../../support/lake-query.ts";
import { ALL_TYPES, INT, lakeSchema } from "../../support/lake-schemas.ts";

let lake: TestLake;
beforeAll(async () => {
  lake = await testLake();
});
afterAll(() => lake[Symbol.asyncDispose]());

const arrow = (sql: string): Promise<ArrowContent> =>
  withQuery(lake, sql, async (query) => readArrow(await Array.fromAsync(query.arrow())));

const nines = (n: number): string => "9".repeat(n);
const micros = (text: string): bigint =>
  BigInt(Date.parse(`${text.slice(0, 23)}Z`)) * 1000n + BigInt(text.slice(23));

/** Value in a line of capture, Arrow type, and what the stream must hold; NULL is in every column as well. */
const VALUES: readonly (readonly [json: string, type: string, value: unknown])[] = [
  ["-128", "Int32", -128],
  ["65535", "Int32", 65535],
  ["-8388608", "Int32", -8_388_608],
  ["-2147483648", "Int32", -2_147_483_648],
  ["4294967295", "Int64", 4_294_967_295n],
  ["-9223372036854775808", "Int64", -9_223_372_036_854_775_808n],
  ["18446744073709551615", "Decimal[38e0]", 18_446_744_073_709_551_615n],
  ['"-99999999.99"', "Decimal[38e+2]", -9_999_999_999n],
  [`"-${nines(38)}"`, "Decimal[38e0]", -BigInt(nines(38))],
  [`"${nines(28)}.${nines(10)}"`, "Decimal[38e+10]", BigInt(nines(38))],
  [`"-0.${"0".repeat(29)}1"`, "Decimal[38e+30]", -1n],
  ["0.1", "Float32", Math.fround(0.1)],
  ["5e-324", "Float64", 5e-324],
  ["1", "Int64", 1n],
  ["9223372036854775807", "Int64", 9_223_372_036_854_775_807n],
  ["18446744073709551615", "Decimal[38e0]", 18_446_744_073_709_551_615n],
  ['"é😀\\u0000\\n"', "Utf8", "é😀\u0000\n"],
  ['"AP/+"', "Binary", "00fffe"],
  ['"1000-01-01"', "Date32<DAY>", Date.UTC(1000, 0, 1) / 86_400_000],
  ['"-838:59:59.000000"', "Utf8", "-838:59:59.000000"],
  ['"9999-12-31 23:59:59.999999"', "Timestamp<MICROSECOND>", micros("9999-12-31T23:59:59.999999")],
  ['"2038-01-19 03:14:07.999"', "Timestamp<MICROSECOND, UTC>", micros("2038-01-19T03:14:07.999000")],
  ["2155", "Int32", 2155],
  ['"y,"', "Utf8", "y,"],
  ['"p,q"', "Utf8", "p,q"],
  ['"{\\"a\\": 1}"', "Utf8", '{"a": 1}'],
];

describe("an Arrow stream, read by the library of Arrow", () => {
  test("has every type of a table exactly", async () => {
    const schema = lakeSchema([["id", INT], ...ALL_TYPES], ["id"], "all_types");
    const table = await lake.open(schema);
    const rows = [
      ["1", ...VALUES.map(([json]) => json)],
      ["2", ...VALUES.map(() => "null")],
    ];
    await table.load(
      schema,
      [await lake.stage(table, schema, { index: 0, rows })],
      commitInfo(new ChangeWriter(schema)),
    );
    await table.close();
    const { fields, columns, batches } = await arrow("FROM all_types ORDER BY id");
    expect(fields).toEqual([["id", "Int32"], ...ALL_TYPES.map(([name], i) => [name, VALUES[i]?.[1]])]);
    expect(columns).toEqual([[1, 2], ...VALUES.map(([, , value]) => [value, null])]);
    expect(batches).toEqual([2]);
  });

  test("has the types that only a query makes", async () => {
    const { fields, columns } = await arrow(`
      SELECT true, 1::TINYINT, 2::UTINYINT, 3::SMALLINT, 4::USMALLINT, 5::UINTEGER, 18446744073709551615::UBIGINT,
        -12::DECIMAL(3,1), 1234.5::DECIMAL(9,2), -1.5::DECIMAL(18,3), 99999999999999999999::HUGEINT,
        TIME '23:59:59.000001', TIMESTAMP_S '2026-01-01 00:00:00', TIMESTAMP_MS '2026-01-01 00:00:00.001',
        TIMESTAMP_NS '2026-01-01 00:00:00.000000001'
      UNION ALL
      SELECT ${Array(15).fill("NULL").join(", ")}`);
    const second = BigInt(Date.UTC(2026, 0, 1)) / 1000n;
    expect(fields.map(([, type]) => type)).toEqual([
      ...["Bool", "Int8", "Uint8", "Int16", "Uint16", "Uint32", "Uint64"],
      ...["Decimal[3e+1]", "Decimal[9e+2]", "Decimal[18e+3]", "Decimal[38e0]", "Time64<MICROSECOND>"],
      ...["Timestamp<SECOND>", "Timestamp<MILLISECOND>", "Timestamp<NANOSECOND>"],
    ]);
    expect(columns).toEqual(
      [
        ...[
          true,
          1,
          2,
          3,
          4,
          5,
          18_446_744_073_709_551_615n,
          -120n,
          123_450n,
          -1500n,
          99_999_999_999_999_999_999n,
        ],
        ...[86_399_000_001n, second, second * 1000n + 1n, second * 1_000_000_000n + 1n],
      ].map((value) => [value, null]),
    );
  });

  test("has as text what Arrow has no type for, and odd names as they are", async () => {
    const { fields, columns } = await arrow(
      `SELECT [1, NULL] AS "__proto__", {'a': 1.50} AS x, INTERVAL 1 MONTH AS x,
        '00000000-0000-0000-0000-000000000001'::UUID AS " ", NULL AS n`,
    );
    expect(fields).toEqual([
      ["__proto__", "Utf8"],
      ["x", "Utf8"],
      ["x_1", "Utf8"],
      [" ", "Utf8"],
      ["n", "Int32"],
    ]);
    expect(columns).toEqual([
      ["[1, NULL]"],
      ["{'a': 1.50}"],
      ["1 month"],
      ["00000000-0000-0000-0000-000000000001"],
      [null],
    ]);
  });

  test("has a schema without rows as well", async () => {
    expect(await arrow("SELECT 1 AS a, 'x' AS b WHERE false")).toEqual({
      fields: [
        ["a", "Int32"],
        ["b", "Utf8"],
      ],
      batches: [0],
      columns: [[], []],
    });
  });

  test("comes in batches of bounded size, with every row in its place", async () => {
    const { batches, columns } = await arrow(
      "SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 'row ' || i END AS t, i % 3 = 0 AS b FROM range(70000) r(i)",
    );
    expect(batches).toEqual([65_536, 4464]);
    const numbers = Array.from({ length: 70_000 }, (_, i) => i);
    expect(columns).toEqual([
      numbers.map(BigInt),
      numbers.map((i) => (i % 7 === 0 ? null : `row ${i}`)),
      numbers.map((i) => i % 3 === 0),
    ]);
  });

  test("ends a batch early when the values are large", async () => {
    const { batches, columns } = await arrow("SELECT repeat('x', 1000000) || i AS t FROM range(20) r(i)");
    expect(batches).toEqual([16, 4]);
    expect(columns[0]?.map((text) => String(text).slice(999_999))).toEqual(
      Array.from({ length: 20 }, (_, i) => `x${i}`),
    );
  });
});
