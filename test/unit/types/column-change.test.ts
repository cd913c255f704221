import { expect, test } from "vitest";
import { columnMapping, type ColumnChange } from "../../../src/types/column-change.ts";
import type { ColumnType } from "../../../src/types/table-schema.ts";
import { BIGINT, INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

type Columns = readonly (readonly [string, ColumnType])[];
const BEFORE: Columns = [
  ["id", INT],
  ["a", VARCHAR],
  ["b", INT],
];
const change = (part: Partial<ColumnChange>): ColumnChange => ({
  added: [],
  dropped: [],
  renamed: [],
  ...part,
});
const mapped = (after: Columns, part: Partial<ColumnChange>, key: readonly string[] = ["id"]): unknown => {
  const mapping = columnMapping(lakeSchema(BEFORE, ["id"]), lakeSchema(after, key), change(part));
  return mapping === null ? null : [...mapping];
};

const KEPT = [
  ["id", "id"],
  ["a", "a"],
  ["b", "b"],
];

test("columns that come, go and change their names are mapped, in the order of the new schema", () => {
  expect(mapped([["c", INT], ...BEFORE], { added: ["C"] })).toEqual([["c", null], ...KEPT]);
  expect(mapped([BEFORE[0] ?? ["", INT], ["a", VARCHAR]], { dropped: ["B"] })).toEqual(KEPT.slice(0, 2));
  const swap = {
    renamed: [
      { from: "a", to: "b" },
      { from: "b", to: "a" },
    ],
  };
  expect(
    mapped(
      [
        ["id", INT],
        ["b", VARCHAR],
        ["a", INT],
      ],
      swap,
    ),
  ).toEqual([
    ["id", "id"],
    ["b", "a"],
    ["a", "b"],
  ]);
  expect(
    mapped(
      [
        ["id", INT],
        ["b", VARCHAR],
      ],
      { dropped: ["b"], renamed: [{ from: "a", to: "b" }] },
    ),
  ).toEqual([
    ["id", "id"],
    ["b", "a"],
  ]);
  expect(
    mapped(
      [
        ["id", INT],
        ["a", VARCHAR],
        ["b", BIGINT],
      ],
      { dropped: ["b"], added: ["b"] },
    ),
  ).toEqual([
    ["id", "id"],
    ["a", "a"],
    ["b", null],
  ]);
});

test("a schema to which the change does not lead has no mapping", () => {
  const none: readonly (readonly [Columns, Partial<ColumnChange>, (readonly string[])?])[] = [
    // The table was changed again since.
    [[...BEFORE, ["c", INT], ["d", INT]], { added: ["c"] }],
    [BEFORE, { added: ["c"] }],
    [BEFORE, { dropped: ["b"] }],
    [
      [
        ["id", INT],
        ["a", VARCHAR],
      ],
      {},
    ],
    [
      [
        ["id", INT],
        ["a", VARCHAR],
        ["b", BIGINT],
      ],
      {},
    ],
    [
      [
        ["id", INT],
        ["a", VARCHAR],
        ["x", INT],
      ],
      { renamed: [{ from: "b", to: "c" }] },
    ],
    [BEFORE, { dropped: ["zz"] }],
    // Another key is another row identity.
    [BEFORE, {}, ["id", "b"]],
    [
      [
        ["k", INT],
        ["a", VARCHAR],
        ["b", INT],
      ],
      { renamed: [{ from: "id", to: "k" }] },
      ["k"],
    ],
  ];
  expect(none.map(([after, part, key]) => mapped(after, part, key))).toEqual(none.map(() => null));
});
