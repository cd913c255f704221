import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import { compileRowLineWriter, snapshotSelect } from "../../../src/capture/snapshot-codec.ts";
import type { ColumnType, TableSchema } from "../../../src/types/table-schema.ts";
import { textPacket } from "../../support/text-packet.ts";

const schemaOf = (columns: readonly (readonly [string, ColumnType])[]): TableSchema => ({
  id: { database: "shop", table: "t" },
  columns: columns.map(([name, type]) => ({ name, type, mysqlType: "" })),
  primaryKey: [columns[0]?.[0] ?? ""],
  version: "",
});

function line(
  columns: readonly (readonly [string, ColumnType])[],
  values: readonly (string | Uint8Array | null)[],
  n = 0,
): string {
  const packet = textPacket(values);
  const writer = new ByteWriter(16);
  compileRowLineWriter(schemaOf(columns))(packet, 0, packet.length, writer, n);
  return Buffer.from(writer.written()).toString("utf8");
}

const one = (type: ColumnType, value: string | Uint8Array): string =>
  line([["v", type]], [value]).slice('{"n":0,"r":{"v":'.length, -3);

const INT: ColumnType = { kind: "int", bytes: 8, unsigned: false };
const TEXT: ColumnType = { kind: "text", form: "text", charset: "utf8mb4" };
const LATIN1: ColumnType = { kind: "text", form: "text", charset: "latin1" };
const BLOB: ColumnType = { kind: "bytes", form: "blob", length: null };
const DOUBLE: ColumnType = { kind: "double" };

test("a line is the row's number and the row", () => {
  expect(
    line(
      [
        ["id", INT],
        ["v", TEXT],
      ],
      ["7", "x"],
      9_007_199_254_740_991,
    ),
  ).toBe('{"n":9007199254740991,"r":{"id":7,"v":"x"}}\n');
  expect(
    line(
      [
        ["id", INT],
        ["a", TEXT],
        ["b", BLOB],
        ["c", DOUBLE],
      ],
      ["7", null, null, null],
    ),
  ).toBe('{"n":0,"r":{"id":7,"a":null,"b":null,"c":null}}\n');
});

test("names are only ever text", () => {
  const names = ["__proto__", '"', "\\", "\n", "`", "${1}", "*/", "日本🐬", "</script>"];
  const text = line(
    names.map((name) => [name, INT] as const),
    names.map((_, i) => String(i)),
  );
  const row = names.map((name, i) => `${JSON.stringify(name)}:${i}`).join(",");
  expect(text).toBe(`{"n":0,"r":{${row}}}\n`);
});

test("numbers lose the zeros of ZEROFILL and keep every digit", () => {
  expect(one(INT, "0000000042")).toBe("42");
  expect(one(INT, "0000000000")).toBe("0");
  expect(one(INT, "-9223372036854775808")).toBe("-9223372036854775808");
  expect(one({ kind: "year" }, "0000")).toBe("0");
  expect(one({ kind: "bit", bits: 64 }, "18446744073709551615")).toBe("18446744073709551615");
  const decimal: ColumnType = { kind: "decimal", precision: 10, scale: 2 };
  expect(one(decimal, "00000012.50")).toBe('"12.50"');
  expect(one(decimal, "00000000.50")).toBe('"0.50"');
  expect(one(decimal, "-0.01")).toBe('"-0.01"');
  expect(one({ kind: "decimal", precision: 5, scale: 0 }, "00000")).toBe('"0"');
});

test.each([
  ["0", "0"],
  ["-0", "-0.0"],
  ["1", "1"],
  ["-1.5", "-1.5"],
  ["0.1", "0.1"],
  ["0.01", "0.01"],
  ["0.000001", "0.000001"],
  ["0.0000001", "1e-7"],
  ["0.00000000000001", "1e-14"],
  ["1e-7", "1e-7"],
  ["1.5e15", "1500000000000000"],
  ["1e20", "100000000000000000000"],
  ["1e21", "1e+21"],
  ["123456789012345680000", "123456789012345680000"],
  ["5e-324", "5e-324"],
  ["-1.7976931348623157e308", "-1.7976931348623157e+308"],
])("DOUBLE %s is written %s", (text, expected) => {
  expect(one(DOUBLE, text)).toBe(expected);
});

test("a DOUBLE is written as JavaScript writes it, whether it was copied or parsed", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      fc.pre(!Object.is(value, -0));
      expect(one(DOUBLE, String(value))).toBe(String(value));
    }),
    { numRuns: 2000 },
  );
});

test("FLOAT comes with the digits of a double and is written with its own", () => {
  const float: ColumnType = { kind: "float" };
  expect(one(float, "0.10000000149011612")).toBe("0.1");
  expect(one(float, "3.4028234663852886e38")).toBe("3.4028235e+38");
  expect(one(float, "1.401298464324817e-45")).toBe("1e-45");
  expect(one(float, "-0")).toBe("-0.0");
});

test("times, binary and text", () => {
  expect(one({ kind: "time", fsp: 6 }, "-838:59:59.000000")).toBe('"-838:59:59.000000"');
  expect(one({ kind: "datetime", fsp: 0 }, "0000-00-00 00:00:00")).toBe('"0000-00-00 00:00:00"');
  expect(one(BLOB, "")).toBe('""');
  expect(one(BLOB, Buffer.from([0xff, 0, 0x80]))).toBe('"/wCA"');
  expect(one(TEXT, 'a"\\\n\0🐬')).toBe(JSON.stringify('a"\\\n\0🐬'));
  expect(one(LATIN1, Buffer.from([0x41, 0x80, 0xe9, 0x81]))).toBe('"A€é\u0081"');
  expect(one({ kind: "json" }, '{"a": 1.0}')).toBe('"{\\"a\\": 1.0}"');
});

test("rows of any length leave room for what follows them", () => {
  const columns = [
    ["id", INT],
    ["t", TEXT],
    ["b", BLOB],
    ["l", LATIN1],
    ["d", DOUBLE],
  ] as const;
  const write = compileRowLineWriter(schemaOf(columns));
  const writer = new ByteWriter(8);
  for (const length of [0, 1, 250, 251, 70_000, 3]) {
    writer.position = 0;
    const text = "\u0001".repeat(length);
    const packet = textPacket(["1", text, text, Buffer.alloc(length, 0x80), "1e300"]);
    write(packet, 0, packet.length, writer, 5);
    const expected = {
      id: 1,
      t: text,
      b: Buffer.from(text).toString("base64"),
      l: "€".repeat(length),
      d: 1e300,
    };
    expect(JSON.parse(Buffer.from(writer.written()).toString("utf8"))).toEqual({ n: 5, r: expected });
  }
});

test("a packet of another shape is an error", () => {
  const columns = [
    ["id", INT],
    ["v", TEXT],
  ] as const;
  expect(() => line(columns, ["1"])).toThrow("does not hold the columns");
  expect(() => line(columns, ["1", "x", "y"])).toThrow("does not hold the columns");
  const packet = textPacket(["1", "abc"]);
  const write = compileRowLineWriter(schemaOf(columns));
  expect(() => write(packet, 0, packet.length - 1, new ByteWriter(), 0)).toThrow("does not hold the columns");
});

test("what MySQL prints in another way is asked for by an expression", () => {
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
    "`id`, `f``f` * 1e0, `d` * 1e0, `b` + 0, CONVERT(`e` USING utf8mb4), CONVERT(`s` USING utf8mb4), `t`",
  );
});
