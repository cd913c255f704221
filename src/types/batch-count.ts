import { OP_CODE, type ChangeBatch, type Operation } from "./change-batch.ts";
import { transactionId, type SourceIdentity } from "./checkpoint.ts";
import { addDigest } from "./digest.ts";
import { DigestSum, transactionLanes } from "./event-hash.ts";
import type { CountClass, Hop, HopCount } from "./hop-count.ts";
import { rowLanes } from "./row-lanes.ts";

const US_PER_MINUTE = 60_000_000;
const OPERATIONS: readonly Operation[] = ["c", "u", "d"];

export interface CountOptions {
  readonly identity: SourceIdentity;
  readonly hop: Hop;
  /** The class of all rows; null counts each operation as its own class. */
  readonly class: CountClass | null;
  /** Whether what the rows hold counts, not their ids alone. */
  readonly content: boolean;
}

/** Counts a batch by class and minute of the source's commit time. */
export function countBatch(batch: ChangeBatch, options: CountOptions): readonly HopCount[] {
  const sums = new Map<
    string,
    { readonly countClass: CountClass; readonly minute: number; readonly sum: DigestSum }
  >();
  const content = options.content ? rowLanes(batch.rows, batch.count) : null;
  batch.transactions.forEach((transaction, i) => {
    const from = transaction.firstRow;
    const to = batch.transactions[i + 1]?.firstRow ?? batch.count;
    if (from === to) return;
    const seeds = transactionLanes(transactionId(options.identity, transaction.gtid), batch.schema.id);
    const minute = Math.floor(transaction.commitUs / US_PER_MINUTE);
    for (const operation of OPERATIONS) {
      const countClass = options.class ?? operation;
      const key = `${countClass} ${minute}`;
      const entry = sums.get(key) ?? { countClass, minute, sum: new DigestSum() };
      entry.sum.add(batch, { from, to, op: OP_CODE[operation], content }, seeds);
      if (entry.sum.rows > 0) sums.set(key, entry);
    }
  });
  return [...sums.values()].map(({ countClass, minute, sum }) => ({
    hop: options.hop,
    class: countClass,
    minute,
    rows: sum.rows,
    ids: sum.ids,
    content: options.content ? sum.content : null,
  }));
}

/** Adds counts of the same hop, class and minute together. */
export function mergeCounts(counts: Iterable<HopCount>): readonly HopCount[] {
  const merged = new Map<string, HopCount>();
  for (const count of counts) {
    const key = `${count.hop} ${count.class} ${count.minute}`;
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined
        ? count
        : {
            ...count,
            rows: known.rows + count.rows,
            ids: addDigest(known.ids, count.ids),
            content:
              known.content === null || count.content === null
                ? null
                : addDigest(known.content, count.content),
          },
    );
  }
  return [...merged.values()];
}
