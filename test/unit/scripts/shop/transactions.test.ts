import { expect, test } from "vitest";
import { seededRandom } from "../../../../scripts/random.ts";
import { shopSize } from "../../../../scripts/shop/rows.ts";
import { shopTransaction } from "../../../../scripts/shop/transactions.ts";

const size = shopSize(0.1);
const history = (seed: number, count: number): ReturnType<typeof shopTransaction>[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => shopTransaction(size, random));
};

test("the seed alone decides what a writer does", () => {
  expect(history(7, 200)).toEqual(history(7, 200));
  expect(history(7, 200)).not.toEqual(history(8, 200));
});

test("every kind of transaction and of change comes up, some rolled back", () => {
  const all = history(1, 3000);
  expect([...new Set(all.map(({ name }) => name))].sort()).toEqual([
    "advance order",
    "cancel order",
    "change tier",
    "drop prices",
    "edit customer",
    "edit items",
    "move item",
    "new customer",
    "note many orders",
    "place order",
    "remake coupon",
    "rename SKU",
    "replace coupon",
    "reprice",
    "respell SKU",
    "respell coupon",
    "savepoint",
    "swap coupons",
    "upsert price",
  ]);
  const kinds = new Set(all.flatMap(({ statements }) => statements.map(({ kind }) => String(kind))));
  expect([...kinds].sort()).toEqual(["delete", "insert", "keyChange", "null", "replace", "update", "upsert"]);
  const share = all.filter(({ rolledBack }) => rolledBack).length / all.length;
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(0.06);
});
