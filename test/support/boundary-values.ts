/**
 * Values at which a type can go wrong, as SQL literals: the ends of its range, what lies beside the steps at which its
 * stored or its written form changes, and where there are too few of those, some in between.
 */
export const POOL_MIN = 40;

/** Of these, each once, and enough from `more` to make a pool of them. */
function pool(values: readonly string[], more: readonly string[] = []): readonly string[] {
  const distinct = [...new Set(values)];
  const rest = [...new Set(more)].filter((value) => !distinct.includes(value));
  return [...distinct, ...rest.slice(0, Math.max(0, POOL_MIN - distinct.length))];
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** Whole numbers around powers of two and of ten, inside of these bounds. */
function numbersIn(min: bigint, max: bigint): readonly bigint[] {
  const steps = [...range(65).map((i) => 2n ** BigInt(i)), ...range(66).map((i) => 10n ** BigInt(i))];
  const around = steps.flatMap((step) => [step - 1n, step, step + 1n]);
  const all = [min, max, min + 1n, max - 1n, 0n, ...around, ...around.map((value) => -value)];
  const inside = [...new Set(all.filter((value) => value >= min && value <= max))];
  const between = range(POOL_MIN).map((i) => min + ((max - min) * BigInt(i)) / BigInt(POOL_MIN));
  return [...new Set([...inside, ...(inside.length < POOL_MIN ? between : [])])];
}

/** So many of them that the pools of wide types are not much larger than others. */
const POOL_MAX = 56;
/** The first ones, which are the ends, and others from all over the list. */
function some<T>(values: readonly T[]): readonly T[] {
  if (values.length <= POOL_MAX) return values;
  const first = 5;
  const step = (values.length - first) / (POOL_MAX - first);
  return [
    ...values.slice(0, first),
    ...range(POOL_MAX - first).map((i) => values[first + Math.floor(i * step)] as T),
  ];
}

export const integers = (min: bigint, max: bigint): readonly string[] =>
  some(numbersIn(min, max)).map(String);

export function decimals(precision: number, scale: number, isSigned = true): readonly string[] {
  const limit = 10n ** BigInt(precision) - 1n;
  return some(numbersIn(isSigned ? -limit : 0n, limit)).map((digits) => {
    const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
    const cut = text.length - scale;
    return `${digits < 0n ? "-" : ""}${text.slice(0, cut)}${scale > 0 ? `.${text.slice(cut)}` : ""}`;
  });
}

const FLOATING = [
  0, 0.1, 0.5, 1, 1.5, 2, 3.14159, 1e-6, 9.999999e-7, 1e6, 9999999, 16777216, 16777217, 1e9, 9.999999e9,
];

export function floats(): readonly string[] {
  const steps = range(16).map((i) => 2 ** (i * 16 - 126));
  const edges = [3.4028234e38, 1.1754944e-38, 1.1754942e-38, 1e-45, 1.0000001];
  const values = [...edges, ...FLOATING, ...steps].flatMap((value) => [value, -value]);
  return pool(["'-0'", ...values.map((value) => `'${String(Object.is(value, -0) ? 0 : value)}'`)]);
}

export function doubles(): readonly string[] {
  const steps = range(20).map((i) => 2 ** (i * 100 - 1000));
  const edges = [1.7976931348623157e308, 2.2250738585072014e-308, 2.225073858507201e-308, 5e-324];
  const digits = [
    9007199254740992, 9007199254740994, 1.0000000000000002, 1e21, 1e22, 1e23, 123456789012345680, 4.35,
    0.000001,
  ];
  const values = [...edges, ...digits, ...FLOATING, ...steps].flatMap((value) => [value, -value]);
  return pool(["'-0'", ...values.map((value) => `'${String(Object.is(value, -0) ? 0 : value)}'`)]);
}

export const bits = (count: number): readonly string[] => integers(0n, 2n ** BigInt(count) - 1n);

const hexText = (charset: string, bytes: Uint8Array): string =>
  `_${charset} X'${Buffer.from(bytes).toString("hex")}'`;

/** Every control character, and every character whose UTF-8 begins or ends a range of lengths. */
export function texts(charset: "utf8mb4" | "utf8mb3", tricky: readonly string[]): readonly string[] {
  const points = [0x7e, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff];
  const wide = charset === "utf8mb4" ? [0x10000, 0x1f600, 0x10ffff] : [];
  const around = (point: number): string =>
    hexText(charset, Buffer.from(`a${String.fromCodePoint(point)}b`, "utf8"));
  return pool([...tricky, ...[...points, ...wide].map(around), ...range(32).map(around)]);
}

/** Texts of these bytes, a few at a time. */
export const bytesOfCharset = (charset: string, from: number, to: number): readonly string[] =>
  pool(range(to - from + 1).map((i) => hexText(charset, Uint8Array.of(0x61, from + i))));

/** Texts of lengths at which the length itself gets longer. */
export const lengths = (most: number): readonly string[] =>
  pool(
    [0, 1, 2, 31, 32, 127, 128, 250, 251, 252, 253, 254, 255, 256, 257, 511, 512, 4095, 4096, 65535, 65536]
      .filter((length) => length <= most)
      .map((length) => `REPEAT('x', ${length})`),
    range(POOL_MIN).map((i) => `REPEAT('é', ${i + 1})`),
  );

const hex = (bytes: readonly number[]): string => `X'${Buffer.from(bytes).toString("hex")}'`;

/** Zeros and ones at both ends, which padding or trimming might change. */
export const byteStrings = (most: number): readonly string[] =>
  pool(
    ["''"],
    range(most)
      .flatMap((length) =>
        [0x00, 0xff, 0x20, 0x0a, 0x80].flatMap((byte) => [
          hex(range(length + 1).map(() => byte)),
          hex([0x61, ...range(length).map(() => byte)]),
          hex([...range(length).map(() => byte), 0x61]),
        ]),
      )
      .filter((literal) => literal.length <= most * 2 + 3),
  );

const COORDINATES = [
  0, -0, 1, -1, 0.1, -2.5, 90, -90, 179.999999, 1e300, -1e300, 1e-300, 5e-324, 123456789.123456,
];

export function shapes(others: readonly string[]): readonly string[] {
  const point = (i: number): string => {
    const x = String(COORDINATES[i % COORDINATES.length]);
    const y = String(COORDINATES[Math.floor(i / COORDINATES.length) * 3 + 1]);
    return `ST_GeomFromText('POINT(${x} ${y})', ${i % 2 === 0 ? 0 : 3857})`;
  };
  return pool(others, range(POOL_MIN * 2).map(point));
}

/** Latitude and longitude. */
export const places = (): readonly string[] =>
  pool(
    range(POOL_MIN).map((i) => {
      const latitude = -90 + (i % 9) * 22.5;
      const longitude = 180 - i * 8.999;
      return `ST_GeomFromText('POINT(${latitude} ${longitude})', 4326)`;
    }),
  );

export function vectors(others: readonly string[]): readonly string[] {
  const floatBits = [
    0x00000000, 0x80000000, 0x00000001, 0x7f7fffff, 0xff7fffff, 0x3f800000, 0x3dcccccd, 0x00800000,
  ];
  const vector = (i: number): string => {
    const bytes = Buffer.alloc(12);
    for (const at of range(3))
      bytes.writeUInt32LE(floatBits[Math.floor((i * 37) / 8 ** at) % 8] ?? 0, at * 4);
    return `X'${bytes.subarray(0, i % 5 === 4 ? 8 : 12).toString("hex")}'`;
  };
  return pool(others, range(POOL_MIN * 2).map(vector));
}

const DAYS = [
  ...[
    "0001-01-01",
    "0004-02-29",
    "0099-12-31",
    "0100-03-01",
    "0400-02-29",
    "1000-06-15",
    "1582-10-04",
    "1582-10-15",
  ],
  ...[
    "1600-02-29",
    "1700-03-01",
    "1899-12-31",
    "1900-01-01",
    "1900-02-28",
    "1900-03-01",
    "1901-12-13",
    "1969-12-31",
  ],
  ...[
    "1970-01-01",
    "1970-01-02",
    "1972-02-29",
    "1999-12-31",
    "2000-01-01",
    "2000-02-28",
    "2000-02-29",
    "2000-03-01",
  ],
  ...[
    "2024-02-29",
    "2024-03-31",
    "2024-10-27",
    "2038-01-18",
    "2038-01-19",
    "2038-01-20",
    "2100-02-28",
    "2100-03-01",
  ],
  ...[
    "2106-02-07",
    "2155-12-31",
    "2400-02-29",
    "4000-12-31",
    "9998-12-31",
    "9999-01-01",
    "9999-12-30",
    "9999-12-31",
  ],
];
/** Zero, without month or day, of no calendar, and of the year 0. */
const NO_DAYS = [
  "0000-00-00",
  "2020-00-00",
  "2020-02-00",
  "2020-00-01",
  "2020-02-31",
  "2021-02-29",
  "0000-01-01",
  "9999-00-00",
];

export const dates = (): readonly string[] => [...DAYS, ...NO_DAYS].map((day) => `'${day}'`);

const fractions = (fsp: number): readonly string[] => {
  if (fsp === 0) return [""];
  const most = 10 ** fsp - 1;
  return [0, 1, 9, Math.floor(most / 2), most - 1, most].map(
    (digits) => `.${String(digits).padStart(fsp, "0")}`,
  );
};

const CLOCKS = [
  "00:00:00",
  "00:00:01",
  "00:59:59",
  "01:00:00",
  "11:59:59",
  "12:00:00",
  "12:34:56",
  "23:00:00",
  "23:59:59",
];

export function moments(fsp: number): readonly string[] {
  const ends = fractions(fsp);
  return [...DAYS, ...NO_DAYS].map((day, i) => {
    const fraction = day === "0000-00-00" ? "" : (ends[i % ends.length] ?? "");
    return `'${day} ${day === "0000-00-00" ? "00:00:00" : (CLOCKS[i % CLOCKS.length] ?? "")}${fraction}'`;
  });
}

export function timestamps(fsp: number): readonly string[] {
  const ends = fractions(fsp);
  const inside = DAYS.filter((day) => day >= "1970-01-02" && day < "2038-01-19");
  const more = range(POOL_MIN).map(
    (i) => `20${String(i % 37).padStart(2, "0")}-${String((i % 12) + 1).padStart(2, "0")}-28`,
  );
  const texts = [...new Set([...inside, ...more])].map(
    (day, i) => `'${day} ${CLOCKS[i % CLOCKS.length] ?? ""}${ends[i % ends.length] ?? ""}'`,
  );
  const last = ends.at(-1) ?? "";
  return pool([
    `'1970-01-01 00:00:01${ends[0] ?? ""}'`,
    `'2038-01-19 03:14:07${last}'`,
    "'0000-00-00 00:00:00'",
    ...texts,
  ]);
}

export function times(fsp: number): readonly string[] {
  const ends = fractions(fsp);
  const spans = [
    "00:00:00",
    "00:00:01",
    "00:00:59",
    "00:01:00",
    "00:59:00",
    "00:59:59",
    "01:00:00",
    "09:59:59",
    "10:00:00",
    "23:59:59",
  ];
  const long = [
    "24:00:00",
    "99:59:59",
    "100:00:00",
    "127:00:00",
    "128:00:00",
    "255:59:59",
    "511:00:01",
    "512:00:00",
    "838:59:58",
    "838:00:00",
  ];
  const each = [...spans, ...long].flatMap((span, i) => {
    const fraction = ends[i % ends.length] ?? "";
    return [`'${span}${fraction}'`, `'-${span}${fraction}'`];
  });
  const last = `838:59:59${ends[0] ?? ""}`;
  return pool([`'${last}'`, `'-${last}'`, ...each, ...ends.map((fraction) => `'-00:00:00${fraction}'`)]);
}

export const years = (): readonly string[] =>
  pool(
    ["0", "1901", "1902", "1969", "1970", "1999", "2000", "2038", "2154", "2155"],
    range(255).map((i) => String(1901 + i)),
  );

/** Members by their numbers, 0 being that of an invalid value. */
export const memberNumbers = (count: number): readonly string[] =>
  pool(
    ["''", ...[1, 2, 127, 128, 254, 255, 256, 257, count - 1, count].map(String)],
    range(count).map((i) => String(i + 1)),
  );

export function documents(others: readonly string[]): readonly string[] {
  const scalars = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.0",
    "-0.0",
    "1e20",
    "1e300",
    "1e-300",
    '""',
    "[]",
    "{}",
  ];
  const whole = [15n, 16n, 31n, 32n, 53n, 63n, 64n].flatMap((n) => [2n ** n - 1n, 2n ** n, -(2n ** n)]);
  const fitting = whole.filter((n) => n >= -(2n ** 63n) && n < 2n ** 64n).map(String);
  const nested = [
    '{"a": {"a": {"a": [1]}}}',
    "[[[[[]]]]]",
    '{"10": 1, "9": 2, "a": 3}',
    '{"a": 1, "a": 2}',
    '{"__proto__": 1, "10": [], "9": {}}',
  ];
  const opaque = [
    "CAST(1.10 AS JSON)",
    "CAST(CAST('2024-02-29' AS DATE) AS JSON)",
    "CAST(CAST('-838:59:59' AS TIME) AS JSON)",
    "CAST(CAST('2024-02-29 01:02:03.4' AS DATETIME(6)) AS JSON)",
    "JSON_ARRAY(CAST(X'00FF' AS BINARY), X'61')",
    "JSON_QUOTE(REPEAT('x', 200))",
    "JSON_ARRAY(REPEAT('y', 70000))",
  ];
  const texts = [...scalars, ...fitting, ...nested].map((text) => `'${text}'`);
  return pool([...others, ...texts, ...opaque]);
}
