/** Beyond this many digits before or behind the point MySQL writes an exponent (`strings/dtoa.cc`). */
const POINT_MAX = 15;

/**
 * A finite float64 as MySQL spells it: the shortest digits that read back the same, with an exponent
 * (`1e20`, `1.5e-16`: no plus sign, no padding) only below 10^-15 and, where no digit lies behind the point,
 * from 10^15 on.
 */
export function mysqlDoubleText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const point = Number(exponentText) + 1;
  const sign = value < 0 ? "-" : "";
  if (point < -POINT_MAX + 1 || (point > POINT_MAX && digits.length <= point)) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits.slice(0, 1)}${fraction}e${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (digits.length <= point) return sign + digits + "0".repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
