import { describe, expect, test } from "vitest";
import { namesIn, resolveNames, showableTables } from "../../../src/lake/query-names.ts";
import { isSyncError } from "../../../src/types/errors.ts";
import type { TableId } from "../../../src/types/table-id.ts";

const id = (name: string): TableId => {
  const [database = "", ...table] = name.split(".");
  return { database, table: table.join(".") };
};
const TABLES = [
  "shop.orders",
  "shop.items",
  "crm.orders",
  "crm.Users",
  "Odd.Case",
  "odd.case",
  "shop.x$meta",
].map(id);

const base = (schema: string, table: string, catalog = ""): object => ({
  ...{ type: "BASE_TABLE", catalog_name: catalog, schema_name: schema, table_name: table },
});

describe("names in a parse tree", () => {
  test("of tables at any depth, of subqueries, and of functions that take a name as text", () => {
    const tree = {
      node: {
        cte_map: { map: [{ key: "Recent", value: { from_table: base("shop", "orders") } }] },
        from_table: { type: "JOIN", left: base("", "recent"), right: base("", "items", "cat") },
        select_list: [{ function_name: "count" }, { subquery: { from: base("", "users") } }],
      },
    };
    expect(namesIn(tree)).toEqual({
      names: [
        { catalog: "", schema: "shop", table: "orders" },
        { catalog: "", schema: "", table: "recent" },
        { catalog: "cat", schema: "", table: "items" },
        { catalog: "", schema: "", table: "users" },
      ],
      defined: new Set(["recent"]),
      isDynamic: false,
    });
    expect(namesIn({ function: { function_name: "query_table" } }).isDynamic).toBe(true);
    expect(namesIn({ function: { function_name: "QUERY" } }).isDynamic).toBe(true);
    expect(namesIn({ function: { function_name: "my_query" } }).isDynamic).toBe(false);
  });
});

describe("tables that are meant", () => {
  const resolve = (names: readonly string[], defined: readonly string[] = []) => {
    const list = names.map((name) => {
      const parts = name.split(".");
      return { catalog: parts.at(-3) ?? "", schema: parts.at(-2) ?? "", table: parts.at(-1) ?? "" };
    });
    const { ids, bare, hasUnknown } = resolveNames({ names: list, defined: new Set(defined) }, TABLES);
    const text = (found: readonly TableId[]): string[] => found.map((one) => `${one.database}.${one.table}`);
    return [text(ids), text(bare), hasUnknown];
  };
  const failure = (...args: Parameters<typeof resolve>): unknown => {
    try {
      return resolve(...args);
    } catch (error) {
      return isSyncError(error, "QUERY_FAILED") ? [error.message, error.hint] : error;
    }
  };

  test.each<[readonly string[], unknown]>([
    [["shop.orders"], [["shop.orders"], [], false]],
    [
      ["SHOP.Orders", "shop.orders"],
      [["shop.orders"], [], false],
    ],
    [["items"], [["shop.items"], ["shop.items"], false]],
    [
      ["users", "crm.users"],
      [["crm.Users"], ["crm.Users"], false],
    ],
    [["shop.orders$meta"], [["shop.orders"], [], false]],
    [["items$META"], [["shop.items"], ["shop.items"], false]],
    [["shop.x$meta"], [["shop.x$meta"], [], false]],
    [["Odd.Case"], [["Odd.Case"], [], false]],
    [["odd.case"], [["odd.case"], [], false]],
    [["shop.nothing"], [[], [], true]],
    [
      ["information_schema.tables", "shop.items"],
      [["shop.items"], [], true],
    ],
    [["other.shop.items"], [[], [], true]],
    [[], [[], [], false]],
  ])("%j", (names, expected) => {
    expect(resolve(names)).toEqual(expected);
  });

  test("a name that means several tables is refused with what it may mean", () => {
    expect(failure(["orders"])).toEqual([
      "orders may be shop.orders or crm.orders",
      "write the database in front of the table",
    ]);
    expect(failure(["odd.CASE"])).toEqual([
      "odd.CASE may be Odd.Case or odd.case",
      "write the name as MySQL has it",
    ]);
    expect(failure(["Odd.Case", "odd.case"])).toEqual([
      "Odd.Case and odd.case differ in case alone, which DuckDB cannot tell apart",
      "ask for one of them in a query of its own",
    ]);
  });

  test("a name that the statement defines may be a table as well, but need not", () => {
    expect(resolve(["orders"], ["orders"])).toEqual([[], [], false]);
    expect(resolve(["nothing"], ["nothing"])).toEqual([[], [], false]);
    expect(resolve(["Items"], ["items"])).toEqual([["shop.items"], ["shop.items"], false]);
  });

  test("of tables whose names differ in case alone one is shown", () => {
    expect(showableTables(TABLES.map((one) => ({ ...one }))).map((one) => one.database)).toEqual([
      "shop",
      "shop",
      "crm",
      "crm",
      "Odd",
      "shop",
    ]);
  });
});
