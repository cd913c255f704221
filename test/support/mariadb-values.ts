import { ADDRESSES, TEMPORALS } from "./mariadb-moments.ts";
import { BASE64, filled, hex, NUMBER, scrambled, TEXT, unique, type ValueColumn } from "./value-pool.ts";

/**
 * Tables of MariaDB with its types in groups, and a pool of boundary values for each: no fewer than 40, in which
 * the ends of a range, what is next to them, next to zero and next to each power of two or ten stand as they are
 * found, and not by choice.
 */
export interface ValueGroup {
  readonly name: string;
  readonly columns: readonly ValueColumn[];
}

function integers(type: string, bits: bigint): readonly ValueColumn[] {
  const half = 1n << (bits - 1n);
  const around = (limit: bigint): bigint[] =>
    Array.from({ length: Number(bits) }, (_, i) => 1n << BigInt(i)).flatMap((power) =>
      [power - 1n, power, power + 1n].filter((value) => value <= limit),
    );
  const positive = around(half - 1n);
  const signed = [-half, half - 1n, ...positive, ...positive.map((value) => -value)];
  const unsigned = [2n * half - 1n, ...around(2n * half - 1n)];
  return [
    { name: `${type}_s`, definition: type, values: filled(signed.map(String), String), text: NUMBER },
    {
      name: `${type}_u`,
      definition: `${type} unsigned`,
      values: filled(unsigned.map(String), String),
      text: NUMBER,
    },
  ];
}

function decimals(precision: number, scale: number): ValueColumn {
  const point = (digits: string): string => {
    const padded = digits.padStart(scale + 1, "0");
    const cut = padded.length - scale;
    return scale === 0 ? padded : `${padded.slice(0, cut)}.${padded.slice(cut)}`;
  };
  const positive = Array.from({ length: precision }, (_, i) => [
    point(`1${"0".repeat(i)}`),
    point("9".repeat(i + 1)),
  ]).flat();
  return {
    name: `dec_${precision}_${scale}`,
    definition: `decimal(${precision},${scale})`,
    values: filled(
      ["0", ...positive, ...positive.map((value) => `-${value}`)].map((value) => `'${value}'`),
      (i) => `'${point(String(scrambled(i) % 10 ** Math.min(precision, 9)))}'`,
    ),
    text: `CONCAT('"', CAST($ AS CHAR), '"')`,
  };
}

const FLOATS = Array.from({ length: 20 }, (_, i) => [
  `1e${i - 10}`,
  `-1.2345678901234567e${i * 3 - 30}`,
]).flat();
const TRICKY = unique([
  "''",
  "' '",
  "'a'",
  "'A'",
  "'null'",
  "'  lead'",
  "'trail  '",
  "'\"quote\" \\\\ back'",
  "'\\n\\r\\t\\b'",
  "'a\\0b'",
  "'\\0'",
  "_utf8mb4 X'E280A8E280A9C285'",
  "_utf8mb4 X'EFBFBDEFBFBEEFBFBF'",
  "_utf8mb4 X'7F'",
  "_utf8mb4 X'C280'",
  "_utf8mb4 X'DFBF'",
  "_utf8mb4 X'E0A080'",
  "'zażółć gęślą jaźń'",
  "'日本語'",
  "'e\u0301 é'",
  "'ß'",
  "'İı'",
  "'_hoodie_ a:b,c:d __null__'",
  "'{\"json\": [1]}'",
  "'%20'",
  "'=1'",
  "'a,b'",
  "';'",
  "'--'",
  "'`'",
  "'$$'",
  "'0'",
  "'1e400'",
  "'-0'",
  "'true'",
  "REPEAT('x', 40)",
  "REPEAT('é', 20)",
  "REPEAT('ab', 20)",
  "'x'",
  "'zz'",
]);
const WITH_EMOJI = [...TRICKY, "'🐬'", "'👩‍👩‍👧🏳️‍🌈'", "_utf8mb4 X'F0908080'", "_utf8mb4 X'F48FBFBF'"];
const LONG = [...WITH_EMOJI, "REPEAT('0123456789 🐬', 2000)", "REPEAT('é', 5000)", "REPEAT('', 3)"];
const LATIN = filled(
  ["''", "'a'", "_latin1 X'8081828D8F909D9FA0FF'", "'naïve Ÿ €'", "REPEAT('abc', 13)"],
  (i) => `_latin1 X'${hex(i, 8)}'`,
);
const BYTES = filled(
  ["''", "X'00'", "X'0000'", "X'FF'", "X'C328'", "X'80'"],
  (i) => `X'${hex(i, (i % 16) + 1)}'`,
);

