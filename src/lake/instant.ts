/**
 * Hudi's names for moments of a table: `yyyyMMddHHmmssSSS` in UTC (the table's properties say so), compared
 * as text. They name commits and order them; as times they are only as good as the clock that made them.
 */
import { assert } from "../util/assert.ts";

const INSTANT = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/;

export const isInstant = (text: string): boolean => INSTANT.test(text);

export function formatInstant(timeMs: number): string {
  const digits = new Date(timeMs).toISOString().replaceAll(/[-:.TZ]/g, "");
  assert(digits.length === 17, `${timeMs} is outside of the years that an instant can name`);
  return digits;
}

/** Milliseconds since 1970. @throws RangeError when the text is not an instant of the calendar. */
export function instantTimeMs(instant: string): number {
  const match = INSTANT.exec(instant);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = (match ?? [])
    .slice(1)
    .map(Number);
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  if (match === null || formatInstant(timeMs) !== instant) {
    throw new RangeError(`not an instant: ${JSON.stringify(instant)}`);
  }
  return timeMs;
}

/**
 * A name for now that comes after every other of the table, also when the clock was set back. It is
 * counted up as a time of the calendar: adding to the digits would make times that do not exist.
 */
export const nextInstant = (nowMs: number, last: string | null): string =>
  formatInstant(last === null ? nowMs : Math.max(nowMs, instantTimeMs(last) + 1));
