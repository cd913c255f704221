import { describe, expect, test } from "vitest";
import { newestInstant } from "../../../src/app/query-command.ts";
import { fit, QueryTable, tableText, type QueryRow } from "../../../src/app/query-table.ts";
import { plainPaint, type Paint } from "../../../src/util/paint.ts";

const COLUMNS = [
  { name: "id", isNumeric: true },
  { name: "name", isNumeric: false },
  { name: "price", isNumeric: true },
];
const ROWS: readonly QueryRow[] = [
  ["1", "a name that is rather long", "0.10"],
  ["1000", null, null],
  ["3", "two\nlines \u001b[31m", "12345.60"],
  ["4", "日本", ""],
];

const text = (width: number | null, paint: Paint = plainPaint): string => {
  const table = new QueryTable({ columns: COLUMNS, sample: ROWS, width, paint });
  return table.header() + table.rows(ROWS);
};

describe("a result for people", () => {
  test("in aligned columns, with NULL and without anything that moves the cursor", () => {
    expect(text(null)).toMatchInlineSnapshot(`
      "  id  name                           price
      ────  ──────────────────────────  ────────
         1  a name that is rather long      0.10
      1000  NULL                            NULL
         3  two\\u000alines \\u001b[31m   12345.60
         4  日本
      "
    `);
  });

  test("cut to the terminal: the widest columns give way, then the last ones", () => {
    expect(text(30)).toMatchInlineSnapshot(`
      "  id  name               price
      ────  ──────────────  ────────
         1  a name that i…      0.10
      1000  NULL                NULL
         3  two\\u000aline…  12345.60
         4  日本
      "
    `);
    expect(text(14)).toMatchInlineSnapshot(`
      "  id  name  …
      ────  ────  …
         1  a n…  …
      1000  NULL  …
         3  two…  …
         4  日本  …
      "
    `);
  });

  test("in colours that take no room", () => {
    const marks: Paint = (style, part) => (style === "dim" ? `\u001b[2m${part}\u001b[22m` : part);
    const plain = text(30, marks).replaceAll(/\u001b\[\d+m/g, "");
    expect(plain.split("\n")[3]).toBe("1000  NULL                NULL");
  });

  test.each([
    [[3, 4, 5], 16, [3, 4, 5]],
    [[3, 40, 5], 20, [3, 8, 5]],
    [[30, 40, 5], 29, [10, 10, 5]],
    [[30, 40, 50], 17, [4, 4, 4]],
    [[30, 40, 50], 15, [4, 4]],
    [[30, 2, 50], 13, [4, 2]],
    [[30], 2, [4]],
    [[30, 30], 2, [4]],
  ])("widths %j in %i columns", (needed, width, expected) => {
    expect(fit(needed, width)).toEqual(expected);
  });
});

describe("page by page", () => {
  async function* pages(...sizes: number[]): AsyncGenerator<readonly QueryRow[], void, void> {
    let next = 0;
    for (const size of sizes)
      yield Array.from({ length: size }, (): QueryRow => [String(next++).repeat(next > 1001 ? 3 : 1)]);
  }
  const options = { columns: [{ name: "n", isNumeric: false }], width: null, paint: plainPaint };

  test("begins when it has seen enough to know how wide the columns are", async () => {
    const pieces = await Array.fromAsync(tableText(pages(600, 402, 2), options));
    expect(pieces.map((piece) => piece.split("\n").length - 1)).toEqual([2 + 1002, 2]);
    // Behind that a longer value stays whole, where no terminal cuts it.
    expect(pieces[1]).toBe("100210021002\n100310031003\n");
  });

  test("a result without rows has its header", async () => {
    expect(await Array.fromAsync(tableText(pages(), options))).toEqual(["n\n─\n"]);
  });
});

test.each([
  [{ kind: "instant", instant: "20261121" } as const, "20261121999999999"],
  [{ kind: "instant", instant: "20261121100000123" } as const, "20261121100000123"],
  [{ kind: "time", atMs: Date.UTC(2026, 10, 21, 10, 0, 0, 5) } as const, "20261121100000005"],
])("--as-of %j counts what it begins", (asOf, instant) => {
  expect(newestInstant(asOf)).toBe(instant);
});
