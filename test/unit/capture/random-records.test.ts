import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MappedColumn } from "../../../src/capture/table-map.ts";
import {
  batchParts,
  sliceBatch,
  withParts,
  type ChangeBatch,
  type RowForm,
} from "../../../src/types/change-batch.ts";
import { rowLanes } from "../../../src/types/row-lanes.ts";
import { batchRows } from "../../support/batch-lines.ts";
import { keyOf, recordsOf, recordValue, type BatchRecord } from "../../support/batch-records.ts";
import { EventTable, GTID, int, SOURCE, text } from "../../support/event-table.ts";

type Row = readonly [number, string | null, string, bigint | null];

interface Event {
  readonly operation: "c" | "u" | "d";
  readonly rows: readonly (readonly [Row, Row])[];
}

const RANDOM_COLUMNS: readonly MappedColumn[] = [
  int("b"),
  text('v"é'),
  text("a🐬"),
  { name: "big", type: { kind: "int", bytes: 8, unsigned: false }, lengthBytes: 0 },
];
const randomTable = (form: RowForm): EventTable =>
  new EventTable({ database: "d🏪", table: "t" }, RANDOM_COLUMNS, { primaryKey: ["a🐬", "b"], form });

const row: fc.Arbitrary<Row> = fc.tuple(
  fc.integer({ min: -1, max: 1 }),
  fc.option(fc.string({ unit: "grapheme", maxLength: 20 }), { nil: null }),
  fc.constantFrom("", "x", '"', "🐬"),
  fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }),
);
const event: fc.Arbitrary<Event> = fc.record({
  operation: fc.constantFrom("c", "u", "d"),
  rows: fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 4 }),
});
const transactions = fc.array(
  fc.record({ commitUs: fc.nat(2 ** 31), events: fc.array(event, { minLength: 1, maxLength: 4 }) }),
  { minLength: 1, maxLength: 4 },
);
type Transactions = typeof transactions extends fc.Arbitrary<infer T> ? T : never;

/** Batches of all events; one is taken behind each event whose number is in `cuts`. */
function build(form: RowForm, list: Transactions, cuts: ReadonlySet<number>): readonly ChangeBatch[] {
  const table = randomTable(form);
  const batches: ChangeBatch[] = [];
  let number = 0;
  for (const { commitUs, events } of list) {
    table.begin(commitUs);
    for (const { operation, rows } of events) {
      table.event(operation, ...rows.flatMap(([a, b]) => (operation === "u" ? [a, b] : [b])));
      if (cuts.has(number++)) batches.push(table.take());
    }
    table.end();
  }
  return [...batches, table.take()];
}

const json = ([b, v, a, big]: Row): string =>
  `{"b":${b},${JSON.stringify('v"é')}:${JSON.stringify(v)},"a🐬":${JSON.stringify(a)},"big":${String(big)}}`;

/** What the records have to be, by hand. */
function expectedRecords(list: Transactions): readonly BatchRecord[] {
  const { schema } = randomTable("records");
  return list.flatMap(({ commitUs, events }, t) => {
    const transaction = { gtid: `${GTID}:${t + 1}`, commitUs };
    let n = -1;
    const record = (op: "c" | "u" | "d", before: Row | null, after: Row | null): BatchRecord => ({
      key: keyOf(schema, json((after ?? before) as Row)),
      value: recordValue({
        op,
        source: SOURCE.source,
        version: SOURCE.version,
        schema,
        transaction,
        n,
        before: before === null ? "null" : json(before),
        after: after === null ? "null" : json(after),
      }),
    });
    return events.flatMap(({ operation, rows }) =>
      rows.flatMap(([a, b]) => {
        n++;
        if (operation === "c") return [record("c", null, b)];
        if (operation === "d") return [record("d", b, null)];
        if (a[0] === b[0] && a[2] === b[2]) return [record("u", a, b)];
        return [record("d", a, null), record("c", null, b)];
      }),
    );
  });
}

const hashes = (batch: ChangeBatch): readonly (readonly [number | undefined, number | undefined])[] => {
  const { high, low } = rowLanes(batch.rows, batch.count);
  return Array.from({ length: batch.count }, (_, i) => [high[i], low[i]]);
};

describe("records of random changes", () => {
  test("are what they have to be, wherever a batch is taken, cut or moved", () => {
    fc.assert(
      fc.property(transactions, fc.uniqueArray(fc.nat(15)), fc.nat(), (list, cuts, at) => {
        const batches = build("records", list, new Set(cuts));
        const expected = expectedRecords(list);
        expect(batches.flatMap(recordsOf)).toEqual(expected);
        const parts = batches.flatMap((batch) => {
          const cut = at % (batch.count + 1);
          return [sliceBatch(batch, 0, cut), sliceBatch(batch, cut, batch.count)];
        });
        expect(parts.flatMap(recordsOf)).toEqual(expected);
        const moved = parts.map((batch) =>
          withParts(
            batch,
            batchParts(batch).map(({ buffer, byteOffset, byteLength }) =>
              Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength)),
            ),
          ),
        );
        expect(moved.flatMap(recordsOf)).toEqual(expected);
      }),
    );
  });

  test("are JSON, and hold the rows that lines of the same changes hold, with their hashes", () => {
    fc.assert(
      fc.property(transactions, fc.uniqueArray(fc.nat(15)), (list, cuts) => {
        const batches = build("records", list, new Set(cuts));
        const lines = build("lines", list, new Set(cuts));
        expect(batches.flatMap(batchRows)).toEqual(lines.flatMap(batchRows));
        expect(batches.flatMap(hashes)).toEqual(lines.flatMap(hashes));
        batches.flatMap(recordsOf).forEach(({ key, value }) => {
          const { op, before, after } = JSON.parse(value) as Record<string, Record<string, unknown> | null>;
          expect([before === null, after === null]).toEqual([
            op === ("c" as unknown),
            op === ("d" as unknown),
          ]);
          expect(after ?? before).toMatchObject(JSON.parse(key) as object);
        });
      }),
    );
  });
});
