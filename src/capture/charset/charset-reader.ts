/**
 * What the bytes of a character set mean, asked of the server: it converts every sequence that there can be to UTF-8.
 * That is some 25,000 short texts for a set of two bytes, which take a tenth of a second.
 */
import type { TextCharset } from "../../types/table-schema.ts";
import { isPlainCharset } from "../../types/table-schema.ts";
import type { MysqlConnection } from "../connection.ts";
import { treeOf, type CharsetTable, type UnitForm } from "./charset-table.ts";

const UNITS: ReadonlySet<string> = new Set<UnitForm>(["ucs2", "utf16", "utf16le", "utf32"]);

/** Sets of two bytes and more; all others have one. */
const WIDE: ReadonlySet<string> = new Set([
  ...["big5", "cp932", "euckr", "gb2312", "gbk", "sjis", "ujis", "eucjpms", "gb18030"],
]);

/** The range of each byte of a sequence, both ends included. */
type Ranges = readonly (readonly [number, number])[];

const ONE: Ranges = [[0x00, 0xff]];
const TWO: Ranges = [
  [0x80, 0xff],
  [0x40, 0xff],
];
/** JIS X 0212, behind a byte of its own. */
const JIS_0212: Ranges = [
  [0x8f, 0x8f],
  [0xa1, 0xfe],
  [0xa1, 0xfe],
];
/** Those of the first 65,536 characters that have no two bytes. */
const GB_FOUR: Ranges = [
  [0x81, 0x84],
  [0x30, 0x39],
  [0x81, 0xfe],
  [0x30, 0x39],
];

const rangesOf = (charset: string): readonly Ranges[] => {
  if (!WIDE.has(charset)) return [ONE];
  if (charset === "gb18030") return [ONE, TWO, GB_FOUR];
  return charset === "ujis" || charset === "eucjpms" ? [ONE, TWO, JIS_0212] : [ONE, TWO];
};

/** Tables for those of the character sets that take one. */
export async function readCharsets(
  connection: MysqlConnection,
  names: Iterable<TextCharset>,
): Promise<readonly (readonly [string, CharsetTable])[]> {
  const tables: (readonly [string, CharsetTable])[] = [];
  for (const name of new Set(names)) {
    if (!isPlainCharset(name)) tables.push([name, await readCharset(connection, name)]);
  }
  return tables;
}

async function readCharset(connection: MysqlConnection, name: string): Promise<CharsetTable> {
  if (UNITS.has(name)) return { form: "units", units: name as UnitForm };
  const codes: { readonly bytes: Uint8Array; readonly point: number }[] = [];
  /** Whole characters: what begins with one is not one of more bytes. */
  const singles = new Set<number | undefined>();
  for (const ranges of rangesOf(name)) {
    for (const [hex, text] of await connection.query(selectCodes(name, ranges))) {
      const bytes = Buffer.from(hex ?? "", "hex");
      if (singles.has(bytes[0])) continue;
      const characters = Array.from(Buffer.from(text ?? "", "hex").toString("utf8"));
      const point = characters.length === 1 ? (characters[0]?.codePointAt(0) ?? 0) : NO_POINT;
      // What stands for no character is printed as a question mark, or as the sign for such.
      const isOne =
        point !== NO_POINT && point !== REPLACEMENT && (point !== QUESTION || bytes[0] === QUESTION);
      if (isOne) codes.push({ bytes, point });
    }
    for (const { bytes } of codes) if (bytes.length === 1) singles.add(bytes[0]);
  }
  return treeOf(codes, name === "gb18030");
}

const NO_POINT = -1;
const QUESTION = 0x3f;
const REPLACEMENT = 0xfffd;

/** Each sequence of these ranges that the server takes for a text of the set, and its UTF-8, both in hex. */
function selectCodes(charset: string, ranges: Ranges): string {
  const from = ranges.map((_, i) => `byte b${i}`).join(", ");
  const where = ranges.map(([low, high], i) => `b${i}.n BETWEEN ${low} AND ${high}`).join(" AND ");
  const code = `CHAR(${ranges.map((_, i) => `b${i}.n`).join(", ")})`;
  return (
    `WITH RECURSIVE byte AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM byte WHERE n < 255), ` +
    `codes AS (SELECT HEX(${code}) AS code, CONVERT(CONVERT(${code} USING ${charset}) USING utf8mb4) AS text FROM ${from} WHERE ${where}) ` +
    `SELECT code, HEX(text) FROM codes WHERE text IS NOT NULL`
  );
}
