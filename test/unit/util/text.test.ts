import { describe, expect, test } from "vitest";
import { printable } from "../../../src/util/printable.ts";
import { textTable } from "../../../src/util/text-table.ts";
import { cutEnd, padEnd, padStart, textWidth, wrapText } from "../../../src/util/text-width.ts";

test("printable shows what would move the cursor, fake a line or turn the direction", () => {
  expect(printable("a\nb\u001b[31mc\u0000\u009b\u2028\u202e\u2066")).toBe(
    "a\\u000ab\\u001b[31mc\\u0000\\u009b\\u2028\\u202e\\u2066",
  );
  expect(printable("größe 日本 🐘 `x`")).toBe("größe 日本 🐘 `x`");
});

describe("width", () => {
  test("wide characters take two columns, colours none", () => {
    expect(textWidth("日本")).toBe(4);
    expect(textWidth("\u001b[31mab\u001b[39m")).toBe(2);
    expect(padEnd("日", 4)).toBe("日  ");
    expect(padStart("ab", 4)).toBe("  ab");
    expect(padStart("abcde", 4)).toBe("abcde");
  });

  test.each([
    ["abcdef", 6, "abcdef"],
    ["abcdef", 5, "abcd…"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["👨‍👩‍👧abc", 3, "👨‍👩‍👧…"],
    ["abc", 1, "…"],
    ["abc", 0, ""],
  ])("cutEnd of %s to %i", (text, width, cut) => {
    expect(cutEnd(text, width)).toBe(cut);
    expect(textWidth(cut)).toBeLessThanOrEqual(width);
  });

  test("wrapText keeps words whole", () => {
    expect(wrapText("one two three averylongword x", 9)).toEqual(["one two", "three", "averylongword", "x"]);
    expect(wrapText("", 9)).toEqual([""]);
  });
});

test("textTable aligns by width, and ends no line with spaces", () => {
  expect(
    textTable(
      [
        ["a", "1", "x"],
        ["日本", "1,000", ""],
        ["b", "\u001b[31m22\u001b[39m", "y"],
      ],
      { align: ["left", "right"], indent: " " },
    ),
  ).toEqual([" a         1  x", " 日本  1,000", " b        \u001b[31m22\u001b[39m  y"]);
});
