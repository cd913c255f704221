import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchBuilder } from "../../../src/capture/batch-builder.ts";
import type { MappedColumn, TableMap } from "../../../src/capture/table-map.ts";
import type { ChangeBatch, RowForm } from "../../../src/types/change-batch.ts";
import { schemaVersion } from "../../../src/types/schema-version.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { linesOf } from "../../support/batch-lines.ts";
import { rowImage } from "../../support/row-image.ts";
import { sharedSpareMemory } from "../../../src/util/spare-memory.ts";

const COLUMNS: readonly MappedColumn[] = [
  { name: "v", type: { kind: "text", form: "varchar", charset: "utf8mb4" }, lengthBytes: 1 },
  { name: "id", type: { kind: "int", bytes: 4, unsigned: false }, lengthBytes: 0 },
  { name: "big", type: { kind: "int", bytes: 8, unsigned: false }, lengthBytes: 0 },
  { name: "kind", type: { kind: "enum", members: ["a", "b,"] }, lengthBytes: 0 },
];
const ID = { database: "shop", table: "t" };
const SCHEMA: TableSchema = {
  id: ID,
  columns: COLUMNS.map((column) => ({ ...column, mysqlType: "" })),
  primaryKey: ["id"],
  version: schemaVersion(COLUMNS, ["id"]),
};
const MAP: TableMap = { id: ID, columns: COLUMNS, primaryKey: ["id"], version: SCHEMA.version };

interface Row {
  readonly v: string | null;
  readonly id: number;
  readonly big: bigint | null;
  /** Number of the member; 3 is none. */
  readonly kind: number;
}

const image = ({ v, id, big, kind }: Row): Buffer => rowImage(COLUMNS, [v, id, big, kind]);

interface Event {
  readonly operation: "c" | "u" | "d";
  readonly rows: readonly (readonly [Row, Row])[];
}

const bytesOf = ({ operation, rows }: Event): Buffer =>
  Buffer.concat(rows.flatMap(([a, b]) => (operation === "u" ? [image(a), image(b)] : [image(b)])));

const builderOf = (form: RowForm): BatchBuilder =>
  new BatchBuilder(SCHEMA, {
    numbering: { seq: 0, ordinal: 0 },
    form,
    recordSource: { source: "s", epoch: 1, version: "1" },
    spare: sharedSpareMemory(),
  });

/** Builds the events, taking a batch behind each number in `cuts`. */
function build(form: RowForm, events: readonly Event[], cuts: ReadonlySet<number>): readonly ChangeBatch[] {
  const builder = builderOf(form);
  const reader = builder.reader(MAP);
  const batches: ChangeBatch[] = [];
  builder.beginTransaction({ ordinal: 7, gtid: "u:1", commitUs: 1 });
  events.forEach((event, i) => {
    const bytes = bytesOf(event);
    builder.add({ operation: event.operation, bytes, from: 0, to: bytes.length }, reader);
    if (cuts.has(i)) batches.push(builder.take());
  });
  return [...batches, builder.take()];
}

const row: fc.Arbitrary<Row> = fc.record({
  v: fc.option(fc.string({ unit: "grapheme", maxLength: 12 }), { nil: null }),
  id: fc.integer({ min: -2, max: 2 }),
  big: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }),
  kind: fc.integer({ min: 0, max: 2 }),
});
const event: fc.Arbitrary<Event> = fc.record({
  operation: fc.constantFrom("c", "u", "d"),
  rows: fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 5 }),
});

/** What the changes of the events have to be, by hand. */
function expected(events: readonly Event[]): readonly unknown[] {
  let seq = 0;
  let n = -1;
  const json = ({ v, id, big, kind }: Row): string =>
    `{"v":${JSON.stringify(v)},"id":${id},"big":${String(big)},"kind":${JSON.stringify(["", "a", "b,"][kind])}}`;
  return events.flatMap(({ operation, rows }) =>
    rows.flatMap(([a, b]) => {
      n++;
      if (operation === "d") return [{ seq: ++seq, op: "d", n, transaction: 0, row: `{"id":${b.id}}` }];
      if (operation === "c" || a.id === b.id)
        return [{ seq: ++seq, op: operation, n, transaction: 0, row: json(b) }];
      return [
        { seq: ++seq, op: "d", n, transaction: 0, row: `{"id":${a.id}}` },
        { seq: ++seq, op: "c", n, transaction: 0, row: json(b) },
      ];
    }),
  );
}

test("a line has the numbers of its change in front of the row", () => {
  const rows = [1, 2].map((id) => ({ v: null, id, big: 5n, kind: 1 }));
  const bytes = Buffer.concat(rows.map(image));
  const builder = builderOf("lines");
  const reader = builder.reader(MAP);
  builder.beginTransaction({ ordinal: 7, gtid: "u:1", commitUs: 1 });
  builder.add({ operation: "c", bytes, from: 0, to: bytes.length }, reader);
  builder.endTransaction();
  builder.beginTransaction({ ordinal: 12, gtid: "u:2", commitUs: 1 });
  builder.add({ operation: "d", bytes, from: 0, to: bytes.length }, reader);
  const { rows: lines } = builder.take();
  expect(lines.form === "lines" && Buffer.from(lines.bytes).toString("utf8")).toBe(
    `{"q":1,"o":"c","t":7,"n":0,"r":{"v":null,"id":1,"big":5,"kind":"a"}}
{"q":2,"o":"c","t":7,"n":1,"r":{"v":null,"id":2,"big":5,"kind":"a"}}
{"q":3,"o":"d","t":12,"n":0,"r":{"id":1}}
{"q":4,"o":"d","t":12,"n":1,"r":{"id":2}}
`,
  );
});

describe.each(["columns", "lines", "records"] as const)("rows of events as %s", (form) => {
  test("become changes, whatever they are and wherever a batch is taken", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), fc.uniqueArray(fc.nat(7)), (events, cuts) => {
        const batches = build(form, events, new Set(cuts));
        expect(batches.flatMap(linesOf)).toEqual(expected(events));
      }),
    );
  });

  test("lose nothing of what came before a row that cannot be read", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), row, (events, wrong) => {
        const builder = builderOf(form);
        const reader = builder.reader(MAP);
        builder.beginTransaction({ ordinal: 7, gtid: "u:1", commitUs: 1 });
        for (const known of events) {
          const bytes = bytesOf(known);
          builder.add({ operation: known.operation, bytes, from: 0, to: bytes.length }, reader);
        }
        const bytes = image({ ...wrong, kind: 3 });
        expect(() => {
          builder.add({ operation: "c", bytes, from: 0, to: bytes.length }, reader);
        }).toThrow("no member number 3");
        const whole = image({ ...wrong, kind: 1 });
        expect(() => {
          builder.add({ operation: "c", bytes: whole, from: 0, to: whole.length - 1 }, reader);
        }).toThrow("beyond the end");
        expect(linesOf(builder.take())).toEqual(expected(events));
      }),
    );
  });
});
