import fc from "fast-check";
import { expect, test } from "vitest";
import { lakeName, sourceName } from "../../../src/lake/lake-name.ts";

test.each([
  ["orders", "orders"],
  ["pos_x", "pos_x"],
  ["__proto__", "__proto__"],
  ["1st", "_x0031_st"],
  ["日本", "_x65E5__x672C_"],
  [" lead", "_x0020_lead"],
  ["a b_x", "a_x0020_b_x005F_x"],
  ["a_x0041_b", "a_x005F_x0041_b"],
  ["a_X00e9_", "a_x005F_X00e9_"],
  ["_hoodie_x", "_x005F_hoodie_x005F_x"],
  ["_TL_seq", "_x005F_TL_seq"],
  ["`'\"\\", "_x0060__x0027__x0022__x005C_"],
])("B115 B117: %s is called %s", (name, inLake) => {
  expect(lakeName(name)).toBe(inLake);
  expect(sourceName(inLake)).toBe(name);
});

test("B117: every name has a legal one of its own, also for readers that do not tell upper from lower case", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "_",
      "x",
      "X",
      "_x",
      "0041",
      "00E9",
      "00e9",
      "é",
      "è",
      "0",
      "_tl_",
      "_hoodie_",
      "_x0041_",
      "a",
    ),
    fc.string({
      unit: fc.integer({ min: 1, max: 0xd7ff }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 3,
    }),
  );
  const names = fc.array(piece, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(names, { maxLength: 50 }), (list) => {
      // Of names that differ in the case of ASCII alone a table has one.
      const own = new Map(list.map((name) => [name.replaceAll(/[A-Z]/g, (c) => c.toLowerCase()), name]));
      const found = [...own.values()].map(lakeName);
      for (const [i, name] of [...own.values()].entries()) {
        expect(found[i]).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
        expect(found[i]).not.toMatch(/^_(hoodie|tl)_/i);
        expect(sourceName(found[i] ?? "")).toBe(name);
      }
      expect(new Set(found.map((name) => name.toLowerCase())).size).toBe(found.length);
    }),
    { numRuns: 500 },
  );
});
