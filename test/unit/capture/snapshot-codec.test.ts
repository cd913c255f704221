import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ColumnBuffer } from "../../../src/capture/column-buffer.ts";
import { compileRowWriter, snapshotSelect } from "../../../src/capture/snapshot-codec.ts";
import { columnForm } from "../../../src/types/column-values.ts";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";
import { rowTexts } from "../../support/row-columns.ts";
import { binaryPacket, packedText } from "../../support/text-packet.ts";

type Columns = readonly (readonly [string, ColumnType])[];

const schemaOf = (columns: Columns): TableSchema => ({
  id: { database: "shop", table: "t" },
  columns: columns.map(([name, type]) => ({ name, type, mysqlType: "" })),
  primaryKey: [columns[0]?.[0] ?? ""],
  version: "",
});

/** The canonical rows that packets become. */
function rowsOf(columns: Columns, packets: readonly Uint8Array[]): readonly string[] {
  const schema = schemaOf(columns);
  const buffers = columns.map(([, type]) => new ColumnBuffer(columnForm(type)));
  const write = compileRowWriter(schema, buffers);
  packets.forEach((packet, row) => {
    write(packet, 0, packet.length, row);
  });
  const count = packets.length;
  return rowTexts(schema, { count, columns: buffers.map((buffer) => buffer.take(count)) });
}

const one = (type: ColumnType, value: Uint8Array): string =>
  rowsOf([["v", type]], [binaryPacket([value])])[0]?.slice('{"v":'.length, -1) ?? "";

const INT: ColumnType = { kind: "int", bytes: 4, unsigned: false };
const TEXT: ColumnType = { kind: "text", form: "text", charset: "utf8mb4" };
const LATIN1: ColumnType = { kind: "text", form: "text", charset: "latin1" };
const BLOB: ColumnType = { kind: "bytes", form: "blob", length: null };
const DOUBLE: ColumnType = { kind: "double" };

/** Bytes of a number as the protocol has it. */
const bytesOf = (size: number, write: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
};
const int = (size: 1 | 2 | 4 | 8, value: bigint): Uint8Array =>
  bytesOf(8, (view) => {
    view.setBigInt64(0, value, true);
  }).subarray(0, size);

const id = int(4, 7n);

test("NULLs are told by bits, of any number of columns", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: -9, max: 9 })), { minLength: 1, maxLength: 40 }),
      (row) => {
        const columns = row.map((_, i) => [`c${i}`, INT] as const);
        const packet = binaryPacket(row.map((value) => (value === null ? null : int(4, BigInt(value)))));
        const expected = JSON.stringify(Object.fromEntries(row.map((value, i) => [`c${i}`, value])));
        expect(rowsOf(columns, [packet, packet])).toEqual([expected, expected]);
      },
    ),
  );
});

test("names are only ever text", () => {
  const names = ["__proto__", '"', "\\", "\n", "`", "${1}", "*/", "日本🐬", "</script>"];
  const packet = binaryPacket(names.map((_, i) => int(4, BigInt(i))));
  const row = names.map((name, i) => `${JSON.stringify(name)}:${i}`).join(",");
  expect(
    rowsOf(
      names.map((name) => [name, INT]),
      [packet],
    ),
  ).toEqual([`{${row}}`]);
});

