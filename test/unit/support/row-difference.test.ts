import { expect, test } from "vitest";
import type { EngineColumn } from "../../support/canonical-row.ts";
import { rowDifferences } from "../../support/row-difference.ts";

const COLUMNS: readonly EngineColumn[] = [
  { name: "id", kind: "int" },
  { name: "v", kind: "string" },
];
const ROWS = [
  ["1", "a"],
  ["2", null],
  ["3", "null"],
];
const differences = (actual: readonly (readonly (string | null)[])[]): readonly string[] =>
  rowDifferences(COLUMNS, ["id"], { expected: ROWS, actual });

test("the same rows in another order do not differ", () => {
  expect(differences(ROWS.toReversed())).toEqual([]);
});

test.each([
  ["a row is missing", ROWS.slice(1), ['missing: ["1"]']],
  ["a row is extra", [...ROWS, ["4", "x"]], ['extra: ["4"]']],
  ["a row is there twice", [...ROWS, ["1", "a"]], ['read twice: ["1"]']],
  ["a value differs", [["1", "A"], ...ROWS.slice(1)], ['["1"] v: expected "a", read "A"']],
  [
    "NULL is not a text",
    [
      ["1", "a"],
      ["2", "null"],
      ["3", null],
    ],
    ['["2"] v: expected null, read "null"', '["3"] v: expected "null", read null'],
  ],
  ["nothing was read", [], ['missing: ["1"]', 'missing: ["2"]', 'missing: ["3"]']],
])("%s", (_name, actual, expected) => {
  expect(differences(actual)).toEqual(expected);
});

test("only the first of many differences are told", () => {
  const many = Array.from({ length: 25 }, (_, i) => [String(100 + i), "x"]);
  const told = differences([...ROWS, ...many]);
  expect(told).toHaveLength(11);
  expect(told.at(-1)).toBe("and 15 more");
});

test("a key column that is not read is a defect of the test", () => {
  expect(() => rowDifferences(COLUMNS, ["nope"], { expected: [], actual: [] })).toThrow(
    "no such key columns",
  );
});
