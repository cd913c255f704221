import { DuckDBInstance } from "@duckdb/node-api";
import { expect } from "vitest";
import { seededRandom } from "../../scripts/random.ts";
import type { Dialect } from "../../src/capture/dialect.ts";
import { doubleText as duckdbText } from "../../src/lake/double-text-sql.ts";
import type { TestDatabase } from "./test-mysql.ts";

/** Shortest texts of doubles: every size, and every number of digits at each. */
function doubles(): readonly string[] {
  const random = seededRandom(7);
  const found = new Set(["0", "-0", "1", "-1", "5e-324", "1.7976931348623157e+308", "123456789012345.67"]);
  for (let exponent = -24; exponent <= 24; exponent++) {
    for (let digits = 1; digits <= 17; digits++) {
      const number = Number(`${(1 + 8.9 * random()).toFixed(digits - 1)}e${exponent}`);
      found.add(String(number)).add(String(-number));
    }
  }
  for (let i = 0; i < 300; i++) {
    const number = Number(`${random().toFixed(17)}e${Math.floor(random() * 600) - 300}`);
    found.add(String(number)).add(String(-number));
  }
  return [...found];
}

/** A double has the same text in the server's SQL and in DuckDB's, if the server keeps the double. */
export async function expectSameDoubles(
  database: TestDatabase,
  { doubleText }: Pick<Dialect, "doubleText">,
  keeps: (value: string) => boolean = () => true,
): Promise<void> {
  const values = doubles().filter(keeps);
  await database.run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, x DOUBLE)");
  // Without an exponent the literal would be a DECIMAL.
  const literals = values.map((value) => (value.includes("e") ? value : `${value}e0`));
  await database.run(`INSERT INTO t (x) VALUES ${literals.map((literal) => `(${literal})`).join(", ")}`);
  const inMysql = await database.rows(`SELECT ${doubleText("x")} FROM t ORDER BY id`);
  const instance = await DuckDBInstance.create();
  const duckdb = await instance.connect();
  try {
    const list = values.map((value, i) => `(${i}, '${value}')`).join(", ");
    const result = await duckdb.runAndReadAll(
      `SELECT ${duckdbText("x::DOUBLE")} FROM (VALUES ${list}) t(id, x) ORDER BY id`,
    );
    const inDuckdb = result.getRows().map(([text]) => text);
    const differing = values.flatMap((value, i) =>
      inMysql[i]?.[0] === inDuckdb[i] ? [] : [{ value, mysql: inMysql[i]?.[0], duckdb: inDuckdb[i] }],
    );
    expect(differing).toEqual([]);
    // Nothing was rounded on the way: each text is that very double.
    expect(inDuckdb.filter((text, i) => !Object.is(Number(text), Number(values[i])))).toEqual([]);
    expect(inDuckdb.length).toBe(inMysql.length);
    expect(values.length).toBeGreaterThan(2000);
  } finally {
    duckdb.closeSync();
    instance.closeSync();
  }
}