const textColumn = (name: string, definition: string, values: readonly string[]): ValueColumn => ({
  name,
  definition,
  values,
  text: TEXT,
});
const bytesColumn = (name: string, definition: string, values: readonly string[]): ValueColumn => ({
  name,
  definition,
  values,
  text: BASE64,
});

const TEXTS: readonly ValueColumn[] = [
  textColumn("ch", "char(60) character set utf8mb4", WITH_EMOJI),
  textColumn("vc", "varchar(400) character set utf8mb4 collate utf8mb4_uca1400_ai_ci", WITH_EMOJI),
  textColumn("v3", "varchar(60) character set utf8mb3", TRICKY),
  textColumn("la", "varchar(60) character set latin1", LATIN),
  textColumn("u2", "varchar(60) character set ucs2 collate ucs2_uca1400_as_cs", TRICKY),
  textColumn("u16", "varchar(60) character set utf16 collate utf16_uca1400_ai_ci", WITH_EMOJI),
  textColumn("u32", "text character set utf32 collate utf32_uca1400_ai_ci", WITH_EMOJI),
  textColumn("tt", "tinytext character set utf8mb4", WITH_EMOJI),
  textColumn("lt", "longtext character set utf8mb4", LONG),
  bytesColumn("bi", "binary(16)", BYTES),
  bytesColumn("vb", "varbinary(300)", BYTES),
  bytesColumn("bl", "blob", BYTES),
  bytesColumn("mb", "mediumblob", [...BYTES, "REPEAT(X'00FF80', 30000)"]),
];

const PACKED: readonly ValueColumn[] = [
  textColumn("pvc", "varchar(400) compressed character set utf8mb4", WITH_EMOJI),
  textColumn("pla", "varchar(60) compressed character set latin1", LATIN),
  textColumn("pu2", "text compressed character set ucs2", TRICKY),
  textColumn("plt", "longtext compressed character set utf8mb4", [...LONG, "REPEAT('abcd', 300)"]),
  bytesColumn("pvb", "varbinary(300) compressed", [...BYTES, "REPEAT(X'00', 300)"]),
  bytesColumn("pbl", "blob compressed", [...BYTES, "REPEAT(X'00FF80', 10000)", "REPEAT(X'41', 65535)"]),
  bytesColumn("ptb", "tinyblob compressed", [...BYTES, "REPEAT(X'41', 254)"]),
];

const SHAPES = filled(
  [
    "'POINT(1 -2.5)'",
    "'LINESTRING(0 0,1e300 -1e-300)'",
    "'POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))'",
    "'MULTIPOINT(0 0,1 1)'",
    "'MULTILINESTRING((0 0,1 1),(2 2,3 3))'",
    "'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'",
    "'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'",
    "'GEOMETRYCOLLECTION EMPTY'",
  ].flatMap((wkt) => [`ST_GeomFromText(${wkt})`, `ST_GeomFromText(${wkt}, 4326)`]),
  (i) => `ST_GeomFromText('POINT(${scrambled(i) / 7} ${-scrambled(i + 1) / 3})', ${i})`,
);

const JSONS = filled(
  [
    "'null'",
    "'{}'",
    "'[]'",
    "'true'",
    "'\"x\"'",
    "'-0.0'",
    "'1.0'",
    "'1e400'",
    "'18446744073709551616'",
    '\'{"b": 1,  "a": [1.50, {"é🐬": null}], "b": 2}\'',
    '\'{"__proto__": 1, "10": 2, "2": 3}\'',
    "' [ 1 , 2 ] '",
  ],
  (i) => `'{"k${i}": [${scrambled(i)}, "${hex(i, 3)}"]}'`,
);

const MEMBERS = Array.from(
  { length: 60 },
  (_, i) => `m ${i}${["", ",", "'", '"', "é", "🐬"][i % 6] ?? ""}`,
).map((m) => `'${m.replaceAll("'", "''")}'`);
const SET_MEMBERS = Array.from({ length: 64 }, (_, i) => `'s${i}${i % 5 === 0 ? "ż" : ""}'`);

