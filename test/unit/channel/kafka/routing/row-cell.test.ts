import fc from "fast-check";
import { expect, test } from "vitest";
import { cellText, RowCells } from "../../../../../src/channel/kafka/routing/row-cell.ts";
import { column, VARCHAR } from "../../../../support/routing.ts";

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
/** Texts that look like what stands around them, among others. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom('"', "\\", ",", "}", "{", ":", '","a":"', "\n", "\u0000", "é", "🐬"))
    .map((parts) => parts.join("")),
  // Long ones, with an escape now and then.
  fc
    .array(fc.tuple(fc.nat(150), fc.constantFrom('"', "\\", '\\"', "\\\\", "é")), { maxLength: 4 })
    .map((parts) => parts.map(([length, end]) => "x".repeat(length) + end).join("")),
);
const value = fc.oneof(
  text.map((one) => one.toWellFormed()),
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const row = fc
  .uniqueArray(
    name.map((one) => one.toWellFormed()),
    { minLength: 1, maxLength: 12 },
  )
  .chain((names) =>
    fc.record({
      names: fc.constant(names),
      values: fc.tuple(...names.map(() => value)),
      wanted: fc.uniqueArray(fc.nat(names.length - 1), { minLength: 1, maxLength: 4 }),
      front: fc.string(),
    }),
  );

const jsonOf = (names: readonly string[], values: readonly unknown[]): string =>
  `{${names.map((key, i) => `${JSON.stringify(key)}:${JSON.stringify(values[i])}`).join(",")}}`;

test("a cell is what JSON.parse finds, whatever texts, names and escapes stand around it", () => {
  fc.assert(
    fc.property(row, ({ names, values, wanted, front }) => {
      const json = jsonOf(names, values);
      const bytes = Uint8Array.from(Buffer.from(`${front}${json}}`));
      const at = Buffer.byteLength(front);
      const cells = new RowCells({ columns: names.map((key) => column(key, VARCHAR)) }, wanted);
      cells.find(bytes, at, bytes.length);
      wanted.forEach((place, slot) => {
        const found = Buffer.from(bytes.subarray(cells.start[slot], cells.end[slot])).toString();
        expect(JSON.parse(found)).toEqual(JSON.parse(JSON.stringify(values[place])));
        const shown = values[place] as string | number | null;
        const expected = typeof shown === "number" ? JSON.stringify(shown) : shown;
        expect(cellText(bytes, cells.start[slot] ?? 0, cells.end[slot] ?? 0)).toBe(expected);
      });
    }),
    { numRuns: 500 },
  );
});

const cells = (): RowCells => new RowCells({ columns: ["a", "b"].map((key) => column(key, VARCHAR)) }, [1]);
const find = (json: string): void => {
  cells().find(Buffer.from(json), 0, json.length);
};

test.each([
  ["a name that is another one", '{"a":"x","c":"y"}', 'stands in the place of ,"b":'],
  ["a key that is missing", '{"b":"y"}', 'stands in the place of ,"b":'],
  ["a text without an end", '{"a":"x', "stands as a value"],
  ["an escape without an end", '{"a":"x\\', "stands as a value"],
  ["a number without an end", '{"a":12', "stands as a value"],
  ["nothing at all", "", "stands"],
])("a row that is not canonical is refused and routes nothing: %s", (_what, json, message) => {
  expect(() => {
    find(json);
  }).toThrow(message);
});

test("columns behind the last one that is asked for are not looked at", () => {
  const bytes = Buffer.from('{"a":"x","b":7,!');
  const some = new RowCells({ columns: ["a", "b", "c"].map((key) => column(key, VARCHAR)) }, [1, 0]);
  some.find(bytes, 0, bytes.length);
  expect([
    cellText(bytes, some.start[0] ?? 0, some.end[0] ?? 0),
    cellText(bytes, some.start[1] ?? 0, some.end[1] ?? 0),
  ]).toEqual(["7", "x"]);
});
