import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BytesHash } from "../../../src/types/bytes-hash.ts";

const hash = new BytesHash();

function hashOf(bytes: Uint8Array, seed: { readonly high: number; readonly low: number }): string {
  hash.begin(seed.high, seed.low);
  hash.update(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
  return `${hash.high.toString(16).padStart(8, "0")}${hash.low.toString(16).padStart(8, "0")}`;
}

const SEED = { high: 1, low: 2 };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const bitsOf = (hex: string): bigint => BigInt(`0x${hex}`);
const distance = (a: string, b: string): number =>
  (bitsOf(a) ^ bitsOf(b)).toString(2).replaceAll("0", "").length;

describe("the hash of bytes", () => {
  test("is the same for ever, since commits carry sums of it", () => {
    expect(["", "a", "12345678", '{"id":1,"v":"x"}'].map((value) => hashOf(text(value), SEED))).toEqual([
      "51fe07f41e0b5bc1",
      "d56c4e0cfd167f39",
      "54e6e72ac6af79f7",
      "16ae458d5203ce0a",
    ]);
  });

  test("changes half of its bits with any bit of the bytes or the seed, and with the length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(), (bytes, at) => {
        const before = hashOf(bytes, SEED);
        const others = [hashOf(bytes, { ...SEED, high: 3 }), hashOf(bytes, { ...SEED, low: 0x80000002 })];
        others.push(hashOf(Uint8Array.of(...bytes, 0), SEED));
        if (bytes.length > 0) {
          const flipped = Uint8Array.from(bytes);
          const bit = at % (bytes.length * 8);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          others.push(hashOf(flipped, SEED));
        }
        for (const other of others) expect(distance(before, other)).toBeGreaterThan(8);
      }),
      { numRuns: 2000 },
    );
  });

  test("does not depend on where the bytes lie", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (bytes, offset) => {
        const moved = new Uint8Array(offset + bytes.length + 3).fill(0xaa);
        moved.set(bytes, offset);
        hash.begin(SEED.high, SEED.low);
        hash.update(new DataView(moved.buffer), offset, offset + bytes.length);
        const { high, low } = hash;
        hash.begin(SEED.high, SEED.low);
        hash.update(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length);
        expect([hash.high, hash.low]).toEqual([high, low]);
      }),
    );
  });

  test("tells a hundred thousand rows apart that differ by a digit", () => {
    const seen = new Set<string>();
    for (let i = 0; i < 100_000; i++) seen.add(hashOf(text(`{"id":${i},"price":"0.00"}`), SEED));
    expect(seen.size).toBe(100_000);
  });
});
