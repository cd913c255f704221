import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ColumnType } from "../../../src/types/table-schema.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, tableSql, testLake, type TestLake } from "../../support/lake.ts";
import { decimal, INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

/** A value as canonical JSON, and what DuckDB reads back for `view` of it; null stands for NULL. */
type Case = readonly [json: string, expected: unknown];

interface Kind {
  readonly name: string;
  readonly type: ColumnType;
  /** SQL that shows the column `v` without loss. */
  readonly view: string;
  readonly duck: string;
  readonly cases: readonly Case[];
}

const text = (value: string): Case => [JSON.stringify(value), value];
const same = (...values: string[]): Case[] => values.map((value) => [value, value]);
const quoted = (...values: string[]): Case[] => values.map((value) => [`"${value}"`, value]);
const float = (...values: string[]): Case[] => values.map((value) => [value, Number(value)]);
const nines = (n: number): string => "9".repeat(n);

const int = (bytes: 1 | 2 | 3 | 4 | 8, unsigned: boolean): ColumnType => ({ kind: "int", bytes, unsigned });
const AS_TEXT = "CAST(v AS VARCHAR)";
const MICROS = "CAST(epoch_us(v) AS VARCHAR)";

const KINDS: readonly Kind[] = [
  { name: "tinyint", type: int(1, false), view: AS_TEXT, duck: "INTEGER", cases: same("-128", "0", "127") },
  {
    name: "mediumint unsigned",
    type: int(3, true),
    view: AS_TEXT,
    duck: "INTEGER",
    cases: same("0", "16777215"),
  },
  {
    name: "int",
    type: int(4, false),
    view: AS_TEXT,
    duck: "INTEGER",
    cases: same("-2147483648", "2147483647"),
  },
  { name: "int unsigned", type: int(4, true), view: AS_TEXT, duck: "BIGINT", cases: same("0", "4294967295") },
  {
    name: "bigint",
    type: int(8, false),
    view: AS_TEXT,
    duck: "BIGINT",
    cases: same("-9223372036854775808", "-1", "9007199254740993", "9223372036854775807"),
  },
  {
    name: "bigint unsigned",
    type: int(8, true),
    view: AS_TEXT,
    duck: "DECIMAL(38,0)",
    cases: same("0", "9007199254740993", "9223372036854775808", "18446744073709551615"),
  },
  { name: "year", type: { kind: "year" }, view: AS_TEXT, duck: "INTEGER", cases: same("0", "1901", "2155") },
  { name: "bit(1)", type: { kind: "bit", bits: 1 }, view: AS_TEXT, duck: "BIGINT", cases: same("0", "1") },
  {
    name: "bit(63)",
    type: { kind: "bit", bits: 63 },
    view: AS_TEXT,
    duck: "BIGINT",
    cases: same("0", "9223372036854775807"),
  },
  {
    name: "bit(64)",
    type: { kind: "bit", bits: 64 },
    view: AS_TEXT,
    duck: "DECIMAL(38,0)",
    cases: same("0", "9223372036854775808", "18446744073709551615"),
  },
  {
    name: "decimal(10,2)",
    type: decimal(10, 2),
    view: AS_TEXT,
    duck: "DECIMAL(38,2)",
    cases: quoted("-99999999.99", "-0.01", "0.00", "0.10", "99999999.99"),
  },
  {
    name: "decimal(38,0)",
    type: decimal(38, 0),
    view: AS_TEXT,
    duck: "DECIMAL(38,0)",
    cases: quoted(`-${nines(38)}`, "0", "123456789012345678", nines(38)),
  },
  {
    name: "decimal(38,10)",
    type: decimal(38, 10),
    view: AS_TEXT,
    duck: "DECIMAL(38,10)",
    // The texts of 17 to 20 characters lie about the border of the quick way.
    cases: quoted(
      `-${nines(28)}.${nines(10)}`,
      "-0.0000000001",
      "123456.1234567890",
      "-123456.1234567890",
      "1234567.1234567890",
      "-1234567.1234567890",
      "123456789.1234567890",
      "-123456789.1234567890",
      `${nines(28)}.${nines(10)}`,
    ),
  },
  {
    name: "decimal(38,16)",
    type: decimal(38, 16),
    view: AS_TEXT,
    duck: "DECIMAL(38,16)",
    cases: quoted("0.9999999999999999", "-0.9999999999999999", "9.9999999999999999", "-9.9999999999999999"),
  },
  {
    name: "decimal(38,30)",
    type: decimal(38, 30),
    view: AS_TEXT,
    duck: "DECIMAL(38,30)",
    cases: quoted(`-${nines(8)}.${nines(30)}`, `0.${"0".repeat(29)}1`, `${nines(8)}.${nines(30)}`),
  },
  {
    name: "float",
    type: { kind: "float" },
    view: "v",
    duck: "FLOAT",
    cases: [
      ...float("0", "-0.0", "16777216", "-3.4028235e+38").map(([json, value]): Case => [
        json,
        Math.fround(Number(value)),
      ]),
      ["0.1", Math.fround(0.1)],
      ["1.1754944e-38", Math.fround(1.1754944e-38)],
      ["1e-45", 2 ** -149],
      ["1.0000001", Math.fround(1.0000001)],
    ],
  },
  {
    name: "double",
    type: { kind: "double" },
    view: "v",
    duck: "DOUBLE",
    cases: float(
      "0",
      "-0.0",
      "0.1",
      "5e-324",
      "2.2250738585072011e-308",
      "1.7976931348623157e+308",
      "-1.7976931348623157e+308",
      "1.0000000000000002",
      "9007199254740992",
      "1e+22",
    ),
  },
  {
    name: "varchar",
    type: VARCHAR,
    view: "v",
    duck: "VARCHAR",
    cases: [
      "",
      " trailing ",
      "null",
      'quote " backslash \\ slash /',
      "\n\r\t\b\f",
      "a\0b",
      "\0",
      "\u2028\u2029\u0085",
      "zażółć 日本",
      "🐬👩‍👩‍👧",
      "e\u0301 é",
      '{"a": 1}',
      "1.50",
      "x".repeat(100_000),
    ].map(text),
  },
  {
    name: "binary",
    type: { kind: "bytes", form: "blob", length: null },
    view: "hex(v)",
    duck: "BLOB",
    cases: [
      ['""', ""],
      ['"AA=="', "00"],
      ['"AAEC/w=="', "000102FF"],
      [`"${Buffer.alloc(50_000, 0xab).toString("base64")}"`, "AB".repeat(50_000)],
    ],
  },
  {
    name: "date",
    type: { kind: "date" },
    view: AS_TEXT,
    duck: "DATE",
    cases: [
      ...quoted("0001-01-01", "1582-10-04", "1582-10-15", "1969-12-31", "2000-02-29", "9999-12-31"),
      ['"0000-00-00"', null],
      ['"2020-00-00"', null],
      ['"2020-02-31"', null],
      ['"0000-01-01"', null],
      ['"2023-02-29"', null],
    ],
  },
  {
    name: "datetime(6)",
    type: { kind: "datetime", fsp: 6 },
    view: MICROS,
    duck: "TIMESTAMP WITH TIME ZONE",
    cases: [
      ['"1970-01-01 00:00:00.000000"', "0"],
      ['"1969-12-31 23:59:59.999999"', "-1"],
      ['"0001-01-01 00:00:00.000001"', "-62135596799999999"],
      ['"9999-12-31 23:59:59.999999"', "253402300799999999"],
      ['"2024-03-31 02:30:00.120000"', "1711852200120000"],
      ['"0000-00-00 00:00:00.000000"', null],
      ['"2020-00-01 01:02:03.000000"', null],
    ],
  },
  {
    name: "timestamp",
    type: { kind: "timestamp", fsp: 0 },
    view: MICROS,
    duck: "TIMESTAMP WITH TIME ZONE",
    cases: [
      ['"1970-01-01 00:00:01"', "1000000"],
      ['"2038-01-19 03:14:07"', "2147483647000000"],
      ['"0000-00-00 00:00:00"', null],
    ],
  },
  {
    name: "time(6)",
    type: { kind: "time", fsp: 6 },
    view: "v",
    duck: "VARCHAR",
    cases: quoted("-838:59:59.000000", "-00:00:00.000001", "838:59:58.999999"),
  },
  {
    name: "enum",
    type: { kind: "enum", members: ["x", ""] },
    view: "v",
    duck: "VARCHAR",
    cases: quoted("x", ""),
  },
  {
    name: "set",
    type: { kind: "set", members: ["p", "q"] },
    view: "v",
    duck: "VARCHAR",
    cases: quoted("p,q", ""),
  },
  {
    name: "json",
    type: { kind: "json" },
    view: "v",
    duck: "VARCHAR",
    cases: ['{"a": 1, "b": "x"}', "1.10", "null", '"\\u0000"', "[]"].map(text),
  },
];

const SCHEMA = lakeSchema([["id", INT], ...KINDS.map(({ type }, i) => [`v${i}`, type] as const)], ["id"]);
const ROWS = Math.max(...KINDS.map(({ cases }) => cases.length)) + 1;
/** Row `i` has the value number `i` of each kind, and NULL behind the last. */
const row = (id: number, i: number): string[] => [
  String(id),
  ...KINDS.map(({ cases }) => cases[i]?.[0] ?? "null"),
];
const indexes = Array.from({ length: ROWS }, (_, i) => i);

/** All values come by a snapshot, again as changes in the same commit, and again in a commit of their own. */
async function fill(lake: TestLake): Promise<void> {
  const table = await lake.open(SCHEMA);
  const writer = new ChangeWriter(SCHEMA);
  const chunk = await lake.stage(table, SCHEMA, { index: 0, rows: indexes.map((i) => row(i, i)) });
  await table.append(writer.batch([indexes.map((i) => ({ op: "c" as const, row: row(1000 + i, i) }))]));
  await table.load(SCHEMA, [chunk], commitInfo(writer));
  await table.append(writer.batch([indexes.map((i) => ({ op: "u" as const, row: row(2000 + i, i) }))]));
  await table.commit(commitInfo(writer));
  await table.close();
}

describe("values come back exactly, from a snapshot and from changes", () => {
  let lake: TestLake;
  beforeAll(async () => {
    lake = await testLake();
    await fill(lake);
  });
  afterAll(() => lake[Symbol.asyncDispose]());

  test.each(KINDS.map((kind, i) => ({ ...kind, column: `v${i}` })))("$name", async (kind) => {
    const view = `SELECT id, ${kind.view}, typeof(v) FROM (SELECT id, ${kind.column} AS v FROM ${await tableSql(lake.tableDir(SCHEMA))}) ORDER BY id`;
    expect(await lake.rows(view)).toStrictEqual(
      [0, 1000, 2000].flatMap((first) =>
        indexes.map((i) => [first + i, kind.cases[i]?.[1] ?? null, kind.duck]),
      ),
    );
  });

  test("dates that became NULL are counted in the commit", async () => {
    const table = await lake.open(SCHEMA);
    const zeros = KINDS.flatMap(({ cases }) => cases).filter(([, value]) => value === null).length;
    const { completed, counts } = await extraOf(lake.tableDir(SCHEMA));
    await table.close();
    expect(completed).toHaveLength(2);
    expect(counts).toEqual([2 * zeros, zeros]);
  });
});

/** `tallylake.zeroDateNulls` of each commit. */
async function extraOf(
  tableDir: string,
): Promise<{ readonly completed: readonly string[]; readonly counts: readonly number[] }> {
  const folder = join(tableDir, ".hoodie");
  const completed = (await readdir(folder)).filter((name) => name.endsWith(".commit")).sort();
  const counts: number[] = [];
  for (const name of completed) {
    const { extraMetadata } = JSON.parse(await readFile(join(folder, name), "utf8")) as {
      extraMetadata: Record<string, string>;
    };
    counts.push(Number(extraMetadata["tallylake.zeroDateNulls"]));
  }
  return { completed, counts };
}

test("zero keeps its sign when there is nothing but zeros", async () => {
  await using lake = await testLake();
  const schema = lakeSchema(
    [
      ["id", INT],
      ["d", { kind: "double" }],
      ["f", { kind: "float" }],
    ],
    ["id"],
  );
  // Files without -0.0 have dictionaries; one that gets it, from whichever side, must not.
  const commits = [
    ["0", "0"],
    ["-0.0", "0"],
    ["0", "0"],
    ["-0.0", "-0.0"],
    ["0", "1.5"],
  ];
  const table = await lake.open(schema, { buckets: 1 });
  const writer = new ChangeWriter(schema);
  const rowsOf = (i: number): readonly (readonly string[])[] =>
    (commits[i] ?? []).map((zero, j) => [String(2 * i + j), zero, zero]);
  const chunk = await lake.stage(table, schema, { index: 0, rows: rowsOf(0) });
  await table.load(schema, [chunk], commitInfo(writer));
  for (let i = 1; i < commits.length; i++) {
    await table.append(writer.batch([rowsOf(i).map((row) => ({ op: "c" as const, row }))]));
    await table.commit(commitInfo(writer));
  }
  await table.close();
  const found = await lake.rows(`SELECT d, f FROM ${await tableSql(lake.tableDir(schema))} ORDER BY id`);
  expect(found).toStrictEqual(commits.flat().map((zero) => [Number(zero), Number(zero)]));
});
