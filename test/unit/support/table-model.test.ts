import { expect, test } from "vitest";
import { TableModel } from "../../support/table-model.ts";

const model = new TableModel([0]);
const AT_SNAPSHOT = [
  ["a", "x"],
  ["b", "x"],
  ["c", "old"],
  ["z", "x"],
];
model.commit(
  "1",
  [
    ["a", "x"],
    ["b", "x"],
    ["c", "x"],
  ],
  AT_SNAPSHOT,
);
model.commit("2", [
  ["a", "y"],
  ["b", "x"],
  ["d", "x"],
]);
model.commit("3", [
  ["a", "y"],
  ["b", "x"],
  ["d", "x"],
]);

test("the latest state tells for each row the commit that wrote it", () => {
  expect(model.rows({ kind: "snapshot" })).toEqual([
    { values: ["a", "y"], instant: "2" },
    { values: ["b", "x"], instant: "1" },
    { values: ["d", "x"], instant: "2" },
  ]);
});

test("an earlier state", () => {
  expect(model.rows({ kind: "asOf", instant: "1" })).toEqual([
    { values: ["a", "x"], instant: "1" },
    { values: ["b", "x"], instant: "1" },
    { values: ["c", "x"], instant: "1" },
  ]);
  expect(model.rows({ kind: "asOf", instant: "0" })).toEqual([]);
});

test("a range holds what was changed in it", () => {
  const keys = (after: string, through: string): unknown =>
    model.rows({ kind: "incremental", after, through }).map((row) => row.values[0]);
  expect(keys("1", "2")).toEqual(["a", "d"]);
  expect(keys("2", "3")).toEqual([]);
  expect(keys("0", "3")).toEqual(["a", "b", "d"]);
});
