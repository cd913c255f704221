const FORM =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d{2}):?(\d{2}))?)?$/i;

/**
 * `2026-11-21`, `2026-11-21T10:00:00.123+02:00` in milliseconds since 1970; null when it is no such time.
 * Without a zone it is UTC, as all times of this program are.
 */
export function parseMoment(text: string): number | null {
  const match = FORM.exec(text.trim());
  if (match === null) return null;
  const number = (group: number): number => Number(match[group] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number) as Parts;
  const ms = Number((match[7] ?? "").padEnd(3, "0"));
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  date.setUTCFullYear(year, month - 1, day);
  // What the calendar or the clock does not have would silently become another time.
  const exists = date
    .toISOString()
    .startsWith(`${String(year).padStart(4, "0")}-${match[2] ?? ""}-${match[3] ?? ""}`);
  if (!exists || hour > 23 || minute > 59 || second > 59 || number(9) > 23 || number(10) > 59) return null;
  const offsetMinutes = (number(9) * 60 + number(10)) * (match[8] === "-" ? -1 : 1);
  return date.getTime() - offsetMinutes * 60_000;
}

type Parts = [number, number, number, number, number, number];

/** `2026-11-21 10:00:00 UTC`: for people. */
export const formatMoment = (ms: number): string =>
  `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