const CHOICES: readonly ValueColumn[] = [
  {
    name: "en",
    definition: `enum('',${MEMBERS.join(",")}) character set utf8mb4`,
    values: ["''", ...MEMBERS],
    text: TEXT,
  },
  {
    name: "se",
    definition: `set(${SET_MEMBERS.join(",")}) character set utf8mb4`,
    values: filled(
      ["''", "0", "18446744073709551615", ...Array.from({ length: 64 }, (_, i) => String(1n << BigInt(i)))],
      String,
    ),
    text: TEXT,
  },
  textColumn("js", "json", JSONS),
  bytesColumn("ge", "geometry", SHAPES),
  bytesColumn(
    "po",
    "point",
    filled(
      ["'POINT(0 0)'", "'POINT(-90 180)'", "'POINT(1e300 -1e-300)'"].map(
        (wkt) => `ST_GeomFromText(${wkt}, 4326)`,
      ),
      (i) => `ST_GeomFromText('POINT(${scrambled(i) / 7} ${-scrambled(i + 1) / 3})', ${i})`,
    ),
  ),
  {
    name: "b1",
    definition: "bit(1)",
    values: filled(["0", "1"], (i) => `${i % 2} + ${"0 + ".repeat(i)} 0`),
    text: NUMBER,
  },
  {
    name: "b40",
    definition: "bit(40)",
    values: filled(["0", ...Array.from({ length: 40 }, (_, i) => String(2n ** BigInt(i)))], String),
    text: NUMBER,
  },
  {
    name: "b64",
    definition: "bit(64)",
    values: ["0", "18446744073709551615", ...Array.from({ length: 64 }, (_, i) => String(2n ** BigInt(i)))],
    text: NUMBER,
  },
];

export const VALUE_GROUPS: readonly ValueGroup[] = [
  {
    name: "numbers",
    columns: [
      ...(["tinyint", "smallint", "mediumint", "int", "bigint"] as const).flatMap((type, i) =>
        integers(type, [8n, 16n, 24n, 32n, 64n][i] as bigint),
      ),
      ...(
        [
          [2, 1],
          [9, 9],
          [10, 2],
          [18, 0],
          [19, 7],
          [38, 10],
          [38, 37],
          [65, 0],
          [65, 30],
          [65, 38],
        ] as const
      ).map(([p, s]) => decimals(p, s)),
      {
        name: "zf",
        definition: "decimal(8,3) zerofill",
        values: filled(["0", "1.5", "99999.999"], (i) => String(i * 17.125)),
        text: `CONCAT('"', CAST($ + 0 AS CHAR), '"')`,
      },
      {
        name: "fl",
        definition: "float",
        values: filled(
          [...FLOATS, "'-0'", "0.1", "3.4028234e38", "-3.4028234e38", "1e-45", "1.1754944e-38", "16777217"],
          String,
        ),
        text: "CAST($ * 1e0 AS CHAR)",
      },
      {
        name: "do",
        definition: "double",
        values: filled(
          [
            ...FLOATS,
            "'-0'",
            "0.1",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "9007199254740993",
          ],
          String,
        ),
        text: "CAST($ AS CHAR)",
      },
    ],
  },
  { name: "temporals", columns: TEMPORALS },
  { name: "addresses", columns: ADDRESSES },
  { name: "texts", columns: TEXTS },
  { name: "packed", columns: PACKED },
  { name: "choices", columns: CHOICES },
];

export const rowsOfGroup = ({ columns }: ValueGroup): number =>
  Math.max(...columns.map((column) => column.values.length)) + 1;

export const createGroup = (group: ValueGroup): string =>
  `CREATE TABLE ${group.name} (id INT PRIMARY KEY, ${group.columns.map(({ name, definition }) => `\`${name}\` ${definition} DEFAULT NULL`).join(", ")}) ROW_FORMAT = DYNAMIC`;

/** As many rows as it takes for every value to occur, and one that is all NULL. Needs a session without strict mode. */
export function insertGroup(group: ValueGroup): string {
  const count = rowsOfGroup(group);
  const rows = Array.from({ length: count }, (_, i) => {
    const values = group.columns.map(({ values: pool }) =>
      i === count - 1 ? "NULL" : (pool[i % pool.length] ?? "NULL"),
    );
    return `(${i + 1}, ${values.join(", ")})`;
  });
  return `INSERT INTO ${group.name} VALUES ${rows.join(",")}`;
}

/** What the server itself prints of each value, by the rules of the canonical text. */
export const selectGroup = (group: ValueGroup): string =>
  `SELECT ${group.columns.map(({ name, text }) => text.replaceAll("$", `\`${name}\``)).join(", ")} FROM ${group.name} ORDER BY id`;
