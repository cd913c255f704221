import { dayNumber, writeEpoch, writeMoment } from "./calendar.ts";
import { corrupt } from "./corrupt.ts";
import { PAIRS, writeFour, writePadded } from "./digits.ts";

/**
 * Dates and times of row images as quoted text. The packed forms are those of MySQL's
 * `mysys/my_time.cc`: big-endian, offset so that they sort as bytes, the fraction in as many bytes as its
 * digits need. All writers need room for 32 bytes.
 *
 * Some bits can say what no server stores, hour 31 or year 10000: whoever reads one refuses it, since its text and its
 * number would be two different values.
 */
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;
const SPACE = 0x20;
const POINT = 0x2e;

/** Bytes of the fraction for 0 to 6 digits. */
export const fractionBytes = (fsp: number): number => (fsp + 1) >> 1;

/** Big-endian number of 0 to 3 bytes. */
function big(source: Uint8Array, from: number, bytes: number): number {
  switch (bytes) {
    case 0:
      return 0;
    case 1:
      return source[from] as number;
    case 2:
      return ((source[from] as number) << 8) | (source[from + 1] as number);
    default:
      return (
        ((source[from] as number) << 16) | ((source[from + 1] as number) << 8) | (source[from + 2] as number)
      );
  }
}

const YEARS = 10_000;
const MONTHS = YEARS * 13;
const HOURS_OF_TIME = 839;
/** 24:00:00 and 00:60:00 as a time of day has them. */
const DAY_CLOCK = 24 << 12;
const HOUR_CLOCK = 60 << 6;

function impossible(what: string): never {
  throw corrupt(`${what} that cannot be`);
}

/** The year and month of a DATETIME, as year * 13 + month, and its time of day: hour 5, minute 6, second 6 bits. */
function checkMoment(yearMonth: number, clock: number): void {
  // Below 0 it is a large number without its sign.
  if (yearMonth >>> 0 >= MONTHS || clock >= DAY_CLOCK || (clock & 0xfff) >= HOUR_CLOCK || (clock & 63) > 59)
    impossible("a date and time");
}

function checkDate(year: number, month: number): void {
  if (year >= YEARS || month > 12) impossible("a date");
}

/** First number that a fraction of so many bytes does not reach. */
const FRACTION_LIMITS = [1, 100, 10_000, 1_000_000] as const;

/** A fraction as it is stored; of an odd number of digits the last one that is stored is 0. */
function checkFraction(stored: number, fsp: number): void {
  if (stored === 0) return;
  if (stored >= (FRACTION_LIMITS[fractionBytes(fsp)] as number) || ((fsp & 1) === 1 && stored % 10 !== 0))
    impossible("a fraction of a second");
}

function fractionAt(source: Uint8Array, from: number, fsp: number): number {
  const stored = big(source, from, fractionBytes(fsp));
  checkFraction(stored, fsp);
  return stored;
}

/** The point and the first `fsp` digits of a fraction as it is stored, in two, four or six digits. */
function writeFraction(v: DataView, at: number, stored: number, fsp: number): number {
  if (fsp === 0) return at;
  const digits = (fsp & 1) === 1 ? (stored / 10) | 0 : stored;
  v.setUint8(at, POINT);
  return writePadded(v, at + 1, digits, fsp);
}

/** `YYYY-MM-DD`, ten bytes. */
function writeDay(v: DataView, at: number, year: number, month: number, day: number): number {
  writeFour(v, at, year);
  v.setUint32(at + 4, DASH | ((PAIRS[month] as number) << 8) | (DASH << 24), true);
  v.setUint16(at + 8, PAIRS[day] as number, true);
  return at + 10;
}

/** `:MM:SS`, six bytes. */
function writeMinutes(v: DataView, at: number, minute: number, second: number): number {
  v.setUint32(at, COLON | ((PAIRS[minute] as number) << 8) | (COLON << 24), true);
  v.setUint16(at + 4, PAIRS[second] as number, true);
  return at + 6;
}

