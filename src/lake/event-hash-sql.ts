import { HIGH_LANE_FACTOR, OPERATION_SALT } from "../types/event-hash.ts";

const MASK = "4294967295::UBIGINT";

/**
 * `types/event-hash.ts` in SQL: the relation, whose columns `n`, `op`, `high` and `low` say of which change and
 * give the lanes of its transaction, with one more column `hash`, a UBIGINT. The steps are nested, since each uses the one before twice.
 */
export function withEventHash(relation: string): string {
  const salts = Object.entries(OPERATION_SALT).map(([op, salt]) => `WHEN '${op}' THEN ${salt}`);
  let sql = `SELECT *, xor(CAST(n AS UBIGINT), CAST(CASE op ${salts.join(" ")} END AS UBIGINT)) AS _m0 FROM (${relation})`;
  const add = (name: string, expression: string): void => {
    sql = `SELECT *, ${expression} AS ${name} FROM (${sql})`;
  };
  const mix = (prefix: string): string => {
    add(`${prefix}1`, times(shifted(`${prefix}0`, 16), 0x85ebca6b));
    add(`${prefix}2`, times(shifted(`${prefix}1`, 13), 0xc2b2ae35));
    add(`${prefix}3`, shifted(`${prefix}2`, 16));
    return `${prefix}3`;
  };
  const m = mix("_m");
  add("_l0", `xor(low, ${m})`);
  add("_h0", `xor(high, ${times(m, HIGH_LANE_FACTOR)})`);
  const low = mix("_l");
  const high = mix("_h");
  const steps = ["_m", "_l", "_h"].flatMap((prefix) => [0, 1, 2, 3].map((i) => `${prefix}${i}`));
  return `SELECT * EXCLUDE (${steps.join(", ")}), ${high} * 4294967296::UBIGINT + ${low} AS hash FROM (${sql})`;
}

const shifted = (x: string, bits: number): string => `xor(${x}, ${x} >> ${bits})`;

/** Product modulo 2^32 of two numbers below 2^32. */
const times = (x: string, factor: number): string => `((${x} * ${factor}::UBIGINT) & ${MASK})`;
