import type { ColumnType } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";

/*
 * The integers of dates, times and decimals in columns, to canonical JSON and back. It shares no code with the
 * product, which does this in doubles and SQL.
 */
const NO_DAY = -(2n ** 31n);
const NO_MOMENT = -(2n ** 63n);
const DAY_US = 86_400_000_000n;

const pad = (value: bigint | number, width: number): string => String(value).padStart(width, "0");

/** The canonical JSON of a column's integer. */
export function integerText(type: ColumnType, value: bigint): string {
  switch (type.kind) {
    case "date":
      return `"${value < NO_DAY / 2n ? partsText(value - NO_DAY) : dayText(value)}"`;
    case "datetime":
    case "timestamp":
      return `"${momentText(value).slice(0, type.fsp === 0 ? 19 : 20 + type.fsp)}"`;
    case "decimal": {
      const digits = pad(value < 0n ? -value : value, type.scale + 1);
      const at = digits.length - type.scale;
      const fraction = type.scale === 0 ? "" : `.${digits.slice(at)}`;
      return `"${value < 0n ? "-" : ""}${digits.slice(0, at)}${fraction}"`;
    }
    default:
      return String(value);
  }
}

const partsText = (parts: bigint): string =>
  `${pad(parts >> 9n, 4)}-${pad((parts >> 5n) & 15n, 2)}-${pad(parts & 31n, 2)}`;

function dayText(day: bigint): string {
  const date = new Date(Number(day) * 86_400_000);
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`;
}

function momentText(value: bigint): string {
  if (value < NO_MOMENT / 2n) {
    const packed = value - NO_MOMENT;
    const clock = (packed >> 20n) & 0x1ffffn;
    const time = [clock >> 12n, (clock >> 6n) & 63n, clock & 63n].map((part) => pad(part, 2)).join(":");
    return `${partsText(packed >> 37n)} ${time}.${pad(packed & 0xfffffn, 6)}`;
  }
  const inDay = ((value % DAY_US) + DAY_US) % DAY_US;
  const seconds = inDay / 1_000_000n;
  const time = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => pad(part, 2)).join(":");
  return `${dayText((value - inDay) / DAY_US)} ${time}.${pad(inDay % 1_000_000n, 6)}`;
}

/** The integer of a cell's canonical JSON; null where the cell is no date, time or decimal that has one. */
export function integerOf(type: ColumnType, json: string): string | null {
  if (type.kind === "decimal") {
    return type.precision <= 15 ? String(BigInt(json.slice(1, -1).replace(".", ""))) : null;
  }
  if (type.kind !== "date" && type.kind !== "datetime" && type.kind !== "timestamp") return null;
  const found = /^"(\d+)-(\d+)-(\d+)(?: (\d+):(\d+):(\d+)(?:\.(\d+))?)?"$/.exec(json);
  const part = (index: number): bigint => BigInt(must(found, "a date")[index] ?? "0");
  const [year, month, day] = [part(1), part(2), part(3)];
  const micros = BigInt((found?.[7] ?? "").padEnd(6, "0"));
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDay = year > 0n && dayText(BigInt(date.getTime()) / 86_400_000n) === json.slice(1, 11);
  const parts = year * 512n + month * 32n + day;
  if (type.kind === "date") return String(isDay ? BigInt(date.getTime()) / 86_400_000n : NO_DAY + parts);
  const seconds = (part(4) * 60n + part(5)) * 60n + part(6);
  if (isDay) return String(BigInt(date.getTime()) * 1000n + seconds * 1_000_000n + micros);
  const clock = part(4) * 4096n + part(5) * 64n + part(6);
  return String(NO_MOMENT + (parts * 131_072n + clock) * 1_048_576n + micros);
}
