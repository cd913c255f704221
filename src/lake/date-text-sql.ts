/** The canonical text of a DATE of the lake, in DuckDB's SQL. Years have four digits. */
export const dayText = (date: string): string =>
  `lpad(CAST(year(${date}) AS VARCHAR), 4, '0') || strftime(${date}, '-%m-%d')`;

/** That of a TIMESTAMPTZ. The fraction has as many digits as the column. */
export function momentText(name: string, fsp: number): string {
  const moment = `(${name} AT TIME ZONE 'UTC')`;
  const fraction = fsp === 0 ? "" : ` || '.' || left(strftime(${moment}, '%f'), ${fsp})`;
  return `${dayText(moment)} || strftime(${moment}, ' %H:%M:%S')${fraction}`;
}
