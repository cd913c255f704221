/** Milliseconds since 1970 of a Hudi instant of 17 digits, which is a time in UTC. */
export function instantMs(instant: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(instant);
  if (match === null) throw new RangeError(`not an instant of 17 digits: ${JSON.stringify(instant)}`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second, ms);
}

/** A text that sorts before this instant and not before any earlier one. */
export const justBefore = (instant: string): string => (BigInt(instant) - 1n).toString().padStart(17, "0");
