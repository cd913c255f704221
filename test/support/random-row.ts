import fc from "fast-check";

/** A table with a column of each kind of value that has many values; `randomRow` fills all but `id`. */
export const RANDOM_TABLE = `CREATE TABLE random (
  id INT NOT NULL PRIMARY KEY,
  c_tiny TINYINT, c_small SMALLINT UNSIGNED, c_medium MEDIUMINT, c_int INT UNSIGNED, c_big BIGINT, c_ubig BIGINT UNSIGNED,
  c_dec_9 DECIMAL(9,0), c_dec_19_7 DECIMAL(19,7), c_dec_38_20 DECIMAL(38,20), c_dec_65_17 DECIMAL(65,17),
  c_float FLOAT, c_double DOUBLE, c_bit_5 BIT(5), c_bit_37 BIT(37),
  c_char CHAR(12) CHARACTER SET utf8mb4, c_latin1 VARCHAR(40) CHARACTER SET latin1, c_text TEXT CHARACTER SET utf8mb4,
  c_gbk VARCHAR(60) CHARACTER SET gbk, c_utf16 TEXT CHARACTER SET utf16, c_greek CHAR(20) CHARACTER SET greek,
  c_binary BINARY(9), c_blob BLOB,
  c_date DATE, c_time TIME(4), c_datetime DATETIME(5), c_timestamp TIMESTAMP(2) NULL, c_year YEAR,
  c_shape GEOMETRY, c_vector VECTOR(40),
  c_enum ENUM('x', 'y,', 'ü"'), c_set SET('p', 'q r', '''s'), c_json JSON
)`;

const int = (min: bigint, max: bigint): fc.Arbitrary<string> => fc.bigInt({ min, max }).map(String);

function decimal(precision: number, scale: number): fc.Arbitrary<string> {
  const limit = 10n ** BigInt(precision) - 1n;
  return fc.bigInt({ min: -limit, max: limit }).map((digits) => {
    const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
    const cut = text.length - scale;
    return `'${digits < 0n ? "-" : ""}${text.slice(0, cut)}${scale > 0 ? "." : ""}${text.slice(cut)}'`;
  });
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

const natural = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });

const date = (yearMin: number, yearMax: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.integer({ min: yearMin, max: yearMax }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 28 }),
    )
    .map(([y, m, d]) => `${pad(y, 4)}-${pad(m, 2)}-${pad(d, 2)}`);

const clock = (hourMax: number, fsp: number): fc.Arbitrary<string> =>
  fc
    .tuple(natural(hourMax), natural(59), natural(59), natural(10 ** fsp - 1))
    .map(([h, m, s, f]) => `${pad(h, 2)}:${pad(m, 2)}:${pad(s, 2)}.${pad(f, fsp)}`);

/** Any text as a literal that no character set or escape of the session can change. */
const hexText = (text: string, encoding: "utf8" | "latin1", charset: string): string =>
  `CONVERT(X'${Buffer.from(text, encoding).toString("hex")}' USING ${charset})`;

const utf8 = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: "grapheme", maxLength })
    .map((text) => hexText(Array.from(text).slice(0, maxLength).join(""), "utf8", "utf8mb4"));

/** What the set has no character for becomes a question mark, by the server. */
const converted = (charset: string, maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(fc.constantFrom(...Array.from("aZ 'αΩ乙語ｱ")), fc.string({ unit: "grapheme", maxLength: 1 })),
      {
        maxLength,
      },
    )
    .map((parts) => hexText(Array.from(parts.join("")).slice(0, maxLength).join(""), "utf8", "utf8mb4"))
    .map((text) => `CONVERT(${text} USING ${charset})`);

const latin1 = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => `_latin1 X'${Buffer.from(bytes).toString("hex")}'`);

const binary = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => `X'${Buffer.from(bytes).toString("hex")}'`);

const coordinate = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 });
const shape = fc
  .tuple(fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 9 }), fc.constantFrom(0, 3857))
  .map(([points, srid]) => {
    const list = points.map((point) => point.join(" ")).join(", ");
    return `ST_GeomFromText('${points.length === 1 ? "POINT" : "LINESTRING"}(${list})', ${srid})`;
  });

/** Any floats but NaN and the infinities, which MySQL refuses. */
const vector = fc
  .array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 })
  .map((floats) => `X'${Buffer.from(Float32Array.from(floats).buffer).toString("hex")}'`);

const bits = (count: number): fc.Arbitrary<string> => int(0n, 2n ** BigInt(count) - 1n);

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => `'${String(value)}'`);
const float64 = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => `'${String(value)}'`);

const json = fc
  .jsonValue({ depthSize: "small" })
  .map((value) => `CAST(${hexText(JSON.stringify(value), "utf8", "utf8mb4")} AS JSON)`);

const values: readonly fc.Arbitrary<string>[] = [
  int(-128n, 127n),
  int(0n, 65535n),
  int(-8388608n, 8388607n),
  int(0n, 4294967295n),
  int(-(2n ** 63n), 2n ** 63n - 1n),
  int(0n, 2n ** 64n - 1n),
  decimal(9, 0),
  decimal(19, 7),
  decimal(38, 20),
  decimal(65, 17),
  float32,
  float64,
  bits(5),
  bits(37),
  utf8(12),
  latin1,
  utf8(300),
  converted("gbk", 60),
  converted("utf16", 60),
  converted("greek", 20),
  binary(9),
  binary(200),
  date(1, 9999).map((text) => `'${text}'`),
  fc.tuple(fc.constantFrom("", "-"), clock(837, 4)).map(([sign, text]) => `'${sign}${text}'`),
  fc.tuple(date(1, 9999), clock(23, 5)).map((parts) => `'${parts.join(" ")}'`),
  fc.tuple(date(1971, 2037), clock(23, 2)).map((parts) => `'${parts.join(" ")}'`),
  fc.oneof(fc.constant("0"), int(1901n, 2155n)),
  shape,
  vector,
  fc.constantFrom("''", "1", "2", "3"),
  int(0n, 7n),
  json,
];

/** Of the table. */
export const RANDOM_COLUMNS = 1 + values.length;

/** SQL literals for the columns behind `id`, some of them NULL. */
export const randomRow: fc.Arbitrary<string[]> = fc.tuple(
  ...values.map((value) =>
    fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: fc.constant("NULL") }),
  ),
);
