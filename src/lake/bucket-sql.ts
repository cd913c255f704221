/**
 * `bucket.ts` in SQL, over typed columns and without building the record key. Integers hash by arithmetic on
 * their decimal digits, which is several times faster than walking over the characters of a text.
 */
import type { LakeColumn } from "./lake-column.ts";
import { keyText } from "./record-key.ts";

const MASK = "4294967295";
/** Numbers below 10^18 go by digits; all products and sums stay far below 2^63. */
const DIGITS_MAX = 18;
/** Lengths that have a branch of their own, up to the longest of the type. */
const INTEGER_DIGITS = [6, 10];
const BIGINT_DIGITS = [6, 9, 12, DIGITS_MAX];

const power31 = (exponent: number): bigint => (31n ** BigInt(exponent)) & 0xffffffffn;

/** The bucket of a row. `value` gives the SQL of a typed column. */
export function bucketSql(
  keys: readonly LakeColumn[],
  value: (name: string) => string,
  buckets: number,
): string {
  if (buckets === 1) return "0";
  const isComposite = keys.length > 1;
  const hash = keys.reduce(
    (sql, column) => `((31 * (${sql}) + ${columnHash(column, value(column.name), isComposite)}) & ${MASK})`,
    "1::BIGINT",
  );
  return `CAST((${hash} & 2147483647) % ${buckets} AS INTEGER)`;
}

function columnHash(column: LakeColumn, value: string, isComposite: boolean): string {
  const { duck } = column.type;
  if (duck === "INTEGER") return integerHash(`CAST(${value} AS BIGINT)`, INTEGER_DIGITS);
  if (duck === "BIGINT") return integerHash(value);
  if (duck === "TIMESTAMPTZ") return integerHash(`epoch_us(${value})`);
  if (duck === "DECIMAL(38,0)") {
    const isSmall = `${value} BETWEEN 0 AND ${10n ** BigInt(DIGITS_MAX) - 1n}`;
    const small = integerHash(`CAST(${value} AS BIGINT)`);
    return `CASE WHEN ${isSmall} THEN ${small} ELSE ${textHash(keyText(column, value))} END`;
  }
  const text = keyText(column, value);
  return textHash(isComposite && duck === "VARCHAR" ? hashedPart(text) : text);
}

/**
 * Of a text in a composite key Hudi hashes less than all when a comma stands before a colon in it: what
 * follows the last such comma then reads like another column, of a name that is none of ours.
 */
const hashedPart = (text: string): string =>
  `CASE WHEN regexp_matches(${text}, ',[^:]*:') THEN regexp_extract(${text}, '^([^,]*(?:,[^:,]*)*),[^:,]*:', 1) ELSE ${text} END`;

/**
 * Java's hash of a number's decimal text, for BIGINT: the sum over digits d at place j of (48 + d) * 31^j. The
 * places of the digits are summed for a few lengths only, since leading zeros add nothing, and the 48s come
 * from a table. A branch for every length would be a little faster, and take DuckDB 50 ms to plan.
 */
function integerHash(value: string, lengths: readonly number[] = BIGINT_DIGITS): string {
  const longest = Math.max(...lengths);
  const digits = lengths.map(
    (count) =>
      `WHEN ${value} < ${10n ** BigInt(count)} THEN ${digitsOf(count)
        .map((j) => `((${value} // ${10n ** BigInt(j)}) % 10) * ${power31(j)}`)
        .join(" + ")}`,
  );
  const zeros = digitsOf(longest).map(
    (j) =>
      `WHEN ${value} < ${10n ** BigInt(j + 1)} THEN ${digitsOf(j + 1).reduce((sum, k) => sum + 48n * power31(k), 0n)}`,
  );
  return (
    `CASE WHEN ${value} BETWEEN 0 AND ${10n ** BigInt(longest) - 1n} ` +
    `THEN (CASE ${digits.join(" ")} END + CASE ${zeros.join(" ")} END) & ${MASK} ` +
    `ELSE ${textHash(`CAST(${value} AS VARCHAR)`)} END`
  );
}

const digitsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, j) => j);

/** Java's hash over UTF-16 units: a character beyond 16 bits counts as its two surrogates. */
const textHash = (text: string): string =>
  `CASE WHEN ${text} = '' THEN 0 ELSE list_reduce(list_transform(string_split(${text}, ''), lambda c: CAST(unicode(c) AS BIGINT)), ` +
  `lambda h, c: CASE WHEN c < 65536 THEN (31 * h + c) & ${MASK} ` +
  `ELSE (31 * ((31 * h + 55232 + (c >> 10)) & ${MASK}) + 56320 + (c & 1023)) & ${MASK} END, 0::BIGINT) END`;
