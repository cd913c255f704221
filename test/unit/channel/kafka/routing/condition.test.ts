import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileCondition } from "../../../../../src/channel/kafka/routing/condition.ts";
import { compareDecimal, parseDecimal } from "../../../../../src/channel/kafka/routing/exact-decimal.ts";
import type { ColumnTest } from "../../../../../src/channel/kafka/routing/rule.ts";
import type { ColumnType } from "../../../../../src/types/table-schema.ts";
import { must } from "../../../../../src/util/assert.ts";
import { between, column, INT, oneOf, VARCHAR } from "../../../../support/routing.ts";

/** Whether a condition holds for a cell, given as the JSON that a row has. */
function holds(type: ColumnType, given: ColumnTest, cell: string): boolean {
  const bytes = Buffer.from(`{"c":${cell}}`);
  return compileCondition(column("c", type), given)(bytes, 5, bytes.length - 1);
}

const problem = (type: ColumnType, given: ColumnTest): string => {
  try {
    compileCondition(column("c", type), given);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  return "";
};

const DECIMAL: ColumnType = { kind: "decimal", precision: 65, scale: 30 };
const DATETIME: ColumnType = { kind: "datetime", fsp: 3 };
const PLACES = 40;

/** A decimal number as a whole one of its last place: an oracle without any code of the pipeline. */
function scaled(text: string): bigint {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d*)\.?(\d*)$/.exec(text) ?? [];
  const size = BigInt(`0${whole}${fraction.padEnd(PLACES, "0")}`);
  return sign === "-" ? -size : size;
}

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom("0", "0", "1", "5", "9"), { maxLength }).map((list) => list.join(""));

/** As MySQL prints them, and with zeros that it would not print. */
const decimal = fc
  .tuple(fc.constantFrom("", "-"), digits(45), digits(30))
  .map(([sign, whole, fraction]) => `${sign}0${whole}${fraction === "" ? "" : `.${fraction}`}`);

/** Two numbers that differ late, or not at all. */
const pair = fc.oneof(
  fc.tuple(decimal, decimal),
  fc.tuple(decimal, digits(3)).map(([one, more]) => [one, one.includes(".") ? one + more : one] as const),
);

describe("numbers", () => {
  test("decimals of any length compare as whole numbers of their last place", () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const bytes = Buffer.from(a);
        const order = compareDecimal(bytes, 0, bytes.length, must(parseDecimal(b), "a decimal"));
        const expected = scaled(a) < scaled(b) ? -1 : scaled(a) > scaled(b) ? 1 : 0;
        expect(Math.sign(order) + 0).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test("a range and a set hold as the oracle says, for integers and for decimals in quotes", () => {
    fc.assert(
      fc.property(decimal, decimal, decimal, fc.boolean(), fc.boolean(), (cell, a, b, withLow, withHigh) => {
        const [low, high] = scaled(a) < scaled(b) ? [a, b] : [b, a];
        fc.pre(scaled(low) < scaled(high));
        const given = between([low, withLow], [high, withHigh]);
        const value = scaled(cell);
        const above = withLow ? value >= scaled(low) : value > scaled(low);
        const below = withHigh ? value <= scaled(high) : value < scaled(high);
        for (const text of [JSON.stringify(cell), cell]) {
          expect(holds(DECIMAL, given, text)).toBe(above && below);
          expect(holds(DECIMAL, oneOf(low, high, null), text)).toBe([low, high].map(scaled).includes(value));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("numbers beyond a double's digits are told apart", () => {
    expect(
      holds({ kind: "int", bytes: 8, unsigned: true }, oneOf("18446744073709551615"), "18446744073709551615"),
    ).toBe(true);
    expect(
      holds({ kind: "int", bytes: 8, unsigned: true }, oneOf("18446744073709551615"), "18446744073709551614"),
    ).toBe(false);
    expect(
      holds(DECIMAL, between(["9007199254740992", false], null), '"9007199254740992.000000000000000001"'),
    ).toBe(true);
  });

  test("a number from YAML may have an exponent", () => {
    expect(holds(DECIMAL, oneOf(1e-7), '"0.000000100"')).toBe(true);
    expect(holds(DECIMAL, oneOf(1.5e3), '"1500.00"')).toBe(true);
    expect(holds(DECIMAL, between([1e-7, true], [2e-7, true]), '"0.00000015"')).toBe(true);
  });

  test("FLOAT and DOUBLE compare by the number that their shortest text reads back as; minus zero is zero", () => {
    expect(holds({ kind: "double" }, oneOf(0), "-0.0")).toBe(true);
    expect(holds({ kind: "float" }, oneOf(0.1), "0.1")).toBe(true);
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (cell, low) => {
          expect(holds({ kind: "double" }, between([String(low), true], null), JSON.stringify(cell))).toBe(
            cell >= low,
          );
        },
      ),
    );
  });
});

describe("texts", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", '"', "\\", "\n", "é", "🐬", "\u0001") }),
  );

  test("are equal byte by byte, and ordered by their bytes, whatever is escaped in the row", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [cell, value] = [one.toWellFormed(), other.toWellFormed()];
        const order = Buffer.compare(Buffer.from(cell), Buffer.from(value));
        const json = JSON.stringify(cell);
        expect(holds(VARCHAR, oneOf(value), json)).toBe(order === 0);
        expect(holds(VARCHAR, oneOf(cell), json)).toBe(true);
        expect(holds(VARCHAR, between([value, true], null), json)).toBe(order >= 0);
        expect(holds(VARCHAR, between(null, [value, false]), json)).toBe(order < 0);
      }),
      { numRuns: 1000 },
    );
  });

  test("differ in case, in accents and in trailing spaces; a longer one is another one", () => {
    for (const cell of ["Paid", "paid ", "pai", "páid", ""]) {
      expect(holds(VARCHAR, oneOf("paid"), JSON.stringify(cell))).toBe(false);
    }
  });

  test("the text null is not NULL", () => {
    expect([holds(VARCHAR, oneOf(null), '"null"'), holds(VARCHAR, oneOf("null"), "null")]).toEqual([
      false,
      false,
    ]);
    expect([holds(VARCHAR, oneOf("null"), '"null"'), holds(VARCHAR, oneOf(null), "null")]).toEqual([
      true,
      true,
    ]);
  });
});

