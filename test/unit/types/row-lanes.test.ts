import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sliceBatch, type ChangeBatch, type RowForm } from "../../../src/types/change-batch.ts";
import { rowLanes } from "../../../src/types/row-lanes.ts";
import { schemaVersion } from "../../../src/types/schema-version.ts";
import type { Column, TableSchema } from "../../../src/types/table-schema.ts";
import { batchOf } from "../../support/batch-lines.ts";

const COLUMNS: readonly Column[] = [
  { name: "id", type: { kind: "int", bytes: 4, unsigned: false }, mysqlType: "" },
  { name: "big", type: { kind: "int", bytes: 8, unsigned: false }, mysqlType: "" },
  { name: "f", type: { kind: "float" }, mysqlType: "" },
  { name: "a", type: { kind: "text", form: "text", charset: "utf8mb4" }, mysqlType: "" },
  { name: "b", type: { kind: "text", form: "text", charset: "utf8mb4" }, mysqlType: "" },
];
const SCHEMA: TableSchema = {
  id: { database: "shop", table: "t" },
  columns: COLUMNS,
  primaryKey: ["id"],
  version: schemaVersion(COLUMNS, ["id"]),
};

interface Row {
  readonly id: number;
  readonly big: bigint | null;
  readonly f: number | null;
  readonly a: string | null;
  readonly b: string | null;
}

const json = ({ id, big, f, a, b }: Row): string =>
  `{"id":${id},"big":${String(big)},"f":${String(f)},"a":${JSON.stringify(a)},"b":${JSON.stringify(b)}}`;

function batchOfRows(form: RowForm, rows: readonly Row[]): ChangeBatch {
  const transactions = [{ ordinal: 1, gtid: "u:1", commitUs: 0, firstRow: 0 }];
  return batchOf(
    { schema: SCHEMA, transactions, form },
    rows.map((row, i) => ({ seq: i + 1, op: "c", n: i, transaction: 0, row: json(row) })),
  );
}

/** The hash of each row, as 16 hex digits. */
function hashes(batch: ChangeBatch): readonly string[] {
  const { high, low } = rowLanes(batch.rows, batch.count);
  const hex = (word: number | undefined): string => ((word ?? 0) >>> 0).toString(16).padStart(8, "0");
  return Array.from({ length: batch.count }, (_, i) => `${hex(high[i])}${hex(low[i])}`);
}

const BASE: Row = { id: 1, big: 1n, f: 0.5, a: "x", b: "y" };

const row: fc.Arbitrary<Row> = fc.record({
  id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }),
  f: fc.option(fc.constantFrom(0, 0.5, -1, 3), { nil: null }),
  a: fc.option(fc.string({ maxLength: 20 }), { nil: null }),
  b: fc.option(fc.string({ maxLength: 20 }), { nil: null }),
});

const distance = (a: string, b: string): number =>
  (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll("0", "").length;

describe.each(["columns", "lines", "records"] as const)("the hash of a row in %s", (form) => {
  test("is the same for ever, since commits carry sums of it", () => {
    const rows = [BASE, { ...BASE, big: null, a: null }, { ...BASE, a: "12345678", b: "" }];
    expect(hashes(batchOfRows(form, rows))).toEqual(
      form === "columns"
        ? ["2f50bbb4d58d70e1", "6189a587eec73d5b", "158feff5870b55cb"]
        : ["419780a1e19b869c", "a6c1cb0047967d25", "4debe9699a4a6f02"],
    );
  });

  test("of a record is that of the line, also of a delete and an update", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("c", "u", "d", "r"), row)), (changes) => {
        const transactions = [{ ordinal: 1, gtid: "u:1", commitUs: 0, firstRow: 0 }];
        const of = (one: RowForm): readonly string[] =>
          hashes(
            batchOf(
              { schema: SCHEMA, transactions, form: one },
              changes.map(([op, values], n) => ({ seq: n + 1, op, n, transaction: 0, row: json(values) })),
            ),
          );
        expect(of("records")).toEqual(of("lines"));
      }),
    );
  });

  test("does not depend on the rows around it, nor on how a batch is cut", () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), fc.nat(), (rows, at) => {
        const batch = batchOfRows(form, rows);
        const whole = hashes(batch);
        expect(rows.flatMap((one) => hashes(batchOfRows(form, [one])))).toEqual(whole);
        const cut = at % (rows.length + 1);
        const parts = [sliceBatch(batch, 0, cut), sliceBatch(batch, cut, rows.length)];
        expect(parts.flatMap(hashes)).toEqual(whole);
      }),
    );
  });

  test("tells rows apart that differ in a bit, in a NULL, or in where a text stands", () => {
    const rows: readonly Row[] = [
      BASE,
      { ...BASE, id: 0 },
      { ...BASE, id: -(2 ** 31) + 1 },
      { ...BASE, big: 2n ** 32n + 1n },
      { ...BASE, big: null },
      { ...BASE, f: -0.5 },
      { ...BASE, f: null },
      { ...BASE, a: "y", b: "x" },
      { ...BASE, a: "", b: "xy" },
      { ...BASE, a: "xy", b: "" },
      { ...BASE, a: null },
      { ...BASE, b: null },
      { ...BASE, a: "" },
      { ...BASE, a: "x\0" },
      { ...BASE, a: "x\0\0\0\0\0\0\0" },
    ];
    const all = hashes(batchOfRows(form, rows));
    for (const [i, a] of all.entries())
      for (const b of all.slice(i + 1)) expect(distance(a, b)).toBeGreaterThan(8);
  });

  test("tells many rows apart", () => {
    const rows = Array.from({ length: 20_000 }, (_, id) => ({ ...BASE, id }));
    expect(new Set(hashes(batchOfRows(form, rows))).size).toBe(20_000);
  });
});
