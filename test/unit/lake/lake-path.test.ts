import fc from "fast-check";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { decodePathName, encodePathName, tablePaths } from "../../../src/lake/lake-path.ts";
import { isSyncError } from "../../../src/types/errors.ts";

const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((name) => {
  // Half a surrogate pair is no text, and no name of MySQL.
  return Buffer.from(name, "utf8").toString("utf8") === name;
});

describe("a name in a path", () => {
  test.each([
    ["orders", "orders"],
    ["Order-Items_2", "Order-Items_2"],
    ["a.b", "a%2Eb"],
    ["..", "%2E%2E"],
    [".hoodie", "%2Ehoodie"],
    ["/etc/passwd", "%2Fetc%2Fpasswd"],
    ["100%", "100%25"],
    ["zażółć", "za%C5%BC%C3%B3%C5%82%C4%87"],
    ["日本", "%E6%97%A5%E6%9C%AC"],
    ["a\0b", "a%00b"],
  ])("%j is %s", (name, encoded) => {
    expect(encodePathName(name)).toBe(encoded);
    expect(decodePathName(encoded)).toBe(name);
  });

  test("comes back whatever it is, and different names stay different", () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(decodePathName(encodePathName(a))).toBe(a);
        expect(encodePathName(a) === encodePathName(b)).toBe(a === b);
        expect(encodePathName(a)).toMatch(/^[A-Za-z0-9_%-]+$/);
      }),
    );
  });

  test.each(["", "%", "%4", "%41", "a.b", "%2e", "%FF"])("%j is no encoding", (text) => {
    expect(() => decodePathName(text)).toThrow(RangeError);
  });

  test("is refused when no file system takes it", () => {
    expect(encodePathName("日".repeat(28))).toHaveLength(252);
    try {
      encodePathName("日".repeat(29));
      expect.unreachable();
    } catch (error) {
      expect(isSyncError(error, "LAKE_NAME_TOO_LONG")).toBe(true);
    }
  });
});

describe("the folders of a table", () => {
  test("lie below the lake, for any name", () => {
    fc.assert(
      fc.property(names, names, (database, table) => {
        const { root } = tablePaths("/lake", { database, table });
        expect(resolve(root)).toBe(root);
        expect(root.startsWith("/lake/")).toBe(true);
        expect(root.split("/")).toHaveLength(4);
      }),
    );
  });

  test("are where Hudi looks for them", () => {
    const paths = tablePaths("/lake/", { database: "shop", table: "orders" });
    expect(paths.root).toBe("/lake/shop/orders");
    expect(paths.properties).toBe("/lake/shop/orders/.hoodie/hoodie.properties");
    expect(paths.markers("20260102031500000")).toBe("/lake/shop/orders/.hoodie/.temp/20260102031500000");
    expect(tablePaths("/", { database: "a", table: "b" }).root).toBe(join("/a", "b"));
  });
});
