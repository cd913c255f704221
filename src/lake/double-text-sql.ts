/** Beyond so many digits before the point, or zeros behind it, MySQL writes an exponent. */
const POINT_MAX = 15;

const mantissaSql = (text: string): string => `split_part(${text}, 'e', 1)`;
const allDigitsSql = (text: string): string => `replace(${mantissaSql(text)}, '.', '')`;

/** The digits of a number of which DuckDB has made this text, from the first to the last that is not zero; none of 0. */
export const digitsSql = (text: string): string => `rtrim(ltrim(${allDigitsSql(text)}, '0'), '0')`;

/** How many of those digits stand before the point; below zero, how many zeros stand behind it and before them. */
export function pointSql(text: string): string {
  const all = allDigitsSql(text);
  const exponent = `coalesce(TRY_CAST(split_part(${text}, 'e', 2) AS INTEGER), 0)`;
  return `${exponent} + strlen(split_part(${mantissaSql(text)}, '.', 1)) - strlen(${all}) + strlen(ltrim(${all}, '0'))`;
}

/**
 * A double as MySQL's JSON spells it (`my_gcvt` in its sources), in DuckDB's SQL: the digits and the place of the
 * point are taken out of DuckDB's own shortest text. `p` digits stand in front of the point.
 */
export function doubleText(value: string): string {
  const text = `CAST(abs(${value}) AS VARCHAR)`;
  const parts = `SELECT ${digitsSql(text)} AS d, ${pointSql(text)} AS p`;
  const spelled =
    `CASE WHEN d = '' THEN '0.0' ` +
    `WHEN p < ${1 - POINT_MAX} OR (p > ${POINT_MAX} AND strlen(d) <= p) THEN d[1] || CASE WHEN strlen(d) > 1 THEN '.' || d[2:] ELSE '' END || 'e' || (p - 1) ` +
    `WHEN p <= 0 THEN '0.' || repeat('0', -p) || d ` +
    `WHEN strlen(d) <= p THEN d || repeat('0', p - strlen(d)) || '.0' ` +
    `ELSE d[1:p] || '.' || d[p + 1:] END`;
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE CASE WHEN signbit(${value}) THEN '-' ELSE '' END || (SELECT ${spelled} FROM (${parts})) END`;
}
