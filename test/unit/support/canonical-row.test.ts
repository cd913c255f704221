import fc from "fast-check";
import { expect, test } from "vitest";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";
import {
  canonicalRow,
  canonicalSelect,
  epochMicros,
  floatBits,
  isCalendarDate,
} from "../../support/canonical-row.ts";

const schemaOf = (types: readonly ColumnType[]): TableSchema => ({
  id: { database: "d`b", table: "t" },
  columns: types.map((type, i) => ({ name: `c${i}`, type, mysqlType: type.kind })),
  primaryKey: ["c0"],
  version: "0",
});

const ALL = schemaOf([
  { kind: "int", bytes: 8, unsigned: true },
  { kind: "decimal", precision: 10, scale: 2 },
  { kind: "float" },
  { kind: "double" },
  { kind: "bit", bits: 64 },
  { kind: "text", form: "varchar", charset: "utf8mb4" },
  { kind: "bytes", form: "blob", length: null },
  { kind: "date" },
  { kind: "time", fsp: 0 },
  { kind: "datetime", fsp: 6 },
  { kind: "timestamp", fsp: 0 },
  { kind: "year" },
  { kind: "enum", members: ["a"] },
  { kind: "set", members: ["a"] },
  { kind: "json" },
]);

test("the statement reads every kind in a form that loses nothing", () => {
  expect(canonicalSelect(ALL)).toBe(
    "SELECT CAST(`c0` + 0 AS CHAR), CAST(`c1` + 0 AS CHAR), `c2`, `c3`, CAST(`c4` + 0 AS CHAR), `c5`, " +
      "LOWER(HEX(`c6`)), CAST(`c7` AS CHAR), CAST(`c8` AS CHAR), CAST(`c9` AS CHAR), CAST(`c10` AS CHAR), " +
      "CAST(`c11` + 0 AS CHAR), `c12`, `c13`, CAST(`c14` AS CHAR) FROM `d``b`.`t`",
  );
});

test("a row becomes the text of each kind", () => {
  const values = [
    "18446744073709551615",
    "-0.10",
    0.5,
    -0,
    "9223372036854775808",
    "żółw 🐬",
    "00ff",
    "0001-01-01",
    "-838:59:59",
    "1969-12-31 23:59:59.999999",
    "2038-01-19 03:14:07",
    "0",
    "a",
    "",
    "{}",
  ];
  expect(canonicalRow(ALL, "null", values)).toEqual([
    "18446744073709551615",
    "-0.10",
    "3f000000",
    "8000000000000000",
    "9223372036854775808",
    "żółw 🐬",
    "00ff",
    "0001-01-01",
    "-838:59:59",
    "-1",
    "2147483647000000",
    "0",
    "a",
    "",
    "{}",
  ]);
  expect(
    canonicalRow(
      ALL,
      "null",
      values.map(() => null),
    ),
  ).toEqual(values.map(() => null));
});

test("a date that no calendar has is null, or its text where the policy says so", () => {
  const schema = schemaOf([{ kind: "date" }, { kind: "datetime", fsp: 0 }]);
  const values = ["2020-02-30", "0000-00-00 00:00:00"];
  expect(canonicalRow(schema, "null", values)).toEqual([null, null]);
  expect(canonicalRow(schema, "text", values)).toEqual(values);
});

test("calendar dates", () => {
  const dates = [
    "0001-01-01",
    "2000-02-29",
    "1900-02-29",
    "2024-02-30",
    "2020-00-10",
    "2020-10-00",
    "0000-01-01",
  ];
  expect(dates.filter(isCalendarDate)).toEqual(["0001-01-01", "2000-02-29"]);
});

test("microseconds since 1970 agree with the platform's calendar at every millisecond of MySQL's range", () => {
  const first = Date.parse("0001-01-01T00:00:00Z");
  const last = Date.parse("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.integer({ min: first, max: last }), fc.integer({ min: 0, max: 999 }), (ms, us) => {
      const text = `${new Date(ms).toISOString().slice(0, 23).replace("T", " ")}${String(us).padStart(3, "0")}`;
      expect(epochMicros(text)).toBe((BigInt(ms) * 1000n + BigInt(us)).toString());
    }),
  );
  expect(epochMicros("1970-01-01 00:00:01.5")).toBe("1500000");
  expect(() => epochMicros("1970-01-01")).toThrow("not a datetime");
});

test("bits of floats", () => {
  expect(floatBits(1.5, true)).toBe("3fc00000");
  expect(floatBits(5e-324, false)).toBe("0000000000000001");
  expect(floatBits(0, false)).not.toBe(floatBits(-0, false));
});
