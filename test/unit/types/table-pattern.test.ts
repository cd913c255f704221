import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesTable, parseTablePattern, patternOfTable } from "../../../src/types/table-pattern.ts";

const matches = (pattern: string, name: string, ignoreCase = false): boolean => {
  const [database = "", ...table] = name.split(".");
  return matchesTable(parseTablePattern(pattern), { database, table: table.join(".") }, { ignoreCase });
};

describe("matches", () => {
  test.each([
    ["shop.orders", "shop.orders", true],
    ["shop.orders", "shop.orders2", false],
    ["shop.orders", "xshop.orders", false],
    ["shop.orders", "Shop.Orders", false],
    ["shop.*", "shop.orders", true],
    ["shop.*", "shop.a.b", true],
    ["shop.*", "shopping.orders", false],
    ["*.*", "a.b", true],
    ["shop_?.tmp_*", "shop_1.tmp_", true],
    ["shop_?.tmp_*", "shop_12.tmp_x", false],
    ["a+b.c[1]", "a+b.c[1]", true],
    ["a+b.c[1]", "aab.c1", false],
    ["/shop_\\d+\\.orders/", "shop_12.orders", true],
    ["/shop_\\d+\\.orders/", "shop_12.orders_old", false],
    ["/shop\\.(a|b)/", "shop.b", true],
    ["/SHOP\\.A/i", "shop.a", true],
    ["/shop\\.a|shop\\.b/", "shop.b", true],
    ["/shop\\.a|shop\\.b/", "shop.abc", false],
  ])("%s and %s", (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  test("case is ignored for a server that ignores it", () => {
    expect(matches("shop.orders", "Shop.ORDERS", true)).toBe(true);
    expect(matches("/shop\\.o.*/", "Shop.ORDERS", true)).toBe(true);
  });
});

describe("refuses", () => {
  test.each([
    ["", "it must be `database.table`"],
    ["shop", "it must be `database.table`, such as `shop.*`"],
    ["shop.", "it must be `database.table`, such as `shop.*`"],
    ["/a(/", "it is not a valid regular expression"],
    ["/shop", "the regular expression has no closing slash"],
    ["shop.a,shop.b", "it holds more than one name; give each its own line"],
    ["shop.a shop.b", "it holds more than one name; give each its own line"],
    ["app\\.*", "a backslash has no meaning in a glob; as a regular expression it would be `/app\\.*/`"],
  ])("%s", (text, message) => {
    expect(() => parseTablePattern(text)).toThrow(new RangeError(message));
  });
});

test("the pattern of a table matches it and no table that is called otherwise", () => {
  const name = fc.string({
    minLength: 1,
    maxLength: 6,
    unit: fc.constantFrom(...Array.from("ab.*?/\\ \n,[(^$|+-é🐘i")),
  });
  fc.assert(
    fc.property(name, name, name, name, (database, table, otherDatabase, otherTable) => {
      const pattern = parseTablePattern(patternOfTable({ database, table }));
      expect(matchesTable(pattern, { database, table })).toBe(true);
      const isSame = `${database}.${table}` === `${otherDatabase}.${otherTable}`;
      expect(matchesTable(pattern, { database: otherDatabase, table: otherTable })).toBe(isSame);
    }),
  );
});
