import { expect, test } from "vitest";
import { BOUNDARY_COLUMNS, BOUNDARY_ROWS } from "../../support/boundary-table.ts";
import { POOL_MIN } from "../../support/boundary-values.ts";

/** Columns of types that have fewer values than that: all of them. */
const SMALL: ReadonlyMap<string, number> = new Map([
  ["c_bit_1", 2],
  // Those of its members, the empty one, and what an invalid value becomes.
  ["c_enum", 6],
  ["c_set", 8],
]);

test(`every type has ${POOL_MIN} boundary values, or all that it has`, () => {
  const wrong = BOUNDARY_COLUMNS.flatMap(({ name, values }) => {
    const distinct = new Set(values).size;
    const least = SMALL.get(name) ?? POOL_MIN;
    return distinct === values.length && distinct >= least
      ? []
      : [`${name}: ${distinct} of ${values.length}`];
  });
  expect(wrong).toEqual([]);
});

test("the table has a row for each of them, and not so many that whoever copies it waits", () => {
  expect(BOUNDARY_ROWS).toBeGreaterThan(POOL_MIN);
  expect(BOUNDARY_ROWS).toBeLessThan(100);
});
