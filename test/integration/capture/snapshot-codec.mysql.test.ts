import fc from "fast-check";
import { expect } from "vitest";
import { CaptureSession } from "../../support/capture-session.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { snapshotRows } from "../../support/snapshot-rows.ts";
import type { TestDatabase } from "../../support/test-mysql.ts";

/** A column and its values: what goes in, as SQL, and the text that comes out. */
interface Case {
  readonly type: string;
  readonly values: readonly (readonly [string, string])[];
}

/** Values that go in as they come out. */
const same = (...texts: readonly string[]) => texts.map((text) => [text, text] as const);
const quoted = (...texts: readonly string[]) => texts.map((text) => [`'${text}'`, `"${text}"`] as const);
const base64 = (hex: string): readonly [string, string] => [
  `X'${hex}'`,
  `"${Buffer.from(hex, "hex").toString("base64")}"`,
];

const CASES: readonly Case[] = [
  { type: "TINYINT", values: same("-128", "-1", "0", "127") },
  { type: "TINYINT(1)", values: same("-1", "0", "1", "2") },
  { type: "TINYINT UNSIGNED", values: same("0", "255") },
  { type: "SMALLINT", values: same("-32768", "32767") },
  { type: "SMALLINT UNSIGNED", values: same("0", "65535") },
  { type: "MEDIUMINT", values: same("-8388608", "8388607") },
  { type: "MEDIUMINT UNSIGNED", values: same("0", "16777215") },
  { type: "INT", values: same("-2147483648", "0", "2147483647") },
  { type: "INT UNSIGNED", values: same("0", "4294967295") },
  { type: "INT(7) ZEROFILL", values: same("0", "42", "4294967295") },
  { type: "BIGINT", values: same("-9223372036854775808", "-9007199254740993", "9223372036854775807") },
  { type: "BIGINT UNSIGNED", values: same("0", "9223372036854775808", "18446744073709551615") },
  { type: "BIGINT ZEROFILL", values: same("0", "7", "18446744073709551615") },
  {
    type: "DECIMAL(38,10)",
    values: quoted(
      "-9999999999999999999999999999.9999999999",
      "-0.0000000001",
      "0.0000000000",
      "1.5000000000",
      "9999999999999999999999999999.9999999999",
    ),
  },
  { type: "DECIMAL(38,0)", values: quoted(`-${"9".repeat(38)}`, "0", "9".repeat(38)) },
  { type: "DECIMAL(3,3)", values: quoted("-0.999", "0.000", "0.001") },
  {
    type: "DECIMAL(8,2) ZEROFILL",
    values: [
      ["0", '"0.00"'],
      ["0.5", '"0.50"'],
      ["12.5", '"12.50"'],
      ["999999.99", '"999999.99"'],
    ],
  },
  {
    type: "FLOAT",
    values: [
      ["0", "0"],
      ["'-0'", "-0.0"],
      ["0.1", "0.1"],
      ["-3.4028234663852886e38", "-3.4028235e+38"],
      ["1.1754943508222875e-38", "1.1754944e-38"],
      ["1.1754942106924411e-38", "1.1754942e-38"],
      ["1.401298464324817e-45", "1e-45"],
      ["2.802596928649634e-45", "3e-45"],
      ["16777217", "16777216"],
      ["123456.789", "123456.79"],
    ],
  },
  {
    type: "FLOAT(7,4)",
    values: [
      ["0.1", "0.1"],
      ["-999.9999", "-999.9999"],
      ["123.45678", "123.4568"],
    ],
  },
  {
    type: "DOUBLE",
    values: [
      ["0", "0"],
      ["'-0'", "-0.0"],
      ["0.1", "0.1"],
      ["1e0/3", "0.3333333333333333"],
      ["1e15", "1000000000000000"],
      ["1e20", "100000000000000000000"],
      ["1e21", "1e+21"],
      ["0.000001", "0.000001"],
      ["0.0000001", "1e-7"],
      ["9007199254740993", "9007199254740992"],
      ["-1.7976931348623157e308", "-1.7976931348623157e+308"],
      ["2.2250738585072014e-308", "2.2250738585072014e-308"],
      ["5e-324", "5e-324"],
    ],
  },
  {
    type: "DOUBLE(20,2)",
    values: [
      ["1.25", "1.25"],
      ["123456789012345678", "123456789012345680"],
    ],
  },
  {
    type: "BIT(1)",
    values: [
      ["b'0'", "0"],
      ["b'1'", "1"],
    ],
  },
  {
    type: "BIT(12)",
    values: [
      ["0", "0"],
      ["4095", "4095"],
    ],
  },
  { type: "BIT(64)", values: same("0", "9223372036854775808", "18446744073709551615") },
  { type: "YEAR", values: same("0", "1901", "2155") },
  {
    type: "DATE",
    values: quoted(
      "0000-00-00",
      "2020-00-00",
      "2020-02-31",
      "0000-01-01",
      "0001-01-01",
      "1582-10-10",
      "9999-12-31",
    ),
  },
  { type: "TIME", values: quoted("-838:59:59", "-00:00:01", "00:00:00", "-00:01:00", "838:59:59") },
  { type: "TIME(3)", values: quoted("-00:00:00.001", "00:00:00.000", "23:59:59.999") },
  { type: "TIME(6)", values: quoted("-838:59:59.000000", "-00:00:00.000001", "838:59:58.999999") },
  {
    type: "DATETIME",
    values: quoted(
      "0000-00-00 00:00:00",
      "2020-00-01 00:00:00",
      "0001-01-01 00:00:00",
      "9999-12-31 23:59:59",
    ),
  },
  { type: "DATETIME(1)", values: quoted("1969-12-31 23:59:59.9", "2024-02-29 12:00:00.0") },
  { type: "DATETIME(6)", values: quoted("0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999") },
  {
    type: "TIMESTAMP NULL",
    values: quoted("0000-00-00 00:00:00", "1970-01-01 00:00:01", "2038-01-19 03:14:07"),
  },
  { type: "TIMESTAMP(6) NULL", values: quoted("1970-01-01 00:00:01.000001", "2024-03-31 01:30:00.500000") },
  {
    type: "CHAR(5) CHARACTER SET utf8mb4",
    values: [
      ["''", '""'],
      ["'ab   '", '"ab"'],
      ["'  ab'", '"  ab"'],
      ["'🐬é日'", '"🐬é日"'],
    ],
  },
  {
    type: "VARCHAR(20) CHARACTER SET utf8mb4",
    values: [
      ["'ab   '", '"ab   "'],
      [`'"\\\\ \\n\\r\\t\\b'`, '"\\"\\\\ \\n\\r\\t\\u0008"'],
      ["'\\0'", '"\\u0000"'],
      ["_utf8mb4 X'7FE280A8'", '"\u007f\u2028"'],
      ["'null'", '"null"'],
    ],
  },
  { type: "VARCHAR(20) CHARACTER SET utf8mb3", values: quoted("", "é日本") },
  {
    type: "VARCHAR(20) CHARACTER SET latin1",
    values: [
      ...quoted("é€Ÿ"),
      ["_latin1 X'80818D8F909D9FA0FF'", '"€\u0081\u008d\u008f\u0090\u009dŸ\u00a0ÿ"'],
    ],
  },
  {
    type: "VARCHAR(20) CHARACTER SET ascii",
    values: [...quoted("~!@#"), ["_ascii X'007F'", '"\\u0000\u007f"']],
  },
  { type: "TINYTEXT", values: quoted("x") },
  { type: "MEDIUMTEXT", values: [["REPEAT('é', 70000)", `"${"é".repeat(70_000)}"`]] },
  { type: "LONGTEXT", values: [["REPEAT('\\n', 70000)", `"${"\\n".repeat(70_000)}"`]] },
  {
    type: "BINARY(4)",
    values: [["''", '"AAAAAA=="'], ["X'61'", '"YQAAAA=="'], base64("ff00ff00"), base64("20202020")],
  },
  {
    type: "VARBINARY(9)",
    values: [base64(""), base64("00"), base64("0000"), base64("c3283c"), base64("fffefdfc")],
  },
  { type: "TINYBLOB", values: [base64("0d0a1a00")] },
  { type: "LONGBLOB", values: [["REPEAT(X'00ff80', 30000)", `"${"AP+A".repeat(30_000)}"`]] },
  {
    type: "ENUM('a', 'B c', 'd,e', 'it''s', 'q\"', '🐬') CHARACTER SET utf8mb4",
    values: [
      ["0", '""'],
      ["1", '"a"'],
      ["'b C'", '"B c"'],
      ["'it''s'", '"it\'s"'],
      ["'q\"'", '"q\\""'],
      ["6", '"🐬"'],
    ],
  },
  { type: "ENUM('é', '€') CHARACTER SET latin1", values: quoted("é", "€") },
  { type: "SET('a', 'B c', '🐬') CHARACTER SET utf8mb4", values: quoted("", "a", "a,B c", "a,B c,🐬") },
  {
    type: `SET(${Array.from({ length: 64 }, (_, i) => `'m${i}'`).join(",")})`,
    values: [
      ["18446744073709551615", `"${Array.from({ length: 64 }, (_, i) => `m${i}`).join(",")}"`],
      ["9223372036854775808", '"m63"'],
    ],
  },
  {
    type: "JSON",
    values: [
      ["'null'", '"null"'],
      ["'[]'", '"[]"'],
      ['\'{"b": 1, "a": "x"}\'', '"{\\"a\\": \\"x\\", \\"b\\": 1}"'],
      ["'[1.0, -0.0, 1e20, 18446744073709551615]'", '"[1.0, -0.0, 1e20, 18446744073709551615]"'],
      ["CAST(1.10 AS JSON)", '"1.10"'],
      ["'\"\\\\u0000 é🐬\"'", '"\\"\\\\u0000 é🐬\\""'],
    ],
  },
];

