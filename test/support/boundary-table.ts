import {
  bits,
  bytesOfCharset,
  byteStrings,
  dates,
  decimals,
  documents,
  doubles,
  floats,
  integers,
  lengths,
  memberNumbers,
  moments,
  places,
  shapes,
  texts,
  times,
  timestamps,
  vectors,
  years,
} from "./boundary-values.ts";

/**
 * One table with a column of every supported type and, row by row, the boundary values of each: the ends of
 * its range, what lies next to zero, texts that some encoding on the way might change, and NULL everywhere.
 */
export interface BoundaryColumn {
  readonly name: string;
  readonly definition: string;
  /** SQL literals. */
  readonly values: readonly string[];
}

const INTEGERS: readonly BoundaryColumn[] = (
  [
    ["tinyint", 8n],
    ["smallint", 16n],
    ["mediumint", 24n],
    ["int", 32n],
    ["bigint", 64n],
  ] as const
).flatMap(([type, width]) => {
  const half = 2n ** (width - 1n);
  return [
    { name: `c_${type}`, definition: type, values: integers(-half, half - 1n) },
    { name: `c_${type}_u`, definition: `${type} unsigned`, values: integers(0n, 2n * half - 1n) },
  ];
});

const DECIMALS: readonly BoundaryColumn[] = [
  { name: "c_bool", definition: "bool", values: integers(-128n, 127n) },
  { name: "c_dec_5_0", definition: "decimal(5,0)", values: decimals(5, 0) },
  { name: "c_dec_10_2", definition: "decimal(10,2)", values: decimals(10, 2) },
  { name: "c_dec_20_0_u", definition: "decimal(20,0) unsigned", values: decimals(20, 0, false) },
  { name: "c_dec_38_10", definition: "decimal(38,10)", values: decimals(38, 10) },
  { name: "c_dec_38_30", definition: "decimal(38,30)", values: decimals(38, 30) },
  { name: "c_dec_38_0", definition: "decimal(38,0)", values: decimals(38, 0) },
  { name: "c_dec_65_0", definition: "decimal(65,0)", values: decimals(65, 0) },
  { name: "c_dec_65_30", definition: "decimal(65,30)", values: decimals(65, 30) },
  { name: "c_dec_65_zerofill", definition: "decimal(65,2) zerofill", values: decimals(65, 2, false) },
  { name: "c_dec_zerofill", definition: "decimal(8,3) zerofill", values: decimals(8, 3, false) },
  { name: "c_int_zerofill", definition: "int(8) unsigned zerofill", values: integers(0n, 2n ** 32n - 1n) },
];

/** Those of more digits than a decimal of the lake has. */
export const WIDE_DECIMALS = ["c_dec_65_0", "c_dec_65_30", "c_dec_65_zerofill"];

const FLOATS: readonly BoundaryColumn[] = [
  { name: "c_float", definition: "float", values: floats() },
  { name: "c_double", definition: "double", values: doubles() },
];

const BITS: readonly BoundaryColumn[] = [
  { name: "c_bit_1", definition: "bit(1)", values: ["b'0'", "b'1'"] },
  { name: "c_bit_12", definition: "bit(12)", values: bits(12) },
  { name: "c_bit_63", definition: "bit(63)", values: bits(63) },
  { name: "c_bit_64", definition: "bit(64)", values: bits(64) },
];

const TRICKY_TEXTS = [
  "''",
  "' '",
  "'null'",
  "'\"quote\" \\\\ back\\\\slash / \\n\\r\\t\\b'",
  "'a\\0b'",
  "_utf8mb4 X'E280A8E280A9C285'",
  "'zażółć gęślą jaźń'",
  "'日本語 e\u0301 é'",
  "'🐬👩‍👩‍👧🏳️‍🌈'",
  '\'{"json": [1, "x"]}\'',
  "'_hoodie_ a:b,c:d __null__ %20 =1'",
];
const BMP_TEXTS = TRICKY_TEXTS.filter((text) => !text.includes("🐬"));

