import { expect, test } from "vitest";
import { murmur2, partitionOf } from "../../../../src/channel/kafka/murmur2.ts";

/** From org.apache.kafka.common.utils.Utils: hash, and the partition of twelve. */
const GOLDEN: readonly (readonly [string, number, number])[] = [
  ["", 275646681, 9],
  ["a", -1563381124, 4],
  ["ab", 316155434, 2],
  ["abc", 479470107, 3],
  ["abcd", -1323649548, 8],
  ["foobar", -790332482, 6],
  ['{"id":1000001}', -888320104, 4],
  ["a-little-bit-long-string", -985981536, 8],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, 5],
  ["grün", 350648321, 5],
  ["\0\0\0\0", 850957120, 4],
];

/** Bytes from 255 down, so many. */
const FALLING: readonly (readonly [number, number])[] = [
  [1, -311467685],
  [2, 1717632651],
  [3, 998637092],
  [5, 524068735],
  [6, -1374838545],
  [7, -166236347],
  [255, -788971837],
  [256, -1141900935],
];

test("K17: hashes and partitions are those of the Java client", () => {
  for (const [text, hash, partition] of GOLDEN) {
    const bytes = Buffer.from(text);
    expect(murmur2(bytes, 0, bytes.length)).toBe(hash);
    expect(partitionOf(bytes, 0, bytes.length, 12)).toBe(partition);
  }
  for (const [length, hash] of FALLING) {
    const bytes = Uint8Array.from({ length }, (_, i) => 255 - i);
    expect(murmur2(bytes, 0, length)).toBe(hash);
  }
});

test("only the range counts", () => {
  const bytes = Buffer.from("...foobar...");
  expect(murmur2(bytes, 3, 9)).toBe(-790332482);
  expect(partitionOf(bytes, 3, 9, 1)).toBe(0);
});
