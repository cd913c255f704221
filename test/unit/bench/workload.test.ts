import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { seededRandom } from "../../../scripts/random.ts";
import { BENCH_DDL, loadStatement, workload } from "../../bench/workload.ts";

const SIZE = { rows: 3000, changes: 2000 };

// Figures of other tools and of earlier versions are for these very statements: the digests may only
// change together with every recorded figure.
test("the data and the changes are what they have always been", () => {
  const digest = createHash("sha256").update(BENCH_DDL).update(loadStatement(1, 2));
  for (const { sql } of workload({ ...SIZE, random: seededRandom(42) })) digest.update(sql);
  expect(digest.digest("hex")).toBe("8fa435ce1811823db9a6ed6515739d400b9171a45c2d97997f9d9d4cc7849a64");
});

test("exactly as many changes of each kind as asked for", () => {
  const sums = { updates: 0, inserts: 0, deletes: 0, transactions: 0 };
  for (const transaction of workload({ ...SIZE, random: seededRandom(1) })) {
    sums.updates += transaction.updates;
    sums.inserts += transaction.inserts;
    sums.deletes += transaction.deletes;
    sums.transactions++;
    const size = transaction.updates + transaction.inserts + transaction.deletes;
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThanOrEqual(1000);
  }
  expect(sums).toMatchObject({ updates: 1600, inserts: 300, deletes: 100 });
  expect(sums.transactions).toBeGreaterThan(5);
});