const TEXTS: readonly BoundaryColumn[] = [
  {
    name: "c_char",
    definition: "char(40) character set utf8mb4",
    values: texts("utf8mb4", TRICKY_TEXTS),
  },
  {
    name: "c_varchar",
    definition: "varchar(200) character set utf8mb4",
    values: texts("utf8mb4", [...TRICKY_TEXTS, "'trailing  '"]),
  },
  {
    name: "c_varchar_3",
    definition: "varchar(200) character set utf8mb3",
    values: texts("utf8mb3", BMP_TEXTS),
  },
  {
    name: "c_latin1",
    definition: "varchar(40) character set latin1",
    values: ["''", "'naïve Ÿ €'", "_latin1 X'80818D8F909D9FA0FF'", ...bytesOfCharset("latin1", 0x80, 0xb0)],
  },
  {
    name: "c_ascii",
    definition: "varchar(40) character set ascii",
    values: ["''", "'~!@#'", "_ascii X'0001021F7F'", ...bytesOfCharset("ascii", 0, 0x30)],
  },
  { name: "c_tinytext", definition: "tinytext", values: texts("utf8mb4", TRICKY_TEXTS) },
  { name: "c_text", definition: "text", values: lengths(65_535) },
  { name: "c_mediumtext", definition: "mediumtext", values: lengths(65_536) },
  {
    name: "c_longtext",
    definition: "longtext",
    values: ["REPEAT('0123456789 🐬', 20000)", ...lengths(512), "'x'"],
  },
];

const BYTES: readonly BoundaryColumn[] = [
  { name: "c_binary", definition: "binary(4)", values: byteStrings(4) },
  { name: "c_varbinary", definition: "varbinary(32)", values: ["X'C3283C'", ...byteStrings(32)] },
  {
    name: "c_blob",
    definition: "blob",
    values: ["X'0D0A1A00'", "REPEAT(X'00FF80', 5000)", ...byteStrings(32)],
  },
];

const wkt = (text: string, srid = 0): string => `ST_GeomFromText('${text}', ${srid})`;

const SHAPES: readonly BoundaryColumn[] = [
  {
    name: "c_geometry",
    definition: "geometry",
    values: shapes([
      wkt("POINT(1 -2.5)"),
      wkt("POINT(52.5 13.4)", 4326),
      wkt("LINESTRING(0 0, 1e300 -1e-300)"),
      wkt("POLYGON((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))"),
      wkt("MULTIPOINT((0 0), (1 1))"),
      wkt("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", 3857),
      wkt("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))"),
      wkt("GEOMETRYCOLLECTION(POINT(1 1), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)))"),
      wkt("GEOMETRYCOLLECTION EMPTY"),
    ]),
  },
  {
    name: "c_point_srid",
    definition: "point srid 4326",
    values: places(),
  },
  {
    name: "c_vector",
    definition: "vector(3)",
    values: vectors([
      "STRING_TO_VECTOR('[0, -0, 0.1]')",
      // The largest float, the one next to zero below it, and one.
      "X'FFFF7F7F010000800000803F'",
      "STRING_TO_VECTOR('[7]')",
    ]),
  },
];

const TIMES: readonly BoundaryColumn[] = [
  { name: "c_date", definition: "date", values: dates() },
  { name: "c_time", definition: "time", values: times(0) },
  { name: "c_time_1", definition: "time(1)", values: times(1) },
  { name: "c_time_6", definition: "time(6)", values: times(6) },
  { name: "c_datetime", definition: "datetime", values: moments(0) },
  { name: "c_datetime_3", definition: "datetime(3)", values: moments(3) },
  { name: "c_datetime_5", definition: "datetime(5)", values: moments(5) },
  { name: "c_datetime_6", definition: "datetime(6)", values: moments(6) },
  { name: "c_timestamp", definition: "timestamp null", values: timestamps(0) },
  { name: "c_timestamp_1", definition: "timestamp(1) null", values: timestamps(1) },
  { name: "c_timestamp_6", definition: "timestamp(6) null", values: timestamps(6) },
  { name: "c_year", definition: "year", values: years() },
];

