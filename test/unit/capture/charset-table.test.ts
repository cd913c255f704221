import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../../src/capture/byte-writer.ts";
import {
  decodeText,
  textWriter,
  treeOf,
  type CharsetTable,
} from "../../../src/capture/charset/charset-table.ts";
import { isSyncError } from "../../../src/types/errors.ts";

const written = (table: CharsetTable, bytes: Uint8Array): string => {
  const w = new ByteWriter(1);
  const end = textWriter(table, "d.t.c")(w, 0, bytes, 0, bytes.length);
  return Buffer.from(w.bytes.subarray(0, end)).toString("utf8");
};

/** Every sequence of one to three bytes that does not begin another one. */
const codes = fc
  .uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 60,
    selector: (bytes) => Buffer.from(bytes).toString("hex"),
  })
  .map((all) => {
    const hexes = all.map((bytes) => Buffer.from(bytes).toString("hex"));
    return all.filter((_, i) => !hexes.some((other, j) => i !== j && other.startsWith(hexes[i] ?? "")));
  })
  .filter((all) => all.length > 0);
const points = fc.integer({ min: 0, max: 0x10ffff }).filter((point) => point < 0xd800 || point > 0xdfff);

test("B98: a text is the characters of its sequences, whatever their lengths", () => {
  fc.assert(
    fc.property(
      codes,
      fc.infiniteStream(points),
      fc.array(fc.nat(), { maxLength: 40 }),
      (all, stream, order) => {
        const pointFor = (bytes: Uint8Array): number => {
          const point = stream.next().value as number;
          return bytes.length === 1 && point > 0xffff ? point & 0x7fff : point;
        };
        const table = treeOf(all.map((bytes) => ({ bytes, point: pointFor(bytes) })));
        const one = all.map((bytes) => decodeText(table, bytes, ""));
        const chosen = order.map((i) => i % all.length);
        const bytes = Buffer.concat(chosen.map((i) => all[i] ?? new Uint8Array()));
        const text = chosen.map((i) => one[i]).join("");
        expect(decodeText(table, bytes, "")).toBe(text);
        expect(written(table, bytes)).toBe(text);
      },
    ),
  );
});

test.for<["utf16" | "utf16le" | "utf32", (text: string) => Buffer]>([
  ["utf16le", (text) => Buffer.from(text, "utf16le")],
  ["utf16", (text) => Buffer.from(text, "utf16le").swap16()],
  [
    "utf32",
    (text) => {
      const all = Array.from(text).map((one) => one.codePointAt(0) ?? 0);
      const bytes = Buffer.alloc(all.length * 4);
      all.forEach((point, i) => bytes.writeUInt32BE(point, i * 4));
      return bytes;
    },
  ],
])("B98: %s", ([units, encode]) => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(written({ form: "units", units }, encode(text))).toBe(text);
    }),
  );
});

test.for<[string, CharsetTable, number[]]>([
  ["an unknown byte", treeOf([{ bytes: Uint8Array.of(1), point: 65 }]), [1, 2, 3, 4, 5, 6]],
  ["half of a character at the end", treeOf([{ bytes: Uint8Array.of(2, 3), point: 65 }]), [2, 3, 2]],
  ["half of a pair", { form: "units", units: "utf16" }, [0, 65, 0xd8, 0, 0, 65]],
  ["the second half of a pair", { form: "units", units: "utf16" }, [0xdc, 0]],
  ["one byte of two", { form: "units", units: "utf16le" }, [65, 0, 65]],
  ["a surrogate where there are no pairs", { form: "units", units: "ucs2" }, [0xd8, 0]],
  ["no code point", { form: "units", units: "utf32" }, [0, 0x11, 0, 0]],
  ["a number beyond GB18030", treeOf([], true), [0xe3, 0x32, 0x9a, 0x36]],
])("B99 B101: %s is named with its column and place", ([, table, bytes]) => {
  const read = (): unknown => written(table, Uint8Array.from(bytes));
  expect(read).toThrow(
    /^d\.t\.c holds X'[0-9a-f]{2,8}' at byte \d of a text, which Unicode has no character for$/,
  );
  expect(() => decodeText(table, Uint8Array.from(bytes), "x")).toThrow("x holds X'");
});

test("B101: any bytes are a text or an operating error", () => {
  const tables: CharsetTable[] = [
    treeOf([{ bytes: Uint8Array.of(0x81, 0x30, 0x81, 0x30), point: 0x80 }], true),
    ...(["ucs2", "utf16", "utf16le", "utf32"] as const).map((units) => ({ form: "units" as const, units })),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...tables), fc.uint8Array({ maxLength: 20 }), (table, bytes) => {
      try {
        written(table, bytes);
      } catch (error) {
        expect(isSyncError(error, "TABLE_VALUE"), String(error)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});
