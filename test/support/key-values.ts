import fc from "fast-check";

/** A type that a key column can have, and SQL literals of its values. */
export interface KeyType {
  readonly definition: string;
  readonly literal: fc.Arbitrary<string>;
}

const integers = (min: bigint, max: bigint): fc.Arbitrary<string> =>
  fc
    .oneof(fc.bigInt({ min, max }), fc.bigInt({ min: -9n, max: 9n }), fc.constantFrom(min, max))
    .filter((value) => value >= min && value <= max)
    .map(String);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Texts that collations treat in different ways: case, accents, blanks at the end, contractions, emoji. */
const LETTERS = [
  "a",
  "A",
  "b",
  "ä",
  "Ä",
  "ß",
  "ss",
  "s",
  "c",
  "ch",
  "é",
  "z",
  " ",
  "_",
  "%",
  "'",
  "\\",
  "\0",
  "\n",
];
const WIDE = ["日", "本", "ﬃ", "İ", "ı", "\u0301", "\u2028"];

const text = (charset: string, letters: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...letters), { maxLength: 5 })
    .map((parts) => `CONVERT(_utf8mb4 X'${hex(Buffer.from(parts.join("")))}' USING ${charset})`);

const binary = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(0, 1, 0x20, 0x27, 0x5c, 0x61, 0x80, 0xff), { maxLength: length })
    .map((bytes) => `X'${hex(Uint8Array.from(bytes))}'`);

const quoted = (...texts: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...texts.map((value) => `'${value}'`));

const pad = (value: number, width: number): string => String(value).padStart(width, "0");
const natural = (max: number): fc.Arbitrary<number> => fc.nat({ max });

const date = fc
  .tuple(fc.constantFrom(0, 1, 1969, 1970, 2000, 2024, 9999), natural(12), natural(31))
  .map(([y, m, d]) => `${pad(y, 4)}-${pad(m, 2)}-${pad(d, 2)}`);
const clock = fc
  .tuple(natural(23), natural(59), natural(59), natural(999_999))
  .map(([h, m, s, us]) => `${pad(h, 2)}:${pad(m, 2)}:${pad(s, 2)}.${pad(us, 6)}`);

export const KEY_TYPES = {
  tinyint: { definition: "TINYINT", literal: integers(-128n, 127n) },
  bigint: { definition: "BIGINT", literal: integers(-(2n ** 63n), 2n ** 63n - 1n) },
  unsigned: { definition: "BIGINT UNSIGNED", literal: integers(0n, 2n ** 64n - 1n) },
  zerofill: { definition: "INT(9) ZEROFILL", literal: integers(0n, 2n ** 32n - 1n) },
  decimal: {
    definition: "DECIMAL(30,5)",
    literal: integers(-(10n ** 29n), 10n ** 29n).map((value) => `${value} / 100000`),
  },
  bit: { definition: "BIT(64)", literal: integers(0n, 2n ** 64n - 1n) },
  year: { definition: "YEAR", literal: fc.constantFrom("0", "1901", "1970", "2000", "2069", "2155") },
  date: { definition: "DATE", literal: date.map((value) => `'${value}'`) },
  time: {
    definition: "TIME(6)",
    literal: fc
      .tuple(fc.constantFrom("", "-"), fc.constantFrom("", "8"), clock)
      .map(([sign, hundreds, value]) => `'${sign}${hundreds}${value}'`),
  },
  timeOfSeconds: {
    definition: "TIME",
    literal: quoted("-838:59:59", "-00:00:01", "00:00:00", "838:59:59", "12:34:56"),
  },
  datetime: {
    definition: "DATETIME(6)",
    literal: fc.tuple(date, clock).map(([day, value]) => `'${day} ${value}'`),
  },
  timestamp: {
    definition: "TIMESTAMP(3)",
    literal: fc.oneof(
      fc
        .integer({ min: 1, max: 2 ** 31 - 1 })
        .map((seconds) => `'${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")}.5'`),
      quoted("0000-00-00 00:00:00"),
    ),
  },
  varchar: {
    definition: "VARCHAR(40) COLLATE utf8mb4_0900_ai_ci",
    literal: text("utf8mb4", [...LETTERS, ...WIDE, "🐬"]),
  },
  padded: {
    definition: "VARCHAR(40) COLLATE utf8mb4_general_ci",
    literal: text("utf8mb4", [...LETTERS, ...WIDE, "🐬"]),
  },
  unicode: {
    definition: "VARCHAR(40) COLLATE utf8mb4_unicode_520_ci",
    literal: text("utf8mb4", [...LETTERS, ...WIDE, "🐬"]),
  },
  czech: {
    definition: "VARCHAR(40) COLLATE utf8mb4_cs_0900_ai_ci",
    literal: text("utf8mb4", [...LETTERS, ...WIDE]),
  },
  bin: {
    definition: "VARCHAR(40) COLLATE utf8mb4_bin",
    literal: text("utf8mb4", [...LETTERS, ...WIDE, "🐬"]),
  },
  utf8mb3: {
    definition: "VARCHAR(40) CHARACTER SET utf8mb3",
    literal: text("utf8mb3", [...LETTERS, ...WIDE]),
  },
  german: { definition: "VARCHAR(40) COLLATE latin1_german2_ci", literal: text("latin1", LETTERS) },
  chinese: {
    definition: "VARCHAR(40) CHARACTER SET gbk",
    literal: text("gbk", ["a", "A", " ", "'", "\\", "日", "本", "语", "乙"]),
  },
  shiftJis: {
    definition: "CHAR(20) CHARACTER SET sjis COLLATE sjis_bin",
    literal: text("sjis", ["a", " ", "\\", "日", "表", "ｱ", "ソ"]),
  },
  utf16: {
    definition: "VARCHAR(40) CHARACTER SET utf16",
    literal: text("utf16", [...LETTERS, ...WIDE, "🐬"]),
  },
  ascii: {
    definition: "CHAR(9) CHARACTER SET ascii",
    literal: text("ascii", ["a", "A", "b", " ", "'", "\\", "\0"]),
  },
  char: { definition: "CHAR(20) COLLATE utf8mb4_0900_as_cs", literal: text("utf8mb4", [...LETTERS, "🐬"]) },
  binary: { definition: "BINARY(3)", literal: binary(3) },
  varbinary: { definition: "VARBINARY(9)", literal: binary(6) },
  enum: { definition: "ENUM('z', 'a', 'M', 'b', '', '10', '9')", literal: fc.nat({ max: 7 }).map(String) },
  set: { definition: "SET('z', 'a', 'M', 'b')", literal: fc.nat({ max: 15 }).map(String) },
  longSet: {
    definition: `SET(${Array.from({ length: 12 }, (_, i) => `'m${i}'`).join(", ")})`,
    literal: fc.nat({ max: 4095 }).map(String),
  },
  double: {
    definition: "DOUBLE",
    literal: fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => `${v + 0}`),
  },
} as const satisfies Record<string, KeyType>;

export type KeyTypeName = keyof typeof KEY_TYPES;
