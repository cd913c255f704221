/**
 * `bucket.ts` in SQL, over typed columns and without building the record key. Integers hash by arithmetic on
 * their decimal digits, which is several times faster than walking over the characters of a text.
 */
import type { LakeColumn } from "./lake-column.ts";
import { keyText } from "./record-key.ts";

const MASK = "4294967295";
/** Of the longest number that goes by digits. */
const DIGITS_MAX = 18;
/** Of an INTEGER, of which most have less. */
const INT_DIGITS_MAX = 10;
const INT_DIGITS_USUAL = 6;
/** Of what is summed without a look at overflow; a longer number is two of them. */
const PART_DIGITS = 9;

const power10 = (exponent: number): bigint => 10n ** BigInt(exponent);
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
  if (duck === "INTEGER") return integerHash(`CAST(${value} AS BIGINT)`, { digitsMax: INT_DIGITS_MAX });
  if (duck === "BIGINT") return integerHash(value);
  if (duck === "TIMESTAMPTZ") return integerHash(`epoch_us(${value})`);
  if (duck === "DECIMAL(38,0)") return integerHash(`CAST(${value} AS BIGINT)`, { exact: value });
  const text = keyText(column, value);
  return textHash(isComposite && duck === "VARCHAR" ? hashedPart(text) : text);
}

/**
 * Of a text in a composite key Hudi hashes less than all when a comma stands before a colon in it: what
 * follows the last such comma then reads like another column, of a name that is none of ours.
 */
const hashedPart = (text: string): string =>
  `CASE WHEN regexp_matches(${text}, ',[^:]*:') THEN regexp_extract(${text}, '^([^,]*(?:,[^:,]*)*),[^:,]*:', 1) ELSE ${text} END`;

interface IntegerOptions {
  /** Of the type, or the most that goes by digits. */
  readonly digitsMax?: number;
  /** The number in a type that holds more than `value` can. */
  readonly exact?: string;
}

/**
 * Java's hash of a number's decimal text, for BIGINT: the sum over digits d at place j of (48 + d) * 31^j. The digits
 * are summed for a few lengths only, since leading zeros add nothing, and the 48s come from a table. A branch for
 * every length would be a little faster for many rows, and for few ones DuckDB takes longer to plan each of them than
 * to do everything else.
 */
function integerHash(value: string, { digitsMax = DIGITS_MAX, exact = value }: IntegerOptions = {}): string {
  const isLong = digitsMax > INT_DIGITS_MAX;
  const usual = isLong ? PART_DIGITS : INT_DIGITS_USUAL;
  const more = isLong ? longSum(value) : digitSum(value, digitsMax);
  const branches = `WHEN ${value} < ${power10(usual)} THEN ${digitSum(value, usual)} ELSE ${more}`;
  const zeros = digitsOf(digitsMax).map((j) =>
    digitsOf(j + 1).reduce((sum, k) => sum + 48n * power31(k), 0n),
  );
  return (
    `CASE WHEN ${exact} BETWEEN 0 AND ${power10(digitsMax) - 1n} ` +
    `THEN (CASE ${branches} END + [${zeros.join(", ")}][length(CAST(${value} AS VARCHAR))]) & ${MASK} ` +
    `ELSE ${textHash(`CAST(${exact} AS VARCHAR)`)} END`
  );
}

/**
 * The sum of d * 31^j for up to ten digits, which stays below 2^48. With d = v // 10^j - 10 * (v // 10^(j + 1)) each
 * quotient is needed once: v + 21 * (v // 10) + 21 * 31 * (v // 100) and so on.
 */
const digitSum = (value: string, digits: number): string =>
  digitsOf(digits)
    .map((j) => (j === 0 ? value : `(${value} // ${power10(j)}) * ${21n * 31n ** BigInt(j - 1)}`))
    .join(" + ");

/** The same for up to eighteen, of which the upper half counts 31^9 times as much. */
function longSum(value: string): string {
  // As a signed number of 32 bits it is small enough for the product.
  const shift = BigInt.asIntN(32, power31(PART_DIGITS));
  const part = power10(PART_DIGITS);
  const low = digitSum(`(${value} % ${part})`, PART_DIGITS);
  const high = digitSum(`(${value} // ${part})`, PART_DIGITS);
  return `${low} + ((${high}) & ${MASK}) * (${shift})`;
}

const digitsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, j) => j);

/** Java's hash over UTF-16 units: a character beyond 16 bits counts as its two surrogates. */
const textHash = (text: string): string =>
  `CASE WHEN ${text} = '' THEN 0 ELSE list_reduce(list_transform(string_split(${text}, ''), lambda c: CAST(unicode(c) AS BIGINT)), ` +
  `lambda h, c: CASE WHEN c < 65536 THEN (31 * h + c) & ${MASK} ` +
  `ELSE (31 * ((31 * h + 55232 + (c >> 10)) & ${MASK}) + 56320 + (c & 1023)) & ${MASK} END, 0::BIGINT) END`;