async function rowsOf(database: TestDatabase): Promise<readonly string[]> {
  await using session = await CaptureSession.open(database.server.url);
  return await snapshotRows(
    session.connection,
    await session.schema({ database: database.name, table: "t" }),
  );
}

mysqlTest("every type and boundary value has its canonical text", async ({ database }) => {
  await database.run("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
  const columns = CASES.map(({ type }, i) => `c${i} ${type} DEFAULT NULL`);
  await database.run(`CREATE TABLE t (id INT PRIMARY KEY, ${columns.join(", ")})`);
  // One row more than there are values: all NULL.
  const rowCount = Math.max(...CASES.map(({ values }) => values.length)) + 1;
  const expected: string[] = [];
  for (let id = 0; id < rowCount; id++) {
    const row = CASES.map(({ values }) => values[id] ?? (["NULL", "null"] as const));
    await database.run(`INSERT INTO t VALUES (${[id, ...row.map(([literal]) => literal)].join(", ")})`);
    expected.push(`{"id":${id}${row.map(([, text], i) => `,"c${i}":${text}`).join("")}}`);
  }
  const rows = await rowsOf(database);
  expect(rows).toHaveLength(rowCount);
  // Value by value, so that a failure names the type.
  for (const [id, row] of rows.entries()) {
    const values = JSON.parse(row) as Record<string, unknown>;
    const wanted = JSON.parse(expected[id] ?? "") as Record<string, unknown>;
    for (const [i, { type }] of CASES.entries()) {
      const name = `c${i}`;
      expect({ type, id, value: values[name] }).toEqual({ type, id, value: wanted[name] });
    }
  }
  expect(rows).toEqual(expected);
});

mysqlTest(
  "generated, invisible and oddly named columns are in the row, in table order",
  async ({ database }) => {
    await database.run(
      "CREATE TABLE t (b INT, id INT PRIMARY KEY, v INT AS (id + 1) VIRTUAL, `__proto__` INT INVISIBLE, s VARCHAR(9) AS (CONCAT('<', id, '>')) STORED, `a?b\"c` INT)",
    );
    await database.run('INSERT INTO t (b, id, `__proto__`, `a?b"c`) VALUES (NULL, 1, 5, 6)');
    expect(await rowsOf(database)).toEqual(['{"b":null,"id":1,"v":2,"__proto__":5,"s":"<1>","a?b\\"c":6}']);
  },
);

mysqlTest("any DOUBLE and FLOAT is the shortest text of its bits", async ({ database }) => {
  await database.run("CREATE TABLE t (id INT PRIMARY KEY, d DOUBLE, f FLOAT)");
  const bits = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 3000, seed: 7 });
  const floats = fc.sample(fc.float({ noNaN: true, noDefaultInfinity: true }), { numRuns: 3000, seed: 7 });
  const text = (value: number): string => (Object.is(value, -0) ? "'-0'" : String(value));
  const values = bits.map((d, i) => `(${i}, ${text(d)}, ${text(floats[i] ?? 0)})`);
  await database.run(`INSERT INTO t VALUES ${values.join(", ")}`);
  const rows = (await rowsOf(database)).map((row) => /"d":([^,]+),"f":([^}]+)}/.exec(row) ?? []);
  expect(rows.map(([, d]) => d)).toEqual(bits.map((d) => (Object.is(d, -0) ? "-0.0" : String(d))));
  expect(rows.map(([, , f]) => Math.fround(Number(f)))).toEqual(floats);
  // No shorter text gives the same float32.
  for (const [, , f = ""] of rows) {
    const digits = f.replace(/e.*|\.|-/g, "").replace(/^0+|0+$/g, "").length;
    const shorter = Number(Number(f).toPrecision(Math.max(1, digits - 1)));
    if (digits > 1) expect(Math.fround(shorter)).not.toBe(Math.fround(Number(f)));
  }
});