describe("integers", () => {
  const MAX = 2n ** 64n - 1n;
  test.each<[string, ColumnType, 1 | 2 | 4 | 8, readonly bigint[]]>([
    ["tinyint", { kind: "int", bytes: 1, unsigned: false }, 1, [-128n, -1n, 0n, 127n]],
    ["tinyint unsigned", { kind: "int", bytes: 1, unsigned: true }, 1, [0n, 255n]],
    ["smallint", { kind: "int", bytes: 2, unsigned: false }, 2, [-32768n, 32767n]],
    ["smallint unsigned", { kind: "int", bytes: 2, unsigned: true }, 2, [0n, 65535n]],
    ["mediumint", { kind: "int", bytes: 3, unsigned: false }, 4, [-8388608n, 8388607n]],
    ["mediumint unsigned", { kind: "int", bytes: 3, unsigned: true }, 4, [0n, 16777215n]],
    ["int", INT, 4, [-2147483648n, 2147483647n]],
    ["int unsigned", { kind: "int", bytes: 4, unsigned: true }, 4, [0n, 4294967295n]],
    ["bigint", { kind: "int", bytes: 8, unsigned: false }, 8, [-(2n ** 63n), 2n ** 63n - 1n]],
    ["bigint unsigned", { kind: "int", bytes: 8, unsigned: true }, 8, [0n, MAX]],
    ["bit(63)", { kind: "bit", bits: 63 }, 8, [0n, 2n ** 63n - 1n]],
    ["bit(64)", { kind: "bit", bits: 64 }, 8, [0n, MAX]],
    ["year", { kind: "year" }, 2, [0n, 1901n, 2155n]],
  ])("%s", (_name, type, size, values) => {
    for (const value of values) expect(one(type, int(size, BigInt.asIntN(64, value)))).toBe(String(value));
  });
});

test("floating-point numbers keep every bit", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const bytes = bytesOf(8, (view) => {
        view.setFloat64(0, value, true);
      });
      expect(one(DOUBLE, bytes)).toBe(Object.is(value, -0) ? "-0.0" : String(value));
    }),
  );
  const float = (value: number): string =>
    one(
      { kind: "float" },
      bytesOf(4, (view) => {
        view.setFloat32(0, value, true);
      }),
    );
  expect([0.1, 3.4028234663852886e38, 1.401298464324817e-45, -0].map(float)).toEqual([
    "0.1",
    "3.4028235e+38",
    "1e-45",
    "-0.0",
  ]);
});

test.each([15, 16])("decimals of %i digits lose the zeros of ZEROFILL and keep every digit", (precision) => {
  const of = (text: string, scale: number): string =>
    one({ kind: "decimal", precision, scale }, packedText(text));
  const two = ["00000012.50", "00000000.50", "-0.01", `-${"9".repeat(precision - 2)}.99`];
  expect(two.map((text) => of(text, 2))).toEqual([
    '"12.50"',
    '"0.50"',
    '"-0.01"',
    `"-${"9".repeat(precision - 2)}.99"`,
  ]);
  expect(of("00000", 0)).toBe('"0"');
  expect(of(`0.${"9".repeat(precision)}`, precision)).toBe(`"0.${"9".repeat(precision)}"`);
});

describe("dates and times, whose zeros at the end are left out", () => {
  const datetime = (fsp: number): ColumnType => ({ kind: "datetime", fsp });
  const time = (fsp: number): ColumnType => ({ kind: "time", fsp });
  const YEAR = [0xea, 0x07];
  test.each<[ColumnType, readonly number[], string]>([
    [{ kind: "date" }, [0], "0000-00-00"],
    [{ kind: "date" }, [4, ...YEAR, 2, 28], "2026-02-28"],
    [datetime(0), [0], "0000-00-00 00:00:00"],
    [datetime(3), [4, ...YEAR, 0, 0], "2026-00-00 00:00:00.000"],
    [datetime(0), [7, ...YEAR, 12, 31, 23, 59, 58], "2026-12-31 23:59:58"],
    [datetime(6), [7, ...YEAR, 12, 31, 23, 59, 58], "2026-12-31 23:59:58.000000"],
    [datetime(6), [11, ...YEAR, 12, 31, 23, 59, 58, 0x3f, 0x42, 0x0f, 0], "2026-12-31 23:59:58.999999"],
    [datetime(1), [11, ...YEAR, 12, 31, 0, 0, 0, 0xa0, 0x86, 0x01, 0], "2026-12-31 00:00:00.1"],
    [{ kind: "timestamp", fsp: 2 }, [11, ...YEAR, 1, 1, 0, 0, 1, 0x10, 0x27, 0, 0], "2026-01-01 00:00:01.01"],
    [time(0), [0], "00:00:00"],
    [time(2), [0], "00:00:00.00"],
    [time(0), [8, 1, 34, 0, 0, 0, 22, 59, 59], "-838:59:59"],
    [time(0), [8, 0, 0, 0, 0, 0, 9, 8, 7], "09:08:07"],
    [time(6), [12, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], "-00:00:00.000001"],
  ])("%o %j is %s", (type, bytes, text) => {
    expect(one(type, Uint8Array.from(bytes))).toBe(JSON.stringify(text));
  });
});

