/** Decimal numbers of any length, compared digit by digit: no number of a row ever passes through a double. */
export interface ExactDecimal {
  readonly isNegative: boolean;
  /** Digits in front of the point, as characters, without zeros in front; empty for a number below one. */
  readonly whole: Uint8Array;
  /** Digits behind it, without zeros at the end. */
  readonly fraction: Uint8Array;
}

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const POINT = 0x2e;
const DECIMAL = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Null when it is no decimal number. */
export function parseDecimal(text: string): ExactDecimal | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign = "", before = "", behind = "", exponent = "0"] = match;
  const shift = Number(exponent);
  const digits = (shift < 0 ? "0".repeat(-shift) : "") + before + behind + "0".repeat(Math.max(0, shift));
  const point = before.length + Math.abs(Math.min(0, shift)) + shift;
  const whole = digits.slice(0, point).replace(/^0+/, "");
  const fraction = digits.slice(point).replace(/0+$/, "");
  const isZero = whole === "" && fraction === "";
  return {
    isNegative: sign === "-" && !isZero,
    whole: Buffer.from(whole),
    fraction: Buffer.from(fraction),
  };
}

/**
 * Compares the number that stands at `from` to `to`, as MySQL prints integers and DECIMAL, with another one: below
 * zero when it is less, zero when both are the same number, however many zeros each is written with.
 */
export function compareDecimal(bytes: Uint8Array, from: number, to: number, other: ExactDecimal): number {
  let p = from;
  const isMinus = bytes[p] === MINUS;
  if (isMinus) p++;
  while (p < to && bytes[p] === ZERO) p++;
  let point = p;
  while (point < to && bytes[point] !== POINT) {
    requireDigit(bytes[point] as number);
    point++;
  }
  let end = to;
  if (point < to) {
    while (end > point + 1 && bytes[end - 1] === ZERO) end--;
  }
  const behind = Math.min(point + 1, to);
  const isNegative = isMinus && (point > p || end > behind);
  if (isNegative !== other.isNegative) return isNegative ? -1 : 1;
  const size = compareSize(bytes, { p, point, behind, end }, other);
  return isNegative ? -size : size;
}

function compareSize(
  bytes: Uint8Array,
  {
    p,
    point,
    behind,
    end,
  }: { readonly p: number; readonly point: number; readonly behind: number; end: number },
  { whole, fraction }: ExactDecimal,
): number {
  if (point - p !== whole.length) return point - p - whole.length;
  for (let i = 0; i < whole.length; i++) {
    const difference = (bytes[p + i] as number) - (whole[i] as number);
    if (difference !== 0) return difference;
  }
  const places = end - behind;
  for (let i = 0; i < places && i < fraction.length; i++) {
    const digit = bytes[behind + i] as number;
    requireDigit(digit);
    const difference = digit - (fraction[i] as number);
    if (difference !== 0) return difference;
  }
  // Neither ends with a zero, so the longer one is the greater.
  return places - fraction.length;
}

function requireDigit(c: number): void {
  if (c < ZERO || c > NINE) throw new RangeError("a number of a row is not written in digits");
}
