import fc from "fast-check";
import { expect, test } from "vitest";
import { LakeDatabase } from "../../../src/lake/duckdb.ts";
import { withEventHash } from "../../../src/lake/event-hash-sql.ts";
import { OP_CODE, type Operation } from "../../../src/types/change-batch.ts";
import { DigestSum } from "../../../src/types/event-hash.ts";
import { makeBatch } from "../../support/batch.ts";
import { tempDir } from "../../support/temp-dir.ts";

const uint32 = fc.oneof(fc.nat(2 ** 32 - 1), fc.nat(20), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1));
const events = fc.array(
  fc.record({
    op: fc.constantFrom<Operation>("c", "u", "d", "r"),
    n: uint32,
    high: uint32,
    low: uint32,
  }),
  { minLength: 1, maxLength: 200 },
);

test("the hash of an event id in SQL is the one of JavaScript", async () => {
  await using dir = await tempDir();
  const db = await LakeDatabase.open({ memoryBytesMax: 64 << 20, threads: 1, tempDir: dir.path });
  try {
    await fc.assert(
      fc.asyncProperty(events, async (list) => {
        const values = list.map(({ op, n, high, low }, i) => `(${i}, '${op}', ${n}, ${high}, ${low})`);
        const relation = `SELECT i, op, n, CAST(high AS UBIGINT) AS high, CAST(low AS UBIGINT) AS low FROM (VALUES ${values.join(", ")}) v(i, op, n, high, low)`;
        const found = await db.use((sql) =>
          sql.rows(`SELECT hash FROM (${withEventHash(relation)}) ORDER BY i`),
        );
        expect(found.map(([hash]) => hash)).toEqual(list.map(hashOf));
      }),
      { numRuns: 20 },
    );
  } finally {
    await db.close();
  }
});

/** As capture sums it up, for a batch of this one change. */
function hashOf(event: { op: Operation; n: number; high: number; low: number }): bigint {
  const batch = {
    ...makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1 }),
    n: Uint32Array.from([event.n]),
    op: Uint8Array.from([OP_CODE[event.op]]),
  };
  const sum = new DigestSum();
  sum.add(batch, { from: 0, to: 1, op: OP_CODE[event.op], content: null }, event);
  expect(sum.ids.xor).toBe(sum.ids.sum);
  return sum.ids.sum;
}
