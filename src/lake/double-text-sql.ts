/** Beyond so many digits before the point, or zeros behind it, MySQL writes an exponent. */
const POINT_MAX = 15;

/**
 * A double as MySQL's JSON spells it (`my_gcvt` in its sources), in DuckDB's SQL: the digits and the place of the
 * point are taken out of DuckDB's own shortest text. `p` digits stand in front of the point.
 */
export function doubleText(value: string): string {
  const text = `CAST(abs(${value}) AS VARCHAR)`;
  const mantissa = `split_part(${text}, 'e', 1)`;
  const exponent = `coalesce(TRY_CAST(split_part(${text}, 'e', 2) AS INTEGER), 0)`;
  const all = `replace(${mantissa}, '.', '')`;
  const parts = `SELECT rtrim(ltrim(${all}, '0'), '0') AS d, ${exponent} + strlen(split_part(${mantissa}, '.', 1)) - strlen(${all}) + strlen(ltrim(${all}, '0')) AS p`;
  const spelled =
    `CASE WHEN d = '' THEN '0.0' ` +
    `WHEN p < ${1 - POINT_MAX} OR (p > ${POINT_MAX} AND strlen(d) <= p) THEN d[1] || CASE WHEN strlen(d) > 1 THEN '.' || d[2:] ELSE '' END || 'e' || (p - 1) ` +
    `WHEN p <= 0 THEN '0.' || repeat('0', -p) || d ` +
    `WHEN strlen(d) <= p THEN d || repeat('0', p - strlen(d)) || '.0' ` +
    `ELSE d[1:p] || '.' || d[p + 1:] END`;
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE CASE WHEN signbit(${value}) THEN '-' ELSE '' END || (SELECT ${spelled} FROM (${parts})) END`;
}
