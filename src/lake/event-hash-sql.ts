import { HIGH_LANE_FACTOR, OPERATION_SALT } from "../types/event-hash.ts";

const MASK = "4294967295::UBIGINT";

/**
 * `types/event-hash.ts` in SQL: the relation, whose columns `n`, `op`, `high` and `low` say of which change and give the
 * lanes of its transaction, with one more column `hash`, a UBIGINT. The steps are nested, since each uses the one before
 * twice, and both lanes take theirs together: DuckDB plans each level, however few rows there are.
 */
export function withEventHash(relation: string): string {
  const salts = Object.entries(OPERATION_SALT).map(([op, salt]) => `WHEN '${op}' THEN ${salt}`);
  const salted = `xor(CAST(n AS UBIGINT), CAST(CASE op ${salts.join(" ")} END AS UBIGINT))`;
  const mixed = mix(["_mix"], `SELECT *, ${salted} AS _mix FROM (${relation})`);
  const high = `xor(high, ${times("_mix", HIGH_LANE_FACTOR)})`;
  const lanes = `SELECT * EXCLUDE (_mix), xor(low, _mix) AS _low, ${high} AS _high FROM (${mixed})`;
  const hash = "_high * 4294967296::UBIGINT + _low";
  return `SELECT * EXCLUDE (_low, _high), ${hash} AS hash FROM (${mix(["_low", "_high"], lanes)})`;
}

/** The relation with these columns mixed, as the end of MurmurHash3 does. */
function mix(names: readonly string[], relation: string): string {
  const steps: readonly ((name: string) => string)[] = [
    (name) => times(shifted(name, 16), 0x85ebca6b),
    (name) => times(shifted(name, 13), 0xc2b2ae35),
    (name) => shifted(name, 16),
  ];
  return steps.reduce((from, step) => {
    const next = names.map((name) => `${step(name)} AS ${name}`);
    return `SELECT * REPLACE (${next.join(", ")}) FROM (${from})`;
  }, relation);
}

const shifted = (x: string, bits: number): string => `xor(${x}, ${x} >> ${bits})`;

/** Product modulo 2^32 of two numbers below 2^32. */
const times = (x: string, factor: number): string => `((${x} * ${factor}::UBIGINT) & ${MASK})`;
