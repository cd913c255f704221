import { describe, expect, test } from "vitest";
import { batchRows } from "../../support/batch-lines.ts";
import { headersOf, recordsOf } from "../../support/batch-records.ts";
import { EventTable, GTID, int, text } from "../../support/event-table.ts";

const SHOP = { database: "shop", table: "t" };
const shop = (): EventTable => new EventTable(SHOP, [int("id"), text("v")], { primaryKey: ["id"] });

/** What the values of `shop` begin with, in its transaction `number`, committed at 1790000000.123456. */
const head = (op: string, number: number): string =>
  `{"op":"${op}","ts_ms":1790000000123,"source":{"version":"1.2.3","connector":"mysql","name":"shop",` +
  `"ts_ms":1790000000123,"ts_us":1790000000123456,"snapshot":"false","db":"shop","table":"t",` +
  `"gtid":"0c6af1f1-e54f-11f1-9974-02fc00000001:${number}","row":`;
const COMMIT_US = 1_790_000_000_123_456;

describe("a record of", () => {
  test("a create, byte by byte", () => {
    expect(shop().begin(COMMIT_US).event("c", [1, "one"]).records()).toEqual([
      {
        key: '{"id":1}',
        value:
          '{"op":"c","ts_ms":1790000000123,"source":{"version":"1.2.3","connector":"mysql","name":"shop","ts_ms":1790000000123,"ts_us":1790000000123456,"snapshot":"false","db":"shop","table":"t","gtid":"0c6af1f1-e54f-11f1-9974-02fc00000001:1","row":0},"before":null,"after":{"id":1,"v":"one"}}',
      },
    ]);
  });

  test("an update has both rows", () => {
    const records = shop().begin(COMMIT_US).event("u", [1, "one"], [1, "two"]).records();
    expect(records).toEqual([
      {
        key: '{"id":1}',
        value: `${head("u", 1)}0},"before":{"id":1,"v":"one"},"after":{"id":1,"v":"two"}}`,
      },
    ]);
  });

  test("a delete has the whole row before", () => {
    expect(shop().begin(COMMIT_US).event("d", [1, "one"]).records()).toEqual([
      { key: '{"id":1}', value: `${head("d", 1)}0},"before":{"id":1,"v":"one"},"after":null}` },
    ]);
  });

  test("a changed key is a delete and a create of one number, among changes that stay", () => {
    const records = shop()
      .begin(COMMIT_US)
      .event("u", [1, "a"], [1, "b"], [2, "c"], [3, "d"], [4, "e"], [4, "f"])
      .records();
    expect(records).toEqual([
      { key: '{"id":1}', value: `${head("u", 1)}0},"before":{"id":1,"v":"a"},"after":{"id":1,"v":"b"}}` },
      { key: '{"id":2}', value: `${head("d", 1)}1},"before":{"id":2,"v":"c"},"after":null}` },
      { key: '{"id":3}', value: `${head("c", 1)}1},"before":null,"after":{"id":3,"v":"d"}}` },
      { key: '{"id":4}', value: `${head("u", 1)}2},"before":{"id":4,"v":"e"},"after":{"id":4,"v":"f"}}` },
    ]);
  });

  test("NULL is not the row that is not there", () => {
    const records = shop()
      .begin(COMMIT_US)
      .event("c", [1, null])
      .event("u", [1, null], [1, "null"])
      .event("d", [1, null])
      .records();
    expect(records.map(({ value }) => value)).toEqual([
      `${head("c", 1)}0},"before":null,"after":{"id":1,"v":null}}`,
      `${head("u", 1)}1},"before":{"id":1,"v":null},"after":{"id":1,"v":"null"}}`,
      `${head("d", 1)}2},"before":{"id":1,"v":null},"after":null}`,
    ]);
  });

  test("texts are escaped as JSON demands and no further", () => {
    const table = new EventTable(SHOP, [text("k"), text("v")], { primaryKey: ["k"] });
    const records = table.begin(COMMIT_US).event("c", ['"\\/', "\0\b\t\n\f\r\u001f\u007fé日🐬"]).records();
    expect(records).toEqual([
      {
        key: String.raw`{"k":"\"\\/"}`,
        value:
          `${head("c", 1)}0},"before":null,"after":` +
          String.raw`{"k":"\"\\/","v":"\u0000\u0008\t\n\u000c\r\u001f` +
          `\u007fé日🐬"}}`,
      },
    ]);
  });

  test("a key of several columns has them in the order of the table, whatever the index has", () => {
    const columns = [int("a"), text("note"), text("b")];
    const table = new EventTable(SHOP, columns, { primaryKey: ["b", "a"] });
    const records = table
      .begin(COMMIT_US)
      .event("c", [7, "n", "x"])
      .event("u", [7, "n", "x"], [7, "m", "x"])
      .event("u", [7, "m", "x"], [7, "m", "y"])
      .event("d", [7, "m", "y"])
      .records();
    expect(records).toEqual([
      {
        key: '{"a":7,"b":"x"}',
        value: `${head("c", 1)}0},"before":null,"after":{"a":7,"note":"n","b":"x"}}`,
      },
      {
        key: '{"a":7,"b":"x"}',
        value: `${head("u", 1)}1},"before":{"a":7,"note":"n","b":"x"},"after":{"a":7,"note":"m","b":"x"}}`,
      },
      {
        key: '{"a":7,"b":"x"}',
        value: `${head("d", 1)}2},"before":{"a":7,"note":"m","b":"x"},"after":null}`,
      },
      {
        key: '{"a":7,"b":"y"}',
        value: `${head("c", 1)}2},"before":null,"after":{"a":7,"note":"m","b":"y"}}`,
      },
      {
        key: '{"a":7,"b":"y"}',
        value: `${head("d", 1)}3},"before":{"a":7,"note":"m","b":"y"},"after":null}`,
      },
    ]);
  });

  test("names may hold whatever MySQL lets them hold", () => {
    const id = { database: 'läden"🏪', table: 'a"b\\c\t🐬' };
    const columns = [int("i😀d"), text('v"\\\n')];
    const source = { source: "quelle ü", epoch: 1, version: '1.0.0-"rc"' };
    const table = new EventTable(id, columns, { primaryKey: ["i😀d"], source });
    const records = table.begin(1, "uuid:tag:1").event("c", [-5, "x"]).event("d", [-5, "x"]).records();
    const start = (op: string): string =>
      `{"op":"${op}","ts_ms":0,"source":{"version":"1.0.0-\\"rc\\"","connector":"mysql","name":"quelle ü",` +
      String.raw`"ts_ms":0,"ts_us":1,"snapshot":"false","db":"läden\"🏪","table":"a\"b\\c\t🐬","gtid":"uuid:tag:1","row":`;
    expect(records).toEqual([
      {
        key: '{"i😀d":-5}',
        value: start("c") + String.raw`0},"before":null,"after":{"i😀d":-5,"v\"\\\n":"x"}}`,
      },
      {
        key: '{"i😀d":-5}',
        value: start("d") + String.raw`1},"before":{"i😀d":-5,"v\"\\\n":"x"},"after":null}`,
      },
    ]);
  });

  test("each transaction has its own GTID and time, and counts its changes from 0", () => {
    const table = shop().begin(1_999).event("c", [1, "a"]).event("c", [2, "b"]).end().begin(2_000);
    const records = table.event("c", [3, "c"]).event("d", [2, "b"]).records();
    const facts = records.map(({ value }) => {
      const { op, ts_ms, source } = JSON.parse(value) as {
        op: string;
        ts_ms: number;
        source: Record<string, unknown>;
      };
      return [op, ts_ms, source["ts_ms"], source["ts_us"], source["gtid"], source["row"]];
    });
    expect(facts).toEqual([
      ["c", 1, 1, 1_999, `${GTID}:1`, 0],
      ["c", 1, 1, 1_999, `${GTID}:1`, 1],
      ["c", 2, 2, 2_000, `${GTID}:2`, 0],
      ["d", 2, 2, 2_000, `${GTID}:2`, 1],
    ]);
  });

  test("a transaction goes on in the next batch as it was", () => {
    const table = shop().begin(COMMIT_US).event("c", [1, "a"]);
    const first = table.records();
    const second = table.event("c", [2, "b"]).event("u", [2, "b"], [3, "c"]).records();
    const third = table.end().begin(COMMIT_US).event("c", [4, "d"]).records();
    expect([first, second, third]).toEqual([
      [{ key: '{"id":1}', value: `${head("c", 1)}0},"before":null,"after":{"id":1,"v":"a"}}` }],
      [
        { key: '{"id":2}', value: `${head("c", 1)}1},"before":null,"after":{"id":2,"v":"b"}}` },
        { key: '{"id":2}', value: `${head("d", 1)}2},"before":{"id":2,"v":"b"},"after":null}` },
        { key: '{"id":3}', value: `${head("c", 1)}2},"before":null,"after":{"id":3,"v":"c"}}` },
      ],
      [{ key: '{"id":4}', value: `${head("c", 2)}0},"before":null,"after":{"id":4,"v":"d"}}` }],
    ]);
  });

  test("values of any length grow the memory wherever in a record it ends", () => {
    const columns = [text("id", 2), text("v", 3)];
    for (let length = 65_000; length < 66_000; length += 7) {
      const table = new EventTable(SHOP, columns, { primaryKey: ["id"] }).begin(COMMIT_US);
      const [a, b] = ["a".repeat(length), "b".repeat(length)];
      const row = (v: string): string => `{"id":"k","v":"${v}"}`;
      const records = table
        .event("u", ["k", a], ["k", b])
        .event("d", ["k", b])
        .event("c", ["k", a])
        .records();
      const expected = [
        { key: '{"id":"k"}', value: `${head("u", 1)}0},"before":${row(a)},"after":${row(b)}}` },
        { key: '{"id":"k"}', value: `${head("d", 1)}1},"before":${row(b)},"after":null}` },
        { key: '{"id":"k"}', value: `${head("c", 1)}2},"before":null,"after":${row(a)}}` },
      ];
      // Not by toEqual, which would print megabytes.
      expect(records.every(({ value }, i) => value === expected[i]?.value)).toBe(true);
      expect(records.map(({ key }) => key)).toEqual(expected.map(({ key }) => key));
    }
  });
});

