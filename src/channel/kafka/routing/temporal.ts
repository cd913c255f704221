import type { ColumnType } from "../../../types/table-schema.ts";

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const CLOCK = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;
const TIME = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/**
 * A date or time as a cell of that type has it, so that the texts compare as the times do; null when it is none. A
 * date alone is its midnight. What is finer than the column stays longer than any cell, which makes it equal to none
 * and greater than the cell that it begins with.
 */
export function parseTemporal(type: ColumnType, text: string): string | null {
  switch (type.kind) {
    case "date":
      return dateOf(text);
    case "time":
      return timeOf(text, type.fsp);
    case "datetime":
    case "timestamp":
      return dateTimeOf(text, type.fsp);
    default:
      return null;
  }
}

/** MySQL also has dates that lack a month or a day. */
function dateOf(text: string): string | null {
  const match = DATE.exec(text);
  return match !== null && Number(match[2]) <= 12 && Number(match[3]) <= 31 ? text : null;
}

function dateTimeOf(text: string, fsp: number): string | null {
  const [date = "", clock = "00:00:00", ...rest] = text.split(/[ T]/);
  const match = CLOCK.exec(clock);
  if (match === null || dateOf(date) === null || rest.length > 0) return null;
  const [, hours = "", minutes = "", seconds = "", fraction = ""] = match;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  return `${date} ${hours}:${minutes}:${seconds}${fractionOf(fraction, fsp)}`;
}

function timeOf(text: string, fsp: number): string | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const [, sign = "", hours = "", minutes = "", seconds = "", fraction = ""] = match;
  if (Number(hours) > 838 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  const shown = hours.replace(/^0(?=\d\d)/, "");
  const rest = `${shown}:${minutes}:${seconds}${fractionOf(fraction, fsp)}`;
  return /[1-9]/.test(rest) ? sign + rest : rest;
}

/** With as many digits as the column has, and more only where they are not zero. */
function fractionOf(digits: string, fsp: number): string {
  const fraction = digits.replace(/0+$/, "").padEnd(fsp, "0");
  return fraction === "" ? "" : `.${fraction}`;
}
