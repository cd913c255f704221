import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bucketCountFor,
  bucketOf,
  hashValues,
  javaListHash,
  javaStringHash,
} from "../../../src/lake/bucket.ts";

describe("Java's hashes", () => {
  test.each([
    [["1"], 80],
    [["42"], 1693],
    [["1", "2"], 2530],
    [["a", null], 3968],
    [[""], 31],
    [[], 1],
    [["日本"], 835078],
  ])("of the list %j is %i", (values, hash) => {
    expect(javaListHash(values)).toBe(hash);
  });

  test("count a character beyond 16 bits as two", () => {
    expect(javaStringHash("😀")).toBe(0xd83d * 31 + 0xde00);
  });

  test("wrap at 32 bits", () => {
    expect(javaStringHash("polygenelubricants") | 0).toBe(-2147483648);
  });
});

describe("the bucket of a record key", () => {
  test.each([
    ["1", ["id"], 16, 0],
    ["42", ["id"], 16, 13],
    ["a:1,b:2", ["a", "b"], 16, 2],
    ["日本", ["id"], 256, 6],
  ])("%s in %i buckets", (key, columns, buckets, bucket) => {
    expect(bucketOf(key, columns, buckets)).toBe(bucket);
  });

  test("drops the sign of the hash and not its value", () => {
    expect(bucketOf("polygenelubricants", ["id"], 7)).toBe(((31 + 0x80000000) & 0x7fffffff) % 7);
  });

  test("lies among the buckets", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1 }),
        fc.integer({ min: 1, max: 500 }),
        (key, n) => {
          const bucket = bucketOf(key, ["id"], n);
          return Number.isInteger(bucket) && bucket >= 0 && bucket < n;
        },
      ),
    );
  });
});

describe("the values that Hudi takes out of a record key", () => {
  test.each([
    ["1", ["id"], ["1"]],
    ["a:b,c", ["id"], ["a:b,c"]],
    ["a:1,b:2", ["a", "b"], ["1", "2"]],
    ["a:x,y,b:2", ["a", "b"], ["x,y", "2"]],
    ["a:12:30:00,b:2", ["a", "b"], ["12:30:00", "2"]],
    ["a:1,b:2014-10-22 13:50:42", ["a", "b"], ["1", "2014-10-22 13:50:42"]],
    ["a:__empty__,b:__null__", ["a", "b"], ["", null]],
    // A comma before a colon: the rest looks like a column of another name.
    ["a:x,y:z,b:2", ["a", "b"], ["x", "2"]],
    ["a:1,b:x,y:z", ["a", "b"], ["1", "x"]],
  ])("%s", (key, columns, values) => {
    expect(hashValues(key, columns)).toEqual(values);
  });
});

describe("the number of buckets", () => {
  test.each([
    [0, 1],
    [1, 1],
    [128 * 1024 ** 2, 1],
    [128 * 1024 ** 2 + 1, 2],
    [10 * 1024 ** 3, 80],
    [1024 ** 5, 4096],
  ])("for %i bytes is %i", (bytes, count) => {
    expect(bucketCountFor(bytes)).toBe(count);
  });
});