/** ` HH:MM:SS`, nine bytes. */
function writeClock(v: DataView, at: number, hour: number, clock: number): number {
  v.setUint8(at, SPACE);
  v.setUint16(at + 1, PAIRS[hour] as number, true);
  return writeMinutes(v, at + 3, (clock >> 6) & 63, clock & 63);
}

/** A time of day or a span, as a client's protocol has it. */
export interface Clock {
  hour: number;
  minute: number;
  second: number;
  micros: number;
}

/** `[-]HH:MM:SS` and the first `fsp` digits of the fraction; an hour has as many digits as it needs. */
export function writeTimeOf(
  v: DataView,
  at: number,
  { hour, minute, second, micros }: Clock,
  { isNegative, fsp }: { readonly isNegative: boolean; readonly fsp: number },
): number {
  let o = at;
  if (isNegative) v.setUint8(o++, DASH);
  o = writePadded(v, o, hour, hour > 99 ? 3 : 2);
  return writeMicros(v, writeMinutes(v, o, minute, second), micros, fsp);
}

function writeMicros(v: DataView, at: number, micros: number, fsp: number): number {
  if (fsp === 0) return at;
  v.setUint8(at, POINT);
  return writePadded(v, at + 1, (micros / 10 ** (6 - fsp)) | 0, fsp);
}

/** Microseconds of a fraction as it is stored, in as many bytes as its digits need. */
const MICROS_OF_STORED = [1, 10_000, 100, 1] as const;
function microsAt(source: Uint8Array, from: number, fsp: number): number {
  if (fsp === 0) return 0;
  return fractionAt(source, from, fsp) * (MICROS_OF_STORED[fractionBytes(fsp)] as number);
}

/** A DATE's number. */
export function dayOf(packed: number): number {
  checkDate(packed >> 9, (packed >> 5) & 15);
  return dayNumber(packed >> 9, (packed >> 5) & 15, packed & 31);
}

/** A DATETIME's number, in eight bytes. */
export function writeDatetimeNumber(
  v: DataView,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): void {
  const day = (big(source, from, 3) - 0x800000) | 0;
  const clock = ((day & 1) << 16) | big(source, from + 3, 2);
  const yearMonth = day >> 6;
  const year = (yearMonth / 13) | 0;
  checkMoment(yearMonth, clock);
  const micros = microsAt(source, from + 5, fsp);
  writeMoment(v, at, year, yearMonth - year * 13, (day >> 1) & 31, clock, micros);
}

/** A TIMESTAMP's number, in eight bytes. */
export function writeTimestampNumber(
  v: DataView,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): void {
  const seconds = (source[from] as number) * 0x1000000 + big(source, from + 1, 3);
  const micros = microsAt(source, from + 4, fsp);
  if (seconds === 0) {
    if (micros !== 0) impossible("a moment");
    writeMoment(v, at, 0, 0, 0, 0, 0);
  } else writeEpoch(v, at, seconds, micros);
}

/** DATE: 24 bits, little-endian, day 5, month 4, year 15. */
export function writeDate(v: DataView, at: number, packed: number): number {
  checkDate(packed >> 9, (packed >> 5) & 15);
  v.setUint8(at, QUOTE);
  const o = writeDay(v, at + 1, packed >> 9, (packed >> 5) & 15, packed & 31);
  v.setUint8(o, QUOTE);
  return o + 1;
}

