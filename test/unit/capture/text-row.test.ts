import fc from "fast-check";
import { expect, test } from "vitest";
import { textRow } from "../../../src/capture/text-row.ts";
import { textPacket } from "../../support/text-packet.ts";

test("a packet gives back the values that it was made of", () => {
  const value = fc.constantFrom(null, "", "a", "é🐬\0", "x".repeat(250), "y".repeat(251));
  fc.assert(
    fc.property(fc.array(value), fc.nat(20), (values, offset) => {
      const packet = textPacket(values);
      const shifted = Buffer.concat([Buffer.alloc(offset, 0xfb), packet, Buffer.alloc(3)]);
      expect(textRow(shifted, offset, offset + packet.length)).toEqual(values);
    }),
  );
});

test("lengths in all of the protocol's forms", () => {
  const lengths = [0, 250, 251, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216];
  const values = lengths.map((length) => "a".repeat(length));
  const packet = textPacket(values);
  expect(textRow(packet, 0, packet.length).map((value) => value?.length)).toEqual(lengths);
});

test("a value that ends behind its packet is an error", () => {
  const packet = textPacket(["abc"]);
  expect(() => textRow(packet, 0, packet.length - 1)).toThrow(RangeError);
});
