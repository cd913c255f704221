/**
 * Hudi's record key as SQL over typed columns: the bare value of a single key column, or `a:1,b:2` of several.
 * Rows are told apart by the typed columns themselves; the text is for Hudi's other writers and readers, and
 * decides the bucket.
 */
import type { LakeColumn } from "./lake-column.ts";
import { digitsSql, pointSql } from "./double-text-sql.ts";
import { identifier, literal } from "./duckdb.ts";
import { assert } from "../util/assert.ts";

const scaleOf = (column: LakeColumn): number =>
  typeof column.type.avro === "string" ? 0 : column.type.avro.decimal.scale;

/** The value's text as Hudi's key generator makes it from Avro. `value` is the SQL of the typed column. */
export function keyText(column: LakeColumn, value: string): string {
  switch (column.type.duck) {
    case "VARCHAR":
      return value;
    case "TIMESTAMPTZ":
      return `CAST(epoch_us(${value}) AS VARCHAR)`;
    case "BLOB":
      // What Hudi prints for bytes names a buffer and not its content; hexadecimal digits are ours.
      return `lower(hex(${value}))`;
    case "FLOAT":
    case "DOUBLE":
      return javaDoubleText(value);
    default:
      return scaleOf(column) > 6 ? bigDecimalText(value, scaleOf(column)) : `CAST(${value} AS VARCHAR)`;
  }
}

/** Of a number below it, and from 10^7 on, Java writes an exponent. */
const PLAIN_POINT_MIN = -2;
const PLAIN_POINT_MAX = 7;

/**
 * A floating number as Java spells it, with the fewest digits that give it back, as Java does since 19. Older ones
 * have a digit more for some, and all of them write 4.9E-324 and a few others behind it with a second digit. Both zeros are `0.0` here: MySQL takes them for one key, and so there is one bucket.
 */
function javaDoubleText(value: string): string {
  const text = `CAST(abs(${value}) AS VARCHAR)`;
  const parts = `SELECT ${digitsSql(text)} AS d, ${pointSql(text)} AS p`;
  const spelled =
    `CASE WHEN d = '' THEN '0.0' ` +
    `WHEN p > ${PLAIN_POINT_MAX} OR p < ${PLAIN_POINT_MIN} THEN d[1] || '.' || CASE WHEN strlen(d) > 1 THEN d[2:] ELSE '0' END || 'E' || (p - 1) ` +
    `WHEN p <= 0 THEN '0.' || repeat('0', -p) || d ` +
    `WHEN strlen(d) <= p THEN d || repeat('0', p - strlen(d)) || '.0' ` +
    `ELSE d[1:p] || '.' || d[p + 1:] END`;
  return `CASE WHEN ${value} < 0 THEN '-' ELSE '' END || (SELECT ${spelled} FROM (${parts}))`;
}

/** Java's BigDecimal writes a number below 10^-6 in scientific notation: 0E-7, 1.2E-7. */
function bigDecimalText(value: string, scale: number): string {
  const plain = `CAST(${value} AS VARCHAR)`;
  const digits = `coalesce(nullif(ltrim(replace(replace(${plain}, '-', ''), '.', ''), '0'), ''), '0')`;
  const mantissa = `substr(${digits}, 1, 1) || CASE WHEN length(${digits}) > 1 THEN '.' || substr(${digits}, 2) ELSE '' END`;
  const sign = `CASE WHEN ${value} < 0 THEN '-' ELSE '' END`;
  const exponent = `CAST(length(${digits}) - 1 - ${scale} AS VARCHAR)`;
  return `CASE WHEN length(${digits}) - 1 - ${scale} < -6 THEN ${sign} || ${mantissa} || 'E' || ${exponent} ELSE ${plain} END`;
}

/** The record key. `value` gives the SQL of a typed column. */
export function recordKeySql(keys: readonly LakeColumn[], value: (name: string) => string): string {
  const [first, ...rest] = keys;
  assert(first !== undefined, "a table has a key");
  if (rest.length === 0) return keyText(first, value(first.name));
  return keys
    .map((column, i) => {
      const text = keyText(column, value(column.name));
      const shown = column.type.duck === "VARCHAR" ? `coalesce(nullif(${text}, ''), '__empty__')` : text;
      return `${literal(`${i === 0 ? "" : ","}${column.name}:`)} || ${shown}`;
    })
    .join(" || ");
}

/**
 * A condition that is true for a row whose key has no record key of its own: an empty text as the whole key,
 * which Hudi refuses, or a text in a composite key that reads like the next column or like a placeholder, so
 * that two rows would share one record key. Null when no value of these columns can.
 */
export function unrepresentableKeySql(
  keys: readonly LakeColumn[],
  value: (name: string) => string,
): string | null {
  const texts = keys.filter((column) => column.type.duck === "VARCHAR" || column.type.duck === "BLOB");
  if (keys.length === 1)
    return texts.map((column) => `${keyText(column, value(column.name))} = ''`)[0] ?? null;
  const conditions = texts
    .filter((column) => column.type.duck === "VARCHAR")
    .flatMap((column) => [
      `${value(column.name)} IN ('__empty__', '__null__')`,
      ...keys.map((other) => `contains(${value(column.name)}, ${literal(`,${other.name}:`)})`),
    ]);
  return conditions.length === 0 ? null : `(${conditions.join(" OR ")})`;
}

/** Equality of the keys of two relations, by typed columns. */
export const sameKeySql = (keys: readonly LakeColumn[], left: string, right: string): string =>
  keys.map((key) => `${left}.${identifier(key.name)} = ${right}.${identifier(key.name)}`).join(" AND ");
