import { writePadded, writeTwo } from "./byte-writer.ts";

/**
 * Dates and times of row images as quoted text. The packed forms are those of MySQL's
 * `mysys/my_time.cc`: big-endian, offset so that they sort as bytes, the fraction in as many bytes as its
 * digits need. All writers need room for 30 bytes.
 */
const QUOTE = 0x22;
const DASH = 0x2d;
const COLON = 0x3a;

/** Bytes of the fraction for 0 to 6 digits. */
export const fractionBytes = (fsp: number): number => (fsp + 1) >> 1;

/** Big-endian number of 0 to 4 bytes. */
function big(source: Uint8Array, from: number, bytes: number): number {
  switch (bytes) {
    case 0:
      return 0;
    case 1:
      return source[from] as number;
    case 2:
      return ((source[from] as number) << 8) | (source[from + 1] as number);
    case 3:
      return (
        ((source[from] as number) << 16) | ((source[from + 1] as number) << 8) | (source[from + 2] as number)
      );
    default:
      return big(source, from, 2) * 65536 + big(source, from + 2, 2);
  }
}

/** Fraction as stored (two, four or six digits) to the first `fsp` of them, with the point in front. */
function writeFraction(out: Uint8Array, at: number, stored: number, fsp: number): number {
  if (fsp === 0) return at;
  out[at] = 0x2e;
  const digits = fsp % 2 === 1 ? Math.floor(stored / 10) : stored;
  return writePadded(out, at + 1, digits, fsp);
}

function writeDay(out: Uint8Array, at: number, year: number, month: number, day: number): number {
  writePadded(out, at, year, 4);
  out[at + 4] = DASH;
  writeTwo(out, at + 5, month);
  out[at + 7] = DASH;
  return writeTwo(out, at + 8, day);
}

function writeClock(out: Uint8Array, at: number, hour: number, minute: number, second: number): number {
  let o = hour > 99 ? writePadded(out, at, hour, 3) : writeTwo(out, at, hour);
  out[o++] = COLON;
  o = writeTwo(out, o, minute);
  out[o++] = COLON;
  return writeTwo(out, o, second);
}

/** DATE: 24 bits, little-endian, day 5, month 4, year 15. */
export function writeDate(out: Uint8Array, at: number, packed: number): number {
  out[at] = QUOTE;
  const o = writeDay(out, at + 1, packed >> 9, (packed >> 5) & 15, packed & 31);
  out[o] = QUOTE;
  return o + 1;
}

/** DATETIME: 40 bits above 2^39: (year * 13 + month) 17, day 5, hour 5, minute 6, second 6; then the fraction. */
export function writeDatetime2(
  out: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): number {
  const day = (big(source, from, 3) - 0x800000) | 0; // year-month 17, day 5, the top bit of the hour
  const clock = ((day & 1) << 16) | ((source[from + 3] as number) << 8) | (source[from + 4] as number);
  const yearMonth = day >> 6;
  const year = (yearMonth / 13) | 0;
  let o = at;
  out[o++] = QUOTE;
  o = writeDay(out, o, year, yearMonth - year * 13, (day >> 1) & 31);
  out[o++] = 0x20;
  o = writeClock(out, o, clock >> 12, (clock >> 6) & 63, clock & 63);
  o = writeFraction(out, o, big(source, from + 5, fractionBytes(fsp)), fsp);
  out[o++] = QUOTE;
  return o;
}

/** TIMESTAMP: seconds since 1970 in UTC, then the fraction; all zero is the zero timestamp. */
export function writeTimestamp2(
  out: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): number {
  const seconds = big(source, from, 4);
  const fraction = big(source, from + 4, fractionBytes(fsp));
  let o = at;
  out[o++] = QUOTE;
  if (seconds === 0) {
    // MySQL's range begins at 1970-01-01 00:00:01, so a zero second is the zero date.
    o = writeDay(out, o, 0, 0, 0);
    out[o++] = 0x20;
    o = writeClock(out, o, 0, 0, 0);
  } else {
    const days = (seconds / 86400) | 0;
    o = writeCivilDay(out, o, days);
    out[o++] = 0x20;
    const clock = (seconds - days * 86400) | 0;
    const minutes = (clock / 60) | 0;
    o = writeClock(out, o, (minutes / 60) | 0, minutes % 60, clock % 60);
  }
  o = writeFraction(out, o, fraction, fsp);
  out[o++] = QUOTE;
  return o;
}

/** Days that were written before, by their lowest bits: a table's timestamps fall on few days. */
const DAY_SLOTS = 4096;
const dayOfSlot = new Int32Array(DAY_SLOTS).fill(-1);
const textOfSlot = new Uint8Array(DAY_SLOTS * 10);

function writeCivilDay(out: Uint8Array, at: number, days: number): number {
  const slot = days & (DAY_SLOTS - 1);
  const from = slot * 10;
  if (dayOfSlot[slot] !== days) {
    computeCivilDay(textOfSlot.subarray(from, from + 10), days);
    dayOfSlot[slot] = days;
  }
  for (let i = 0; i < 10; i++) out[at + i] = textOfSlot[from + i] as number;
  return at + 10;
}

/** Days since 1970-01-01 to a date of the Gregorian calendar, by years that begin in March. */
function computeCivilDay(out: Uint8Array, days: number): void {
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
  writeDay(out, 0, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day);
}

/**
 * TIME: hour 10, minute 6, second 6 bits above 2^23, then the fraction. A negative time is the two's
 * complement of the whole, fraction included, so that the second is one too low where there is a fraction.
 */
export function writeTime2(
  out: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  fsp: number,
): number {
  const bytes = fractionBytes(fsp);
  const whole = big(source, from, 3) - 0x800000;
  const scale = 256 ** bytes;
  const packed = whole * scale + big(source, from + 3, bytes);
  const magnitude = Math.abs(packed);
  const clock = Math.floor(magnitude / scale);
  let o = at;
  out[o++] = QUOTE;
  if (packed < 0) out[o++] = DASH;
  o = writeClock(out, o, (clock >> 12) & 0x3ff, (clock >> 6) & 63, clock & 63);
  o = writeFraction(out, o, magnitude - clock * scale, fsp);
  out[o++] = QUOTE;
  return o;
}
