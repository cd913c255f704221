import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CompactWriter } from "../../../src/lake/thrift-compact.ts";
import { InvariantError } from "../../../src/util/assert.ts";

describe("a number of Thrift", () => {
  /** Undoes varint and zigzag behind the header of the field, as the format describes them. */
  function decoded(bytes: Uint8Array): bigint {
    let sum = 0n;
    bytes.subarray(1).forEach((byte, i) => {
      expect(byte >= 0x80).toBe(i < bytes.length - 2);
      sum |= BigInt(byte & 0x7f) << BigInt(7 * i);
    });
    return (sum >> 1n) ^ -(sum & 1n);
  }

  function written(value: number): Uint8Array {
    const out = new CompactWriter(1);
    out.i64(1, value);
    return out.bytes();
  }

  test.each([
    [0, [0]],
    [-1, [1]],
    [1, [2]],
    [63, [126]],
    [64, [0x80, 1]],
    [2 ** 31, [0x80, 0x80, 0x80, 0x80, 16]],
    [2 ** 40, [0x80, 0x80, 0x80, 0x80, 0x80, 64]],
  ])("%d is %j", (value, bytes) => {
    expect([...written(value)]).toEqual([0x16, ...bytes]);
  });

  test("is exact far beyond 32 bits", () => {
    const near = [6, 7, 13, 31, 32, 33, 40, 41, 48, 51].flatMap((bits) =>
      [-1, 0, 1, 12345].map((step) => 2 ** bits + step),
    );
    for (const value of [...near, 2 ** 52 - 1].flatMap((n) => [n, -n])) {
      expect(decoded(written(value))).toBe(BigInt(value));
    }
    fc.assert(
      fc.property(
        fc.maxSafeInteger().map((n) => Math.trunc(n / 2)),
        (n) => decoded(written(n)) === BigInt(n),
      ),
    );
  });

  test("is refused where it would not be exact", () => {
    for (const value of [2 ** 52, -(2 ** 52), 2 ** 60, 0.5, NaN]) {
      expect(() => written(value)).toThrow(InvariantError);
    }
  });
});

test.each([
  [14, [0xe5]],
  [15, [0xf5, 15]],
  [200, [0xf5, 0xc8, 1]],
])("a list of %d says how long it is", (length, header) => {
  const out = new CompactWriter(1);
  out.i32List(2, Array<number>(length).fill(-1));
  expect([...out.bytes()]).toEqual([0x29, ...header, ...Array<number>(length).fill(1)]);
});

test("a struct counts its fields from the beginning, and the one around it goes on", () => {
  const out = new CompactWriter(1);
  out.message(() => {
    out.i32(3, 1);
    out.struct(5, () => out.text(1, "é"));
    out.i64(7, 2);
  });
  expect([...out.bytes()]).toEqual([0x35, 2, 0x2c, 0x18, 2, 0xc3, 0xa9, 0, 0x26, 4, 0]);
  expect(() => out.i32(16, 0)).toThrow(InvariantError);
});