test("binary and text", () => {
  expect(one(BLOB, packedText(""))).toBe('""');
  expect(one(BLOB, packedText(Buffer.from([0xff, 0, 0x80])))).toBe('"/wCA"');
  expect(one(TEXT, packedText('a"\\\n\0🐬'))).toBe(JSON.stringify('a"\\\n\0🐬'));
  expect(one(LATIN1, packedText(Buffer.from([0x41, 0x80, 0xe9, 0x81])))).toBe('"A€é\u0081"');
  expect(one({ kind: "json" }, packedText('{"a": 1.0}'))).toBe('"{\\"a\\": 1.0}"');
});

test("values of any length have room, and leave some for what follows them", () => {
  const columns = [
    ["id", INT],
    ["t", TEXT],
    ["b", BLOB],
    ["l", LATIN1],
    ["n", INT],
  ] as const;
  const lengths = [0, 1, 250, 251, 70_000, 3];
  const texts = lengths.map((length) => "\u0001".repeat(length));
  const packets = texts.map((text) =>
    binaryPacket([id, packedText(text), packedText(text), packedText(Buffer.alloc(text.length, 0x80)), id]),
  );
  expect(rowsOf(columns, packets).map((row) => JSON.parse(row) as unknown)).toEqual(
    texts.map((t) => {
      const b = Buffer.from(t).toString("base64");
      return { id: 7, t, b, l: "€".repeat(t.length), n: 7 };
    }),
  );
});

test("a value whose length takes nine bytes is read", () => {
  const buffer = new ColumnBuffer("text");
  const value = Buffer.alloc(2 ** 24, "x");
  const packet = binaryPacket([packedText(value)]);
  compileRowWriter(schemaOf([["v", TEXT]]), [buffer])(packet, 0, packet.length, 0);
  const { values } = buffer.take(1);
  expect(Buffer.compare(values.subarray(4), value)).toBe(0);
});

test("a packet of another shape is an error", () => {
  const columns = [
    ["id", INT],
    ["v", TEXT],
    ["d", { kind: "date" }],
  ] as const;
  const date = Uint8Array.of(0);
  const whole = binaryPacket([id, packedText("abc"), date]);
  expect(rowsOf(columns, [whole])).toHaveLength(1);
  const wrong = [
    binaryPacket([id]),
    binaryPacket([id, packedText("abc"), date, packedText("more")]),
    binaryPacket([id, packedText("abc"), Uint8Array.of(3, 1, 1, 1)]),
    whole.subarray(0, -1),
    Buffer.from([1, ...whole.subarray(1)]),
  ];
  for (const packet of wrong) expect(() => rowsOf(columns, [packet])).toThrow("does not hold the columns");
});

test("what would come in another form is asked for by an expression", () => {
  const select = snapshotSelect(
    schemaOf([
      ["id", INT],
      ["f`f", { kind: "float" }],
      ["d", DOUBLE],
      ["b", { kind: "bit", bits: 3 }],
      ["e", { kind: "enum", members: ["x"] }],
      ["s", { kind: "set", members: ["x"] }],
      ["t", TEXT],
    ]),
  );
  expect(select).toBe(
    "`id`, `f``f`, `d`, `b` | 0, CONVERT(`e` USING utf8mb4), CONVERT(`s` USING utf8mb4), `t`",
  );
});
