import { VARCHAR } from "@duckdb/node-api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeIn } from "../../../src/lake/query-error.ts";
import { csvHeader, distinctNames, wrapQuery } from "../../../src/lake/query-text.ts";

test.each([
  [
    ["a", "b"],
    ["a", "b"],
  ],
  [
    ["id", "id", "id"],
    ["id", "id_1", "id_2"],
  ],
  [
    ["id", "id", "id_1"],
    ["id", "id_2", "id_1"],
  ],
  [
    ["__proto__", "__proto__"],
    ["__proto__", "__proto___1"],
  ],
])("names of one object %j", (names, expected) => {
  expect(distinctNames(names)).toEqual(expected);
});

test("names are distinct, and the first of each stays as it is", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "a_1", "a_2", "a_1_1", "b"), { maxLength: 12 }), (names) => {
      const given = distinctNames(names);
      expect(new Set(given).size).toBe(names.length);
      names.forEach((name, i) => {
        if (names.indexOf(name) === i) expect(given[i]).toBe(name);
      });
    }),
  );
});

test("a header quotes what a field may not hold", () => {
  const columns = ["id", "a,b", 'say "x"', "two\nlines", ""].map((name) => ({ name, type: VARCHAR }));
  expect(csvHeader(columns)).toBe('id,"a,b","say ""x""","two\nlines",""');
});

describe("the place of a mistake", () => {
  test("is counted in lines and characters, from the bytes that DuckDB names", () => {
    const sql = "SELECT 'é', 'x'\nFROM 😀tab";
    const at = (part: string): number => Buffer.byteLength(sql.slice(0, sql.indexOf(part)));
    expect(placeIn({ sql, offset: 0 }, 0)).toBe(" (line 1, column 1)");
    expect(placeIn({ sql, offset: 0 }, at("'x'"))).toBe(" (line 1, column 13)");
    expect(placeIn({ sql, offset: 0 }, at("tab"))).toBe(" (line 2, column 7)");
    expect(placeIn({ sql, offset: 0 }, null)).toBe("");
  });

  test("is the same when the query stands in a larger statement, and nowhere outside of it", () => {
    const { statement, text } = wrapQuery("SELECT nope", ["'é'", "c0"], 1);
    const position = Buffer.byteLength(statement.slice(0, statement.indexOf("nope")));
    expect(placeIn(text, position)).toBe(" (line 1, column 8)");
    expect(placeIn(text, 3)).toBe("");
    expect(placeIn(text, Buffer.byteLength(statement))).toBe("");
  });
});
