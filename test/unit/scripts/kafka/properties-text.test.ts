import { expect, test } from "vitest";
import { propertiesText } from "../../../../scripts/kafka/properties-text.ts";

test("one property a line, in the given order", () => {
  expect(propertiesText({ b: "1", "a.c": "x=y:z" })).toBe("b=1\na.c=x=y:z\n");
});

test.each([
  ["a line\nand another", "k=a line\\nand another\n"],
  ["C:\\dir\ttab\r", "k=C:\\\\dir\\ttab\\r\n"],
  [" leading and trailing ", "k=\\ leading and trailing \n"],
  ["#no comment", "k=\\#no comment\n"],
  ["", "k=\n"],
  ["zwölf €", "k=zw\\u00f6lf \\u20ac\n"],
  ["😀", "k=\\ud83d\\ude00\n"],
])("%j as a value", (value, text) => {
  expect(propertiesText({ k: value })).toBe(text);
});

test("what separates names from values is escaped in names", () => {
  expect(propertiesText({ "a b=c:d": "v", "#e": "v" })).toBe("a\\ b\\=c\\:d=v\n\\#e=v\n");
});