test("records fill their memory to the last byte and grow it, whatever stands there", () => {
  const columns = [int("i"), text("v")];
  for (let pad = 0; pad < 255; pad++) {
    const table = new EventTable(SHOP, columns, { primaryKey: ["i"] }).begin(COMMIT_US);
    table.event("c", [0, "x".repeat(pad)]);
    const rows = Array.from({ length: 299 }, (_, i) => [i + 1, ""] as const);
    const batch = table.event("c", ...rows).take();
    const values = recordsOf(batch).map(({ value }) => value);
    const row = (i: number): string => `{"i":${i},"v":"${i === 0 ? "x".repeat(pad) : ""}"}`;
    const expected = values.map((_, i) => `${head("c", 1)}${i}},"before":null,"after":${row(i)}}`);
    expect(values).toHaveLength(300);
    // Not by toEqual, which takes its time for so many.
    expect(values.findIndex((value, i) => value !== expected[i])).toBe(-1);
    expect(batchRows(batch).findIndex((text, i) => text !== row(i))).toBe(-1);
  }
});

test("the header has what a reader needs, and where the row is", () => {
  const table = shop()
    .begin(COMMIT_US)
    .event("c", [1, "one"])
    .event("u", [1, "one"], [1, "two"])
    .event("u", [1, "two"], [2, "two"])
    .event("d", [2, "two"]);
  const batch = table.take();
  const records = recordsOf(batch);
  const place = (i: number, row: string): number => (records[i]?.value.length ?? 0) - 1 - row.length;
  const shared = `${COMMIT_US} ${table.schema.version} shop/2/${GTID}:1#shop.t#`;
  expect(headersOf(batch)).toEqual([
    `c 1 ${place(0, '{"id":1,"v":"one"}')} ${shared}0`,
    `u 2 ${place(1, '{"id":1,"v":"two"}')} ${shared}1`,
    `d 3 0 ${shared}2/d`,
    `c 4 ${place(3, '{"id":2,"v":"two"}')} ${shared}2/c`,
    `d 5 0 ${shared}3`,
  ]);
});
