import { NO_DAY } from "../types/column-values.ts";

/**
 * Dates and times as the numbers that columns have (`types/column-values.ts`).
 */

/** Days of each month, February without its leap day. */
const MONTH_DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  return day <= (MONTH_DAYS[month] as number) || (month === 2 && day === 29 && isLeap(year));
}

/** Days from 1970-01-01 to a date of the Gregorian calendar, by years that begin in March. */
function daysTo(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const shifted = month <= 2 ? month + 9 : month - 3;
  const leaps = ((y / 4) | 0) - ((y / 100) | 0) + ((y / 400) | 0);
  return y * 365 + leaps + (((153 * shifted + 2) / 5) | 0) + day - 719469;
}

/** The number of a DATE. */
export const dayNumber = (year: number, month: number, day: number): number =>
  isDay(year, month, day) ? daysTo(year, month, day) : NO_DAY + year * 512 + month * 32 + day;

const WORD = 2 ** 32;

/** Writes microseconds since 1970. `seconds` may be negative, and are exact in a double for every year of MySQL. */
export function writeEpoch(v: DataView, at: number, seconds: number, micros: number): void {
  // 10^6 is 15625 * 64, and a second times 15625 is still exact.
  const units = seconds * 15625;
  const high = Math.floor(units / 2 ** 26);
  const low = (units - high * 2 ** 26) * 64 + micros;
  v.setInt32(at, low, true);
  v.setInt32(at + 4, high + (low >= WORD ? 1 : 0), true);
}

/** Writes the number of a DATETIME, whose time of day is in `clock`: hour * 4096 + minute * 64 + second. */

export function writeMoment(
  v: DataView,
  at: number,
  year: number,
  month: number,
  day: number,
  clock: number,
  micros: number,
): void {
  if (isDay(year, month, day)) {
    const seconds = (clock >> 12) * 3600 + ((clock >> 6) & 63) * 60 + (clock & 63);
    writeEpoch(v, at, daysTo(year, month, day) * 86400 + seconds, micros);
    return;
  }
  // 2^20 for the microseconds leaves the lowest 12 bits of the clock in the low word.
  v.setInt32(at, (clock << 20) | micros, true);
  v.setInt32(at + 4, NO_DAY + (year * 512 + month * 32 + day) * 32 + (clock >> 12), true);
}
