import fc from "fast-check";
import { expect, test } from "vitest";
import { readTaggedGtid } from "../../../src/capture/raw-gtid.ts";
import { parseTaggedGtidEvent } from "../../../src/capture/tagged-gtid.ts";
import { isSyncError } from "../../../src/types/errors.ts";

/** An integer as MySQL's serialization writes it, in the fewest bytes. */
function integer(value: bigint): number[] {
  for (let more = 0; more < 8; more++) {
    if (value >= 1n << BigInt(7 * (more + 1))) continue;
    const whole = (value << BigInt(more + 1)) | ((1n << BigInt(more)) - 1n);
    return Array.from({ length: more + 1 }, (_, i) => Number((whole >> BigInt(8 * i)) & 0xffn));
  }
  return [0xff, ...Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))];
}

interface Parts {
  readonly uuid: Uint8Array;
  readonly number: bigint;
  readonly tag: string;
  readonly immediateUs: bigint;
  readonly originalUs: bigint | null;
  readonly needed?: number;
  readonly version?: number;
  /** Fields that only a newer server writes. */
  readonly newer?: readonly number[];
}

function message(parts: Parts): Uint8Array {
  const { uuid, number, tag, immediateUs, originalUs, needed = 7, version = 1, newer = [] } = parts;
  const field = (id: number, ...bytes: readonly number[]): number[] => [...integer(BigInt(id)), ...bytes];
  const fields = [
    ...integer(BigInt(needed)),
    ...field(0, ...integer(1n)),
    ...field(1, ...[...uuid].flatMap((byte) => integer(BigInt(byte)))),
    ...field(2, ...integer(number * 2n)),
    ...field(3, ...integer(BigInt(tag.length)), ...Buffer.from(tag)),
    ...field(4, ...integer(12n)),
    ...field(5, ...integer(14n)),
    ...field(6, ...integer(immediateUs)),
    ...(originalUs === null ? [] : field(7, ...integer(originalUs))),
    ...field(8, ...integer(400n)),
    ...newer,
  ];
  const size = fields.length + 1 + integer(BigInt(fields.length + 3)).length;
  return Uint8Array.from([...integer(BigInt(version)), ...integer(BigInt(size)), ...fields]);
}

const parts = fc.record({
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  number: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
  tag: fc.stringMatching(/^[a-z_][a-z0-9_]{0,31}$/),
  immediateUs: fc.bigInt({ min: 1n, max: 2n ** 52n }),
  originalUs: fc.option(fc.bigInt({ min: 1n, max: 2n ** 52n })),
});

test("A43: a tagged GTID is read, and both readers agree", () => {
  fc.assert(
    fc.property(parts, (all) => {
      const bytes = message(all);
      const read = parseTaggedGtidEvent(bytes, 0, bytes.length);
      const hex = Buffer.from(all.uuid).toString("hex");
      expect(read.origin.replaceAll("-", "")).toBe(`${hex}:${all.tag}`);
      expect([read.number, read.commitUs]).toEqual([all.number, Number(all.originalUs ?? all.immediateUs)]);
      const raw = readTaggedGtid(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
      expect(raw).toEqual({ gtid: `${read.origin}:${read.number}`, commitUs: read.commitUs, isBegin: false });
    }),
  );
});

const ONE: Parts = { uuid: new Uint8Array(16), number: 1n, tag: "t", immediateUs: 5n, originalUs: null };

test("A43: what a newer server adds is passed over, unless it says that it must be known", () => {
  const added = message({ ...ONE, newer: [12 << 1, 1, 2, 3] });
  expect(parseTaggedGtidEvent(added, 0, added.length).number).toBe(1n);
  const needed = message({ ...ONE, needed: 13, newer: [12 << 1, 1, 2, 3] });
  expect(() => parseTaggedGtidEvent(needed, 0, needed.length)).toThrow("a field 12 that has to be known");
  const version = message({ ...ONE, version: 2 });
  expect(() => parseTaggedGtidEvent(version, 0, version.length)).toThrow("tagged GTID with version 2");
});

test("A43: whatever is changed in it, it is read or ends with an operating error", () => {
  fc.assert(
    fc.property(
      parts,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      (all, place, flip, isCut) => {
        const whole = message(all);
        const at = place % whole.length;
        const bytes = isCut ? whole.subarray(0, at) : Uint8Array.from(whole);
        if (!isCut) bytes[at] = (bytes[at] ?? 0) ^ flip;
        try {
          parseTaggedGtidEvent(bytes, 0, bytes.length);
        } catch (error) {
          expect(isSyncError(error), String(error)).toBe(true);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
