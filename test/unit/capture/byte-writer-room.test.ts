import { expect, test } from "vitest";
import { ByteWriter, writeJsonString, writeLatin1String } from "../../../src/capture/byte-writer.ts";

/** Long enough that the writers count what they need. */
const LONG = 1 << 16;

test("a long text takes no more room than it needs", () => {
  const writer = new ByteWriter(16);
  const text = Buffer.alloc(10 * LONG, "a");
  const end = writeJsonString(writer, 0, text, 0, text.length);
  expect(end).toBe(text.length + 2);
  expect(writer.bytes.length).toBe(text.length + 2);
});

test.each(["a", "\0", "\u001f", '"', "\\", "\n", "é", "日本", "🐬", 'mixed \t "é🐬" \\'])(
  "long texts of %j are written whole",
  (part) => {
    const text = part.repeat(Math.ceil(LONG / Buffer.byteLength(part)));
    const source = Buffer.from(`ab${text}`, "utf8");
    const writer = new ByteWriter(16);
    const end = writeJsonString(writer, 0, source, 2, source.length);
    expect(Buffer.from(writer.bytes.subarray(0, end)).toString("utf8") === JSON.stringify(text)).toBe(true);
  },
);

test("long latin1 texts are written whole", () => {
  for (const byte of [0x00, 0x22, 0x41, 0x80, 0xe9, 0xff]) {
    const source = Buffer.alloc(LONG, byte);
    const writer = new ByteWriter(16);
    const end = writeLatin1String(writer, 0, source, 0, source.length);
    const expected = new TextDecoder("windows-1252").decode(source);
    const written = Buffer.from(writer.bytes.subarray(0, end)).toString("utf8");
    expect(JSON.parse(written) === expected).toBe(true);
  }
});
