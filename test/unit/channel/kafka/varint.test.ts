import fc from "fast-check";
import { expect, test } from "vitest";
import { VarintReader, varintSize, writeVarint } from "../../../../src/channel/kafka/varint.ts";

const place = { topic: "t", partition: 0, offset: 17 };

/** From org.apache.kafka.common.utils.ByteUtils.writeVarlong. */
const GOLDEN: readonly (readonly [number, string])[] = [
  [0, "00"],
  [-1, "01"],
  [1, "02"],
  [63, "7e"],
  [-64, "7f"],
  [64, "8001"],
  [-65, "8101"],
  [8191, "fe7f"],
  [-8192, "ff7f"],
  [8192, "808001"],
  [-8193, "818001"],
  [1048575, "feff7f"],
  [1048576, "80808001"],
  [2 ** 31 - 1, "feffffff0f"],
  [-(2 ** 31), "ffffffff0f"],
  [1_700_000_000_000, "80a0abfef962"],
  [2 ** 53 - 1, "feffffffffffff1f"],
  [-(2 ** 53), "ffffffffffffff1f"],
];

function written(value: number): Buffer {
  const out = Buffer.alloc(16, 0xee);
  const end = writeVarint(out, 2, value);
  expect(out.subarray(end)).toEqual(Buffer.alloc(16 - end, 0xee));
  return out.subarray(2, end);
}

const reader = (hex: string): VarintReader => new VarintReader(Buffer.from(hex, "hex"), place);

test("forms are those of the Java client", () => {
  for (const [value, hex] of GOLDEN) {
    expect(written(value).toString("hex")).toBe(hex);
    expect(varintSize(value)).toBe(hex.length / 2);
    expect(reader(hex).read()).toBe(value);
  }
});

test("any whole number comes back, and is as long as was said", () => {
  const value = fc.oneof(
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.integer(),
    fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 20 }), (values) => {
      const bytes = Buffer.concat(values.map(written));
      const readBack = new VarintReader(bytes, place);
      expect(values.map(() => readBack.read())).toEqual(values);
      expect(readBack.position).toBe(bytes.length);
      expect(bytes.length).toBe(values.reduce((sum, each) => sum + varintSize(each), 0));
      const skipped = new VarintReader(bytes, place);
      for (let i = 0; i < values.length; i++) skipped.skip();
      expect(skipped.position).toBe(bytes.length);
    }),
    { numRuns: 500 },
  );
});

test("what does not end, or is too large, is an error of that place", () => {
  for (const hex of [
    "",
    "80",
    "ff",
    "ffff",
    "8080808080",
    "ffffffffffffffffffff01",
    "80808080808080808080808080",
  ]) {
    expect(() => reader(hex).read(), hex).toThrow(
      'topic "t", partition 0, offset 17 is damaged: an integer does not end',
    );
    expect(() => reader(hex).skip(), hex).toThrow("an integer does not end");
  }
  // 2^53 and the largest of 64 bits.
  for (const hex of ["8080808080808020", "feffffffffffffffff01"]) {
    expect(() => reader(hex).read(), hex).toThrow("an integer is above 2^53");
    const skipped = reader(hex);
    skipped.skip();
    expect(skipped.position).toBe(hex.length / 2);
  }
});

test("a longer form than needed is the same number", () => {
  expect(reader("8000").read()).toBe(0);
  expect(reader("83808000").read()).toBe(-2);
});

test("a length reaches no further than the end", () => {
  expect(reader("01").readLength()).toBe(-1);
  expect(reader("04aaaa").readLength()).toBe(2);
  expect(() => reader("06aaaa").readLength()).toThrow("a length of 3 stands 2 bytes before its end");
  expect(() => reader("03aaaa").readLength()).toThrow("a length of -2 stands 2 bytes before its end");
  expect(() => reader("feffffff0f").readLength()).toThrow("a length of 2147483647 stands 0 bytes");
});
