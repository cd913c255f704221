/** A column of a type and the pool of its values. */
export interface ValueColumn {
  readonly name: string;
  readonly definition: string;
  /** SQL literals. */
  readonly values: readonly string[];
  /** SQL that prints what the canonical text of the column `$` is, as JSON or what JSON.parse makes the same of. */
  readonly text: string;
}

const POOL_MIN = 40;
const TRIES_MAX = 1000;

export const unique = (values: readonly string[]): readonly string[] => [...new Set(values)];

/** Fills a pool up with numbers that nobody chose, so that none is smaller than the rest. */
export function filled(values: readonly string[], more: (i: number) => string): readonly string[] {
  const pool = new Set(values);
  for (let i = 0; pool.size < POOL_MIN && i < TRIES_MAX; i++) pool.add(more(i));
  return [...pool];
}

/** A scrambled number below 2^32, the same in each run. */
export const scrambled = (i: number): number => Math.imul(i + 1, 0x9e3779b1) >>> 0;

export const NUMBER = "CAST($ + 0 AS CHAR)";
/** As a JSON string of any text. */
export const TEXT = "JSON_QUOTE(CONVERT($ USING utf8mb4))";
export const BASE64 = `CONCAT('"', REPLACE(TO_BASE64($), '\\n', ''), '"')`;
export const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

export const fraction = (i: number, digits: number): string =>
  digits === 0 ? "" : `.${pad(scrambled(i) % 10 ** digits, digits)}`;
export const hex = (i: number, bytes: number): string =>
  Array.from({ length: Math.ceil(bytes / 4) }, (_, part) =>
    scrambled(i * 5 + part)
      .toString(16)
      .padStart(8, "0"),
  )
    .join("")
    .slice(0, bytes * 2);
