import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "../../../src/util/nearest.ts";

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["abc", "", 3],
    ["abc", "abc", 0],
    ["abc", "abd", 1],
    ["abc", "acb", 1],
    ["init", "inti", 1],
    ["tables", "table", 1],
    ["follow", "fellow", 1],
    ["kitten", "sitting", 3],
  ])("%s to %s", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearest", () => {
  const words = ["debug", "info", "warn", "error"];
  test.each([
    ["warning", "warn"],
    ["Error", "error"],
    ["eror", "error"],
    ["inf", "info"],
    ["fatal", null],
    ["", null],
    ["x", null],
  ])("%s", (word, meant) => {
    expect(nearest(word, words)).toBe(meant);
  });

  test("dots, dashes, underscores and case do not count, and the exact one wins", () => {
    expect(nearest("chunk_rows", ["chunks", "chunkRows"])).toBe("chunkRows");
    expect(nearest("table", ["tables", "table"])).toBe("table");
  });
});
