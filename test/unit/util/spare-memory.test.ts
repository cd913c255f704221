import { expect, test } from "vitest";
import { releaseMemory } from "../../../src/util/release-memory.ts";
import { SpareMemory } from "../../../src/util/spare-memory.ts";

const MIB = 1 << 20;

const made = (): { readonly spare: SpareMemory<ArrayBuffer>; readonly sizes: readonly number[] } => {
  const sizes: number[] = [];
  const spare = new SpareMemory((bytes) => {
    sizes.push(bytes);
    return new ArrayBuffer(bytes);
  });
  return { spare, sizes };
};

test("memory that was given is taken again, if it is of about the size", () => {
  const { spare, sizes } = made();
  const memory = spare.take(4 * MIB);
  spare.give(memory);
  expect(spare.take(4 * MIB + 1)).not.toBe(memory);
  expect(spare.take(MIB - 1)).not.toBe(memory);
  expect(spare.take(MIB)).toBe(memory);
  expect(spare.take(MIB)).not.toBe(memory);
  expect(sizes).toEqual([4 * MIB, 4 * MIB + 1, MIB - 1, MIB]);
});

test("what was given longest ago makes room for what is given", () => {
  const { spare } = made();
  const [first, second] = [spare.take(40 * MIB), spare.take(40 * MIB)];
  spare.give(first);
  spare.give(second);
  expect(spare.take(40 * MIB)).toBe(second);
  expect(spare.take(40 * MIB)).not.toBe(first);
  const small = Array.from({ length: 17 }, () => spare.take(8));
  for (const memory of small) spare.give(memory);
  expect(small.slice(1).map(() => spare.take(8))).toEqual(small.slice(1));
  expect(spare.take(8)).not.toBe(small[0]);
});

test("memory that is released is gone, and that of which these bytes are a later part is not", () => {
  const bytes = new Uint8Array(MIB);
  releaseMemory(bytes.subarray(1));
  releaseMemory(new Uint8Array(new SharedArrayBuffer(MIB)));
  expect(bytes).toHaveLength(MIB);
  releaseMemory(bytes.subarray(0, 8));
  expect(bytes).toHaveLength(0);
  const small = new Uint8Array(8);
  releaseMemory(small);
  expect(small).toHaveLength(8);
});
