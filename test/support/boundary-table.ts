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

const nines = (digits: number): string => "9".repeat(digits);

const INTEGERS: readonly BoundaryColumn[] = (
  [
    ["tinyint", 8n],
    ["smallint", 16n],
    ["mediumint", 24n],
    ["int", 32n],
    ["bigint", 64n],
  ] as const
).flatMap(([type, bits]) => {
  const half = 2n ** (bits - 1n);
  return [
    { name: `c_${type}`, definition: type, values: [`${-half}`, "-1", "0", "1", `${half - 1n}`] },
    {
      name: `c_${type}_u`,
      definition: `${type} unsigned`,
      values: ["0", "1", `${half - 1n}`, `${half}`, `${2n * half - 1n}`],
    },
  ];
});

const DECIMALS: readonly BoundaryColumn[] = [
  { name: "c_dec_5_0", definition: "decimal(5,0)", values: ["-99999", "0", "1", "99999"] },
  {
    name: "c_dec_10_2",
    definition: "decimal(10,2)",
    values: ["-99999999.99", "-0.01", "0.00", "0.10", "99999999.99"],
  },
  { name: "c_dec_20_0_u", definition: "decimal(20,0) unsigned", values: ["0", nines(20)] },
  {
    name: "c_dec_38_10",
    definition: "decimal(38,10)",
    values: [`-${nines(28)}.${nines(10)}`, "-1e-10", "1e-10", `${nines(28)}.${nines(10)}`],
  },
  {
    name: "c_dec_38_30",
    definition: "decimal(38,30)",
    values: [`-${nines(8)}.${nines(30)}`, "1e-30", "0", `${nines(8)}.${nines(30)}`],
  },
  { name: "c_dec_38_0", definition: "decimal(38,0)", values: [`-${nines(38)}`, "-1", nines(38)] },
  {
    name: "c_dec_65_0",
    definition: "decimal(65,0)",
    values: [`-${nines(65)}`, "-1", "0", `1${"0".repeat(64)}`, nines(65)],
  },
  {
    name: "c_dec_65_30",
    definition: "decimal(65,30)",
    values: [`-${nines(35)}.${nines(30)}`, "-1e-30", "0", "1e-30", `${nines(35)}.${nines(30)}`],
  },
  {
    name: "c_dec_65_zerofill",
    definition: "decimal(65,2) zerofill",
    values: ["0", "1.5", `${nines(63)}.99`],
  },
  { name: "c_dec_zerofill", definition: "decimal(8,3) zerofill", values: ["0", "1.5", "99999.999"] },
  { name: "c_int_zerofill", definition: "int(8) unsigned zerofill", values: ["0", "42", "4294967295"] },
];

/** Those of more digits than a decimal of the lake has. */
export const WIDE_DECIMALS = ["c_dec_65_0", "c_dec_65_30", "c_dec_65_zerofill"];

const FLOATS: readonly BoundaryColumn[] = [
  {
    name: "c_float",
    definition: "float",
    values: [
      "0",
      "'-0'",
      "0.1",
      "-3.4028234e38",
      "3.4028234e38",
      "1.1754944e-38",
      "1e-45",
      "16777217",
      "1.0000001",
      "9.999999e9",
    ],
  },
  {
    name: "c_double",
    definition: "double",
    values: [
      "0",
      "'-0'",
      "0.1",
      "-1.7976931348623157e308",
      "1.7976931348623157e308",
      "2.2250738585072014e-308",
      "5e-324",
      "9007199254740993",
      "1.0000000000000002",
      "1e22",
    ],
  },
];

const BITS: readonly BoundaryColumn[] = [
  { name: "c_bit_1", definition: "bit(1)", values: ["b'0'", "b'1'"] },
  { name: "c_bit_12", definition: "bit(12)", values: ["0", "2748", "4095"] },
  { name: "c_bit_63", definition: "bit(63)", values: ["0", "1", "9223372036854775807"] },
  { name: "c_bit_64", definition: "bit(64)", values: ["0", "9223372036854775808", "18446744073709551615"] },
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
  { name: "c_char", definition: "char(40) character set utf8mb4", values: TRICKY_TEXTS },
  {
    name: "c_varchar",
    definition: "varchar(200) character set utf8mb4",
    values: [...TRICKY_TEXTS, "'trailing  '"],
  },
  { name: "c_varchar_3", definition: "varchar(200) character set utf8mb3", values: BMP_TEXTS },
  {
    name: "c_latin1",
    definition: "varchar(40) character set latin1",
    values: ["''", "'naïve Ÿ €'", "_latin1 X'80818D8F909D9FA0FF'"],
  },
  {
    name: "c_ascii",
    definition: "varchar(40) character set ascii",
    values: ["''", "'~!@#'", "_ascii X'0001021F7F'"],
  },
  { name: "c_tinytext", definition: "tinytext", values: TRICKY_TEXTS },
  { name: "c_longtext", definition: "longtext", values: ["''", "REPEAT('0123456789 🐬', 20000)", "'x'"] },
];

