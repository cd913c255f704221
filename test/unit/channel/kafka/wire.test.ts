import { expect, test } from "vitest";
import { WireReader, WireWriter } from "../../../../src/channel/kafka/wire.ts";

/** Longer than the memory that a request begins with. */
const LENGTHS = Array.from({ length: 600 }, (_, length) => length);

test.each([
  ["int8", (w: WireWriter) => w.int8(-7), (r: WireReader) => r.int8(), -7],
  ["bool", (w: WireWriter) => w.bool(true), (r: WireReader) => r.bool(), true],
  ["int16", (w: WireWriter) => w.int16(-300), (r: WireReader) => r.int16(), -300],
  ["int32", (w: WireWriter) => w.int32(-70_000), (r: WireReader) => r.int32(), -70_000],
  ["int64", (w: WireWriter) => w.int64(2 ** 52), (r: WireReader) => r.int64(), 2 ** 52],
  ["a short varint", (w: WireWriter) => w.unsignedVarint(5), (r: WireReader) => r.unsignedVarint(), 5],
  [
    "a long varint",
    (w: WireWriter) => w.unsignedVarint(2 ** 31),
    (r: WireReader) => r.unsignedVarint(),
    2 ** 31,
  ],
  ["a text", (w: WireWriter) => w.compactString("é"), (r: WireReader) => r.compactString(), "é"],
] as const)("%s is whole wherever it stands in a request", (_name, write, read, value) => {
  for (const length of LENGTHS) {
    const writer = new WireWriter();
    writer.raw(Buffer.alloc(length));
    write(writer);
    writer.int32(42);
    const reader = new WireReader(Buffer.concat(writer.pieces()), "test");
    reader.raw(length);
    expect([read(reader), reader.int32()]).toEqual([value, 42]);
  }
});
