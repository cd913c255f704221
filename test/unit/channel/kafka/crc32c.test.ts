import { expect, test } from "vitest";
import { crc32c } from "../../../../src/channel/kafka/crc32c.ts";

const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 31 + (i >> 8));

/** As the definition has it: one bit at a time. */
function bitwise(from: number, to: number): number {
  let c = -1;
  for (let p = from; p < to; p++) {
    c ^= bytes[p] as number;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  }
  return ~c >>> 0;
}

test("the check value of the standard", () => {
  expect(crc32c(Buffer.from("123456789"), 0, 9)).toBe(0xe3069283);
});

test("as org.apache.kafka.common.utils.Crc32C computes it", () => {
  const golden = [
    [0, 0],
    [1, 1383945041],
    [9, 3863343790],
    [100, 2526449861],
    [8191, 1270847859],
    [8192, 821971761],
    [8200, 2016133950],
    [100_000, 326239591],
  ] as const;
  for (const [length, crc] of golden) expect(crc32c(bytes, 0, length)).toBe(crc);
  expect(crc32c(bytes, 5, 90_005)).toBe(1762350306);
});

test("every length and every start, folded or not", () => {
  for (let length = 0; length < 64; length++) {
    for (let from = 0; from < 9; from++)
      expect(crc32c(bytes, from, from + length)).toBe(bitwise(from, from + length));
  }
  // Two whole chunks more or less, with each number of words and bytes that may be left over.
  for (let length = 8100; length < 12_400; length += 13) {
    const from = length % 11;
    expect(crc32c(bytes, from, from + length)).toBe(bitwise(from, from + length));
  }
});

test("a view into a larger buffer", () => {
  const view = bytes.subarray(333, 60_333);
  expect(crc32c(view, 1, 59_999)).toBe(bitwise(334, 60_332));
});

test("one input after another leaves nothing behind", () => {
  const first = crc32c(bytes, 0, 50_000);
  crc32c(bytes, 7, 99_000);
  expect(crc32c(bytes, 0, 50_000)).toBe(first);
});
