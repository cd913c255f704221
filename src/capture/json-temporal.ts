const FIELD_TIME = 11;
const FIELD_DATE = 10;

const two = (n: number): string => String(n).padStart(2, "0");

/**
 * A DATE, TIME, DATETIME or TIMESTAMP inside a JSON document: MySQL's packed 64-bit form to text,
 * always with six digits of fraction. The packed form is `TIME_to_longlong_packed` of `mysys/my_time.cc`.
 */
export function opaqueTemporalText(field: number, packed: bigint): string {
  const magnitude = packed < 0n ? -packed : packed;
  const fraction = String(magnitude & 0xffffffn).padStart(6, "0");
  const whole = Number(magnitude >> 24n);
  const sign = packed < 0n ? "-" : "";
  if (field === FIELD_TIME) {
    return `${sign}${two((whole >> 12) & 0x3ff)}:${two((whole >> 6) & 63)}:${two(whole & 63)}.${fraction}`;
  }
  const day = Math.floor(whole / 131072);
  const clock = whole % 131072;
  const yearMonth = Math.floor(day / 32);
  const date = `${String(Math.floor(yearMonth / 13)).padStart(4, "0")}-${two(yearMonth % 13)}-${two(day % 32)}`;
  if (field === FIELD_DATE) return date;
  return `${date} ${two(clock >> 12)}:${two((clock >> 6) & 63)}:${two(clock & 63)}.${fraction}`;
}
