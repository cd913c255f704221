import { expect } from "vitest";
import { countBatch, mergeCounts } from "../../src/types/batch-count.ts";
import type { ChangeBatch } from "../../src/types/change-batch.ts";
import { addDigest, EMPTY_DIGEST } from "../../src/types/digest.ts";
import { DigestSum, snapshotTransactionId, transactionLanes } from "../../src/types/event-hash.ts";
import type { CountClass, Hop, HopCount } from "../../src/types/hop-count.ts";
import type { TableId } from "../../src/types/table-id.ts";
import { IDENTITY } from "./lake.ts";

/** Rows and ids of a class, over all minutes. */
function total(
  counts: readonly HopCount[],
  hop: Hop,
  countClass: CountClass,
): readonly [number, bigint, bigint] {
  const own = counts.filter((count) => count.hop === hop && count.class === countClass);
  const ids = own.reduce((sum, count) => addDigest(sum, count.ids), EMPTY_DIGEST);
  return [own.reduce((sum, count) => sum + count.rows, 0), ids.sum, ids.xor];
}

const rowsOf = (counts: readonly HopCount[], hop: Hop, countClass: CountClass): number =>
  total(counts, hop, countClass)[0];

/** The totals of a commit, by class: what the tests spell out. */
export const totals = (counts: readonly HopCount[]): Readonly<Record<string, number>> => ({
  applied: rowsOf(counts, "apply", "applied"),
  superseded: rowsOf(counts, "apply", "superseded"),
  upserted: rowsOf(counts, "commit", "upserted"),
  inserted: rowsOf(counts, "commit", "inserted"),
  updated: rowsOf(counts, "commit", "updated"),
  deleted: rowsOf(counts, "commit", "deleted"),
  before: rowsOf(counts, "commit", "rows_before"),
  after: rowsOf(counts, "commit", "rows_after"),
});

/** What capture counts of the batches, all of it new. */
export const offered = (batches: readonly ChangeBatch[]): readonly HopCount[] =>
  mergeCounts(
    batches.flatMap((batch) =>
      countBatch(batch, { identity: IDENTITY, hop: "dedup", class: "new", content: false }),
    ),
  );

/** What a snapshot of one chunk offers. */
export function offeredRows(rows: number, id: TableId): HopCount {
  const sum = new DigestSum();
  sum.addEach(Array(rows).keys(), "r", transactionLanes(snapshotTransactionId(0), id));
  return { hop: "dedup", class: "new", minute: 0, rows: sum.rows, ids: sum.ids, content: null };
}

/** The equations between what was offered, what became of it, and the rows of the table. */
export function expectCounts(
  counts: readonly HopCount[],
  input: readonly HopCount[],
  rows: { readonly rowsBefore: number; readonly rowsAfter: number },
): void {
  const plus = (
    a: readonly [number, bigint, bigint],
    b: readonly [number, bigint, bigint],
  ): readonly [number, bigint, bigint] => [a[0] + b[0], (a[1] + b[1]) & (2n ** 64n - 1n), a[2] ^ b[2]];
  const applied = total(counts, "apply", "applied");
  expect(plus(applied, total(counts, "apply", "superseded"))).toEqual(total(input, "dedup", "new"));
  expect(plus(total(counts, "commit", "upserted"), total(counts, "apply", "deleted"))).toEqual(applied);
  const t = totals(counts);
  expect(t["upserted"]).toBe((t["inserted"] ?? 0) + (t["updated"] ?? 0));
  expect([t["before"], t["after"]]).toEqual([rows.rowsBefore, rows.rowsAfter]);
  expect(rows.rowsBefore + (t["inserted"] ?? 0) - (t["deleted"] ?? 0)).toBe(rows.rowsAfter);
}