const BYTES: readonly BoundaryColumn[] = [
  { name: "c_binary", definition: "binary(4)", values: ["''", "X'00'", "X'FF00FF'", "X'80FFFE0A'"] },
  {
    name: "c_varbinary",
    definition: "varbinary(32)",
    values: ["''", "X'00'", "X'0000'", "X'C3283C'", "X'FFFEFDFC'"],
  },
  { name: "c_blob", definition: "blob", values: ["''", "X'0D0A1A00'", "REPEAT(X'00FF80', 5000)"] },
];

const wkt = (text: string, srid = 0): string => `ST_GeomFromText('${text}', ${srid})`;

const SHAPES: readonly BoundaryColumn[] = [
  {
    name: "c_geometry",
    definition: "geometry",
    values: [
      wkt("POINT(1 -2.5)"),
      wkt("POINT(52.5 13.4)", 4326),
      wkt("LINESTRING(0 0, 1e300 -1e-300)"),
      wkt("POLYGON((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))"),
      wkt("MULTIPOINT((0 0), (1 1))"),
      wkt("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", 3857),
      wkt("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))"),
      wkt("GEOMETRYCOLLECTION(POINT(1 1), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)))"),
      wkt("GEOMETRYCOLLECTION EMPTY"),
    ],
  },
  {
    name: "c_point_srid",
    definition: "point srid 4326",
    values: [wkt("POINT(-90 180)", 4326), wkt("POINT(0 0)", 4326)],
  },
  {
    name: "c_vector",
    definition: "vector(3)",
    values: [
      "STRING_TO_VECTOR('[0, -0, 0.1]')",
      // The largest float, the one next to zero below it, and one.
      "X'FFFF7F7F010000800000803F'",
      "STRING_TO_VECTOR('[7]')",
    ],
  },
];

const TIMES: readonly BoundaryColumn[] = [
  {
    name: "c_date",
    definition: "date",
    values: [
      "'0001-01-01'",
      "'1582-10-04'",
      "'1582-10-15'",
      "'1969-12-31'",
      "'1970-01-01'",
      "'2000-02-29'",
      "'9999-12-31'",
      "'0000-00-00'",
      "'2020-00-00'",
      "'2020-02-31'",
      "'0000-01-01'",
    ],
  },
  {
    name: "c_time",
    definition: "time",
    values: ["'-838:59:59'", "'-00:01:00'", "'-00:00:01'", "'00:00:00'", "'23:59:59'", "'838:59:59'"],
  },
  {
    name: "c_time_6",
    definition: "time(6)",
    values: ["'-838:59:59.000000'", "'-00:00:00.000001'", "'00:00:00.5'", "'838:59:58.999999'"],
  },
  {
    name: "c_datetime",
    definition: "datetime",
    values: [
      "'0001-01-01 00:00:00'",
      "'1582-10-04 12:00:00'",
      "'1899-12-31 23:59:59'",
      "'2024-02-29 23:59:59'",
      "'9999-12-31 23:59:59'",
      "'0000-00-00 00:00:00'",
      "'2020-00-01 01:02:03'",
    ],
  },
  {
    name: "c_datetime_3",
    definition: "datetime(3)",
    values: [
      "'1969-12-31 23:59:59.999'",
      "'1970-01-01 00:00:00.001'",
      "'2024-03-31 02:30:00.120'",
      "'9999-12-31 23:59:59.999'",
    ],
  },
  {
    name: "c_datetime_6",
    definition: "datetime(6)",
    values: [
      "'0001-01-01 00:00:00.000001'",
      "'1000-06-15 06:07:08.090807'",
      "'1969-12-31 23:59:59.999999'",
      "'2024-10-27 01:30:00.000001'",
      "'9999-12-31 23:59:59.999999'",
    ],
  },
  {
    name: "c_timestamp",
    definition: "timestamp null",
    values: [
      "'1970-01-01 00:00:01'",
      "'2024-03-31 02:30:00'",
      "'2038-01-19 03:14:07'",
      "'0000-00-00 00:00:00'",
    ],
  },
  {
    name: "c_timestamp_6",
    definition: "timestamp(6) null",
    values: ["'1970-01-01 00:00:01.000001'", "'2024-10-27 01:30:00.5'", "'2038-01-19 03:14:07.999999'"],
  },
  { name: "c_year", definition: "year", values: ["0", "1901", "1970", "2155"] },
];

const CHOICES: readonly BoundaryColumn[] = [
  {
    name: "c_enum",
    definition: "enum('', 'a', 'B c', 'd,e', 'żółw🐬') character set utf8mb4",
    values: ["''", "'a'", "'B c'", "'d,e'", "'żółw🐬'"],
  },
  {
    name: "c_set",
    definition: "set('a', 'B c', 'ż🐬') character set utf8mb4",
    values: ["''", "'a'", "'a,B c'", "'a,B c,ż🐬'"],
  },
  {
    name: "c_json",
    definition: "json",
    values: [
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
    ],
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