/** So many that a value needs two bytes. */
const MANY = Array.from({ length: 300 }, (_, i) => `'m${i}'`).join(", ");
/** As many as there can be. */
const ALL_BITS = Array.from({ length: 64 }, (_, i) => `'s${i}'`).join(", ");

const CHOICES: readonly BoundaryColumn[] = [
  {
    name: "c_enum",
    definition: "enum('', 'a', 'B c', 'd,e', 'żółw🐬') character set utf8mb4",
    values: ["''", "'a'", "'B c'", "'d,e'", "'żółw🐬'", "'no member'"],
  },
  { name: "c_enum_300", definition: `enum(${MANY})`, values: memberNumbers(300) },
  {
    name: "c_set",
    definition: "set('a', 'B c', 'ż🐬') character set utf8mb4",
    values: ["0", "1", "2", "3", "4", "5", "6", "7"],
  },
  { name: "c_set_64", definition: `set(${ALL_BITS})`, values: bits(64) },
  {
    name: "c_json",
    definition: "json",
    values: documents([
      "'null'",
      "'{}'",
      "'[]'",
      "'true'",
      "'\"x\"'",
      "'-0.0'",
      "'1.0'",
      '\'{"__proto__": 1, "10": [], "9": {}}\'',
      "'1e300'",
      "'18446744073709551615'",
      '\'{"b": 1, "a": [1.50, {"é🐬": null}], "": "\\\\u0000\\\\n"}\'',
      "CAST(CAST('2024-02-29 01:02:03.4' AS DATETIME(6)) AS JSON)",
      "CAST(1.10 AS JSON)",
    ]),
  },
];

export const BOUNDARY_COLUMNS: readonly BoundaryColumn[] = [
  ...INTEGERS,
  ...DECIMALS,
  ...FLOATS,
  ...BITS,
  ...TEXTS,
  ...BYTES,
  ...SHAPES,
  ...TIMES,
  ...CHOICES,
];

/** As many as it takes for every value to occur, and one that is all NULL. */
export const BOUNDARY_ROWS = Math.max(...BOUNDARY_COLUMNS.map((column) => column.values.length)) + 1;

/** Rows have the ids 1 to BOUNDARY_ROWS; the last is all NULL. */
export function createBoundaryTable(table: string): string {
  const columns = BOUNDARY_COLUMNS.map((column) => `  ${column.name} ${column.definition} DEFAULT NULL`);
  return `CREATE TABLE ${table} (\n  id INT NOT NULL PRIMARY KEY,\n${columns.join(",\n")}\n)`;
}

/** Needs a session without strict SQL mode, since half of the dates are none. */
export function insertBoundaryRows(table: string): string {
  const rows = Array.from({ length: BOUNDARY_ROWS }, (_, i) => `(${i + 1}, ${valuesOf(i).join(", ")})`);
  return `INSERT INTO ${table} VALUES\n${rows.join(",\n")}`;
}

/** Gives row `id` the values that row `from` has by `insertBoundaryRows`. */
export function updateBoundaryRow(
  table: string,
  change: { readonly id: number; readonly from: number },
): string {
  const values = valuesOf(change.from - 1);
  const list = BOUNDARY_COLUMNS.map((column, i) => `${column.name} = ${values[i] ?? "NULL"}`);
  return `UPDATE ${table} SET ${list.join(", ")} WHERE id = ${change.id}`;
}

const valuesOf = (index: number): readonly string[] =>
  BOUNDARY_COLUMNS.map(({ values }) =>
    index === BOUNDARY_ROWS - 1 ? "NULL" : (values[index % values.length] ?? "NULL"),
  );
