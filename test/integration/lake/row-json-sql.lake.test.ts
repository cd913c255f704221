import { expect, test } from "vitest";
import { seededRandom } from "../../../scripts/random.ts";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import { floatText, writeDouble } from "../../../src/capture/double-text.ts";
import { literal } from "../../../src/lake/duckdb.ts";
import { jsonMacros, selectJson } from "../../../src/lake/row-json-sql.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";
import { testLake } from "../../support/lake.ts";
import { INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

/* The SQL that makes JSON of typed rows, against the writers of capture: numbers of every size, and every character. */

const NUMBERS = 20_000;

/** JSON of the rows of a SELECT with the columns `id` and `v`. */
async function jsonOf(type: ColumnType, select: string): Promise<readonly string[]> {
  await using lake = await testLake();
  const schema = lakeSchema(
    [
      ["id", INT],
      ["v", type],
    ],
    ["id"],
  );
  return await lake.db.use(async (sql) => {
    for (const macro of jsonMacros()) await sql.run(macro);
    const rows = await sql.rows(`${selectJson(schema, "null", `(${select})`)} ORDER BY id`);
    return rows.map(([, row]) => String(row));
  });
}

/** Any 64 bits that are a number, and decimals of every size and length. */
function doubles(): readonly number[] {
  const random = seededRandom(11);
  const view = new DataView(new ArrayBuffer(8));
  const found = [
    0,
    -0,
    1e21,
    1e20,
    123456789012345680000,
    1e-6,
    1e-7,
    1.5e-6,
    1.5e-7,
    5e-324,
    Number.MAX_VALUE,
  ];
  while (found.length < NUMBERS) {
    view.setUint32(0, random() * 2 ** 32);
    view.setUint32(4, random() * 2 ** 32);
    const bits = view.getFloat64(0);
    if (Number.isFinite(bits)) found.push(bits, -bits);
    const exponent = Math.floor(random() * 60) - 30;
    found.push(Number(`${(random() * 9 + 1).toFixed(Math.floor(random() * 16))}e${exponent}`));
  }
  return found;
}

const list = (values: readonly string[]): string => values.map((value, i) => `(${i}, ${value})`).join(", ");
const spelled = (value: number): string => literal(Object.is(value, -0) ? "-0.0" : String(value));

test("a DOUBLE is spelled as capture spells it", async () => {
  const values = doubles();
  const w = new ByteWriter();
  const expected = values.map((value, id) => {
    const end = writeDouble(w, 0, value);
    return `{"id":${id},"v":${Buffer.from(w.bytes.subarray(0, end)).toString()}}`;
  });
  const found = await jsonOf(
    { kind: "double" },
    `SELECT id, CAST(v AS DOUBLE) AS v FROM (VALUES ${list(values.map(spelled))}) t(id, v)`,
  );
  expect(found.filter((row, i) => row !== expected[i])).toEqual([]);
  expect(found).toHaveLength(values.length);
});

test("a FLOAT is spelled as capture spells it", async () => {
  const random = seededRandom(12);
  const view = new DataView(new ArrayBuffer(4));
  const values = doubles().map(Math.fround).filter(Number.isFinite);
  for (let i = 0; i < NUMBERS; i++) {
    view.setUint32(0, random() * 2 ** 32);
    if (Number.isFinite(view.getFloat32(0))) values.push(view.getFloat32(0));
  }
  const expected = values.map((value, id) => `{"id":${id},"v":${floatText(value)}}`);
  const found = await jsonOf(
    { kind: "float" },
    `SELECT id, CAST(CAST(v AS DOUBLE) AS FLOAT) AS v FROM (VALUES ${list(values.map(spelled))}) t(id, v)`,
  );
  const wrong = found.flatMap((row, i) => (row === expected[i] ? [] : [[row, expected[i]]]));
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(found).toHaveLength(values.length);
});

test("every character is escaped where JSON demands it, and only there", async () => {
  const points = Array.from({ length: 0x300 }, (_, i) => i);
  const names = points.flatMap((i) => [`chr(${i})`, `'a' || chr(${i}) || '"é\\' || chr(10)`]);
  const found = await jsonOf(VARCHAR, `SELECT id, v FROM (VALUES ${list(names)}) t(id, v)`);
  const escaped = (text: string): string =>
    // JSON.stringify has short forms of two more.
    JSON.stringify(text).replace("\\b", "\\u0008").replace("\\f", "\\u000c");
  const expected = points
    .flatMap((i) => [String.fromCodePoint(i), `a${String.fromCodePoint(i)}"é\\\n`])
    .map((text, id) => `{"id":${id},"v":${escaped(text)}}`);
  expect(found).toEqual(expected);
});