test("NULL is equal to NULL alone, and in no range", () => {
  expect(holds(INT, oneOf(0, null), "null")).toBe(true);
  expect(holds(INT, oneOf(0), "null")).toBe(false);
  expect(holds(INT, between([-5, true], null), "null")).toBe(false);
  expect(holds(INT, between(null, [5, true]), "null")).toBe(false);
});

describe("times", () => {
  test.each([
    ["2026-03-01", "2026-03-01 00:00:00.000", 0],
    ["2026-03-01 10:00:00", "2026-03-01 10:00:00.000", 0],
    ["2026-03-01T10:00:00.5", "2026-03-01 10:00:00.500", 0],
    ["2026-03-01 10:00:00.5", "2026-03-01 10:00:00.499", -1],
    ["2026-03-01 10:00:00.5000", "2026-03-01 10:00:00.500", 0],
    // Finer than the column: equal to none, and between two of its values.
    ["2026-03-01 10:00:00.5001", "2026-03-01 10:00:00.500", -1],
    ["2026-03-01 10:00:00.5001", "2026-03-01 10:00:00.501", 1],
    ["0001-01-01", "0000-00-00 00:00:00.000", -1],
  ])("%s against the cell %s", (value, cell, order) => {
    const json = JSON.stringify(cell);
    expect([
      holds(DATETIME, oneOf(value), json),
      holds(DATETIME, between(null, [value, false]), json),
      holds(DATETIME, between([value, false], null), json),
    ]).toEqual([order === 0, order < 0, order > 0]);
  });

  test("a date has no clock, and TIME is equal whatever zeros it is written with", () => {
    expect(holds({ kind: "date" }, between(["2026-01-01", true], ["2026-12-31", true]), '"2026-06-15"')).toBe(
      true,
    );
    expect(problem({ kind: "date" }, oneOf("2026-01-01 00:00:00"))).toContain(
      'takes a text such as "2026-12-31"',
    );
    expect(holds({ kind: "time", fsp: 0 }, oneOf("01:02:03"), '"01:02:03"')).toBe(true);
    expect(holds({ kind: "time", fsp: 2 }, oneOf("-101:02:03.5"), '"-101:02:03.50"')).toBe(true);
  });
});

test("ENUM and SET are equal as members, in whatever order a set is written", () => {
  const set: ColumnType = { kind: "set", members: ["a", "b", "c"] };
  expect(holds(set, oneOf("c,a"), '"a,c"')).toBe(true);
  expect(holds(set, oneOf(""), '""')).toBe(true);
  expect(holds({ kind: "enum", members: ['x"', "y"] }, oneOf('x"'), '"x\\""')).toBe(true);
});

test.each<[string, ColumnType, ColumnTest, string]>([
  ["TIME has no order", { kind: "time", fsp: 0 }, between(["01:00:00", true], null), "no order"],
  ["ENUM has no order", { kind: "enum", members: ["a"] }, between(["a", true], null), "no order"],
  ["SET has no order", { kind: "set", members: ["a"] }, between(["a", true], null), "no order"],
  [
    "bytes have no order",
    { kind: "bytes", form: "blob", length: null },
    between(["AA==", true], null),
    "no order",
  ],
  ["JSON is compared with null only", { kind: "json" }, oneOf("{}"), "can only be compared with null"],
  ["a member that there is not", { kind: "enum", members: ["a"] }, oneOf("b"), '"b" is no member'],
  ["a set member that there is not", { kind: "set", members: ["a"] }, oneOf("a,b"), '"b" is no member'],
  ["bytes that are not base64", { kind: "bytes", form: "blob", length: null }, oneOf("A"), "is not base64"],
  ["a text for a number", INT, oneOf("many"), '"many" is no number'],
  ["a number for a text, which may have had zeros in front", VARCHAR, oneOf(7), "write it in quotes"],
  ["a month that there is not", { kind: "date" }, oneOf("2026-13-01"), "takes a text such as"],
  ["a range that is empty", INT, between([5, true], [4, true]), "in which nothing is"],
  ["a range of one value that is left out", INT, between([5, true], ["5.0", false]), "in which nothing is"],
  ["an empty range of texts", VARCHAR, between(["b", true], ["a", true]), "in which nothing is"],
  [
    "an empty range of times",
    DATETIME,
    between(["2026-02-01", true], ["2026-01-01", true]),
    "in which nothing is",
  ],
])("refused: %s", (_what, type, given, message) => {
  expect(problem(type, given)).toContain(message);
});

test("a range of exactly one value holds for it", () => {
  expect(holds(INT, between([5, true], ["5.0", true]), "5")).toBe(true);
});