/** DATETIME: 40 bits above 2^39: (year * 13 + month) 17, day 5, hour 5, minute 6, second 6; then the fraction. */
export function writeDatetime2(
  v: DataView,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): number {
  const day = (big(source, from, 3) - 0x800000) | 0; // year-month 17, day 5, the top bit of the hour
  const clock = ((day & 1) << 16) | big(source, from + 3, 2);
  const yearMonth = day >> 6;
  const year = (yearMonth / 13) | 0;
  checkMoment(yearMonth, clock);
  v.setUint8(at, QUOTE);
  let o = writeDay(v, at + 1, year, yearMonth - year * 13, (day >> 1) & 31);
  o = writeClock(v, o, clock >> 12, clock);
  o = writeFraction(v, o, fractionAt(source, from + 5, fsp), fsp);
  v.setUint8(o, QUOTE);
  return o + 1;
}

/** TIMESTAMP: seconds since 1970 in UTC, then the fraction; all zero is the zero timestamp. */
export function writeTimestamp2(
  v: DataView,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): number {
  const seconds = (source[from] as number) * 0x1000000 + big(source, from + 1, 3);
  const fraction = fractionAt(source, from + 4, fsp);
  let o = at + 1;
  v.setUint8(at, QUOTE);
  if (seconds === 0) {
    if (fraction !== 0) impossible("a moment");
    // MySQL's range begins at 1970-01-01 00:00:01, so a zero second is the zero date.
    o = writeClock(v, writeDay(v, o, 0, 0, 0), 0, 0);
  } else {
    const days = (seconds / 86400) | 0;
    const clock = (seconds - days * 86400) | 0;
    const minutes = (clock / 60) | 0;
    const hours = (minutes / 60) | 0;
    o = writeCivilDay(v, o, days);
    o = writeClock(v, o, hours, ((minutes - hours * 60) << 6) | (clock - minutes * 60));
  }
  o = writeFraction(v, o, fraction, fsp);
  v.setUint8(o, QUOTE);
  return o + 1;
}

/** Days that were computed before, by their lowest bits: a table's timestamps fall on few days. */
const DAY_SLOTS = 4096;
const dayOfSlot = new Int32Array(DAY_SLOTS).fill(-1);
/** Year, month and day of each slot in one number. */
const civilOfSlot = new Int32Array(DAY_SLOTS);

function writeCivilDay(v: DataView, at: number, days: number): number {
  const slot = days & (DAY_SLOTS - 1);
  if (dayOfSlot[slot] !== days) {
    civilOfSlot[slot] = civilDay(days);
    dayOfSlot[slot] = days;
  }
  const civil = civilOfSlot[slot] as number;
  return writeDay(v, at, civil >> 9, (civil >> 5) & 15, civil & 31);
}

/** Days since 1970-01-01 to a date of the Gregorian calendar, by years that begin in March; packed as a DATE. */
function civilDay(days: number): number {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const dayOfEra = z - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return (year << 9) | (month << 5) | day;
}

/**
 * TIME: hour 10, minute 6, second 6 bits above 2^23, then the fraction. A negative time is the two's
 * complement of the whole, fraction included, so that the second is one too low where there is a fraction.
 */
export function writeTime2(v: DataView, at: number, source: Uint8Array, from: number, fsp: number): number {
  const bytes = fractionBytes(fsp);
  const whole = big(source, from, 3) - 0x800000;
  const scale = 256 ** bytes;
  const packed = whole * scale + big(source, from + 3, bytes);
  const magnitude = Math.abs(packed);
  const clock = Math.floor(magnitude / scale);
  const hour = clock >> 12;
  if (hour >= HOURS_OF_TIME || (clock & 0xfff) >= HOUR_CLOCK || (clock & 63) > 59) impossible("a time");
  const fraction = magnitude - clock * scale;
  checkFraction(fraction, fsp);
  let o = at;
  v.setUint8(o++, QUOTE);
  if (packed < 0) v.setUint8(o++, DASH);
  o = writePadded(v, o, hour, hour > 99 ? 3 : 2);
  o = writeMinutes(v, o, (clock >> 6) & 63, clock & 63);
  o = writeFraction(v, o, fraction, fsp);
  v.setUint8(o, QUOTE);
  return o + 1;
}
