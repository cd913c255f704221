import { filled, fraction, hex, NUMBER, pad, scrambled, type ValueColumn } from "./value-pool.ts";

/* Dates, times and addresses for `mariadb-values.ts`. */

function moment(i: number, digits: number): string {
  const n = scrambled(i);
  const year = [1, 1000, 1582, 1899, 1969, 1970, 2000, 2024, 2038, 9999][n % 10] as number;
  const clock = [n % 24, (n >> 3) & 31, (n >> 5) & 31].map((value) => pad(value & 31)).join(":");
  return `${pad(year, 4)}-${pad(((n >>> 8) % 12) + 1)}-${pad(((n >>> 12) % 28) + 1)} ${clock.replace(/^(2[4-9]|3\d)/, "23")}${fraction(i, digits)}`;
}

const QUOTED = `CONCAT('"', CAST($ AS CHAR), '"')`;

export const TEMPORALS: readonly ValueColumn[] = [
  {
    name: "d",
    definition: "date",
    values: filled(
      [
        "'0001-01-01'",
        "'1582-10-04'",
        "'1582-10-15'",
        "'2000-02-29'",
        "'9999-12-31'",
        "'0000-00-00'",
        "'2020-00-00'",
        "'2020-02-31'",
        "'0000-01-01'",
      ],
      (i) => `'${moment(i, 0).slice(0, 10)}'`,
    ),
    text: QUOTED,
  },
  ...[0, 1, 2, 3, 4, 5, 6].flatMap((fsp): ValueColumn[] => [
    {
      name: `dt_${fsp}`,
      definition: `datetime(${fsp})`,
      values: filled(
        ["'0000-00-00'", "'2020-00-01 01:02:03'", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'"],
        (i) => `'${moment(i, fsp)}'`,
      ),
      text: QUOTED,
    },
    {
      name: `ts_${fsp}`,
      definition: `timestamp(${fsp}) null`,
      values: filled(
        ["'0000-00-00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2001-09-09 01:46:40'"],
        (i) => `FROM_UNIXTIME('${(scrambled(i) >>> 1) + 1}${fraction(i, fsp)}')`,
      ),
      text: QUOTED,
    },
    {
      name: `t_${fsp}`,
      definition: `time(${fsp})`,
      values: filled(
        ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'", "'-01:00:00'", "'-00:01:00'"],
        (i) =>
          `'${i % 2 === 0 ? "-" : ""}${pad(scrambled(i) % 838)}:${pad(scrambled(i) % 59)}:${pad(scrambled(i) % 57)}${fraction(i, fsp)}'`,
      ),
      text: QUOTED,
    },
  ]),
  {
    name: "y",
    definition: "year",
    values: filled(["0", "1901", "1970", "2155"], (i) => String(1901 + ((i * 7) % 255))),
    text: NUMBER,
  },
];
const uuid = (digits: string): string => `'${digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}'`;

/** With runs of zero groups in every place, and addresses of IPv4 in their last two groups. */
const INET6 = [
  "::",
  "::1",
  "::ffff",
  "::1:0",
  "::1.2.3.4",
  "::0.1.0.0",
  "::255.255.255.255",
  "::ffff:1.2.3.4",
  "::ffff:0.0.0.0",
  "::ffff:0:0",
  "::ffff:0:1.2.3.4",
  "1::",
  "1::1",
  "64:ff9b::1.2.3.4",
  "2001:db8::8:800:200c:417a",
  "ff02::101",
  "0:0:1::",
  "0:1::1:0",
  "1:0:0:1:0:0:0:1",
  "1:0:0:0:1:0:0:1",
  "1:0:0:1:0:0:1:1",
  "1:2:3:4:5:6:7:0",
  "1:2:3:4:5:6:0:0",
  "0:2:3:4:5:6:7:8",
  "1:0:3:4:5:6:7:8",
  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
  "::a:0:0:1",
  "0:0:0:0:1:0:0:0",
];

export const ADDRESSES: readonly ValueColumn[] = [
  {
    name: "u",
    definition: "uuid",
    values: filled(
      [
        uuid("0".repeat(32)),
        uuid("f".repeat(32)),
        ...Array.from({ length: 16 }, (_, i) =>
          uuid(`123456789abc${i.toString(16)}def8123456789a00000`.slice(0, 32)),
        ),
      ],
      // Not all digits make a UUID for the server: that of its version and that of its variant have to fit.
      (i) => uuid(`${hex(i, 16).slice(0, 12)}4${hex(i, 16).slice(13, 16)}8${hex(i, 16).slice(17)}`),
    ),
    text: `CONCAT('"', $, '"')`,
  },
  {
    name: "i4",
    definition: "inet4",
    values: filled(
      ["'0.0.0.0'", "'255.255.255.255'", "'0.0.0.1'", "'1.0.0.0'", "'127.0.0.1'", "'10.0.0.0'"],
      (i) => `'${[24, 16, 8, 0].map((shift) => (scrambled(i) >>> shift) & 255).join(".")}'`,
    ),
    text: `CONCAT('"', $, '"')`,
  },
  {
    name: "i6",
    definition: "inet6",
    values: filled(
      INET6.map((text) => `'${text}'`),
      (i) => `'${hex(i, 16).match(/.{4}/g)?.join(":") ?? ""}'`,
    ),
    text: `CONCAT('"', $, '"')`,
  },
];
