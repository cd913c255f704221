import { expect, test } from "vitest";
import { boundColumns, chunkSource, rangeCondition } from "../../../src/capture/key-range.ts";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";

const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };
const members = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `m${i}`);

const keyed = (...types: readonly ColumnType[]): TableSchema => ({
  id: { database: "shop", table: "t`" },
  columns: types.map((type, i) => ({ name: "abcd"[i] ?? "", type, mysqlType: "" })),
  primaryKey: types.map((_, i) => "abcd"[i] ?? ""),
  version: "",
});

const names = (schema: TableSchema) => boundColumns(schema).map((column) => column.name);

test("one column", () => {
  const schema = keyed(INT);
  expect(rangeCondition(schema, { after: null, through: null })).toBe("TRUE");
  expect(rangeCondition(schema, { after: ["-5"], through: null })).toBe("`a` > -5");
  expect(rangeCondition(schema, { after: null, through: ["7"] })).toBe("`a` <= 7");
  expect(rangeCondition(schema, { after: ["-5"], through: ["7"] })).toBe("`a` > -5 AND `a` <= 7");
  expect(chunkSource(schema, { after: null, through: ["7"] })).toBe(
    "FROM `shop`.`t``` FORCE INDEX (PRIMARY) WHERE `a` <= 7",
  );
});

test("several columns nest, and what both bounds share is an equality", () => {
  const schema = keyed(INT, INT, INT);
  expect(rangeCondition(schema, { after: ["1", "2", "3"], through: ["4", "5", "6"] })).toBe(
    "(`a` > 1 OR (`a` = 1 AND (`b` > 2 OR (`b` = 2 AND `c` > 3)))) AND " +
      "(`a` < 4 OR (`a` = 4 AND (`b` < 5 OR (`b` = 5 AND `c` <= 6))))",
  );
  expect(rangeCondition(schema, { after: ["1", "2", "3"], through: ["1", "2", "9"] })).toBe(
    "`a` = 1 AND `b` = 2 AND `c` > 3 AND `c` <= 9",
  );
});

test("literals give back the value that MySQL printed", () => {
  const literal = (type: ColumnType, text: string) => boundColumns(keyed(type))[0]?.literal(text);
  expect(literal({ kind: "text", form: "varchar", charset: "latin1" }, "E9")).toBe("_latin1 X'E9'");
  expect(literal({ kind: "text", form: "char", charset: "utf8mb4" }, "")).toBe("_utf8mb4 X''");
  expect(literal({ kind: "bytes", form: "varbinary", length: 3 }, "00FF")).toBe("X'00FF'");
  expect(literal({ kind: "datetime", fsp: 6 }, "2024-01-01 00:00:00.000001")).toBe(
    "'2024-01-01 00:00:00.000001'",
  );
  expect(literal({ kind: "decimal", precision: 38, scale: 2 }, "-0.01")).toBe("-0.01");
});

test("numbers of ENUM and SET are listed", () => {
  const schema = keyed({ kind: "enum", members: members(4) }, INT);
  expect(rangeCondition(schema, { after: ["2", "9"], through: null })).toBe(
    "(`a` IN (3, 4) OR (`a` = 2 AND `b` > 9))",
  );
  expect(rangeCondition(schema, { after: ["4", "9"], through: null })).toBe(
    "(FALSE OR (`a` = 4 AND `b` > 9))",
  );
  expect(rangeCondition(schema, { after: null, through: ["2", "9"] })).toBe(
    "(`a` IN (0, 1) OR (`a` = 2 AND `b` <= 9))",
  );
  expect(rangeCondition(keyed({ kind: "set", members: members(2) }), { after: ["1"], through: ["3"] })).toBe(
    "`a` IN (2, 3) AND `a` IN (0, 1, 2, 3)",
  );
});

test("the key is cut before a column that cannot bound", () => {
  const long: ColumnType = { kind: "set", members: members(11) };
  expect(names(keyed(INT, { kind: "set", members: members(10) }, INT))).toEqual(["`a`", "`b`", "`c`"]);
  expect(names(keyed(INT, long, INT))).toEqual(["`a`"]);
  expect(names(keyed(INT, { kind: "double" }))).toEqual(["`a`"]);
  expect(names(keyed(long, INT))).toEqual([]);
  expect(names(keyed({ kind: "enum", members: members(1024) }))).toEqual([]);
  expect(names(keyed({ kind: "enum", members: members(1023) }))).toEqual(["`a`"]);
  expect(names(keyed({ kind: "set", members: members(64) }))).toEqual([]);
});
