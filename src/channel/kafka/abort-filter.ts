/**
 * Which batches of a Fetch response a reader of what is committed may see. A broker sends the records of aborted
 * transactions like all others, and beside them a list of those transactions: producer and first offset. From that
 * offset on all transactional batches of the producer are aborted, up to its next abort marker.
 *
 * The list names all transactions that reach into the response, so that nothing is remembered from one to the next.
 * Only control batches are markers, whatever the key of a record looks like.
 */
import type { StoredBatch } from "./record-read.ts";

/** As the broker lists it. */
export interface AbortedTransaction {
  /** A 64-bit integer as text. */
  readonly producerId: string;
  readonly firstOffset: number;
}

type FilteredBatch = Pick<StoredBatch, "lastOffset" | "producer" | "isTransactional" | "control">;

/**
 * The visible ones of batches in the order of their offsets. No control batch is among them; with an empty list all
 * others are.
 */
export function visibleBatches<Batch extends FilteredBatch>(
  batches: readonly Batch[],
  aborted: readonly AbortedTransaction[],
): readonly Batch[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<string>();
  let next = 0;
  return batches.filter((batch) => {
    const { id } = batch.producer;
    for (let begun = waiting[next]; begun !== undefined; begun = waiting[++next]) {
      if (begun.firstOffset > batch.lastOffset) break;
      aborting.add(begun.producerId);
    }
    if (batch.control !== null) {
      if (batch.control === "abort") aborting.delete(id);
      return false;
    }
    return !(batch.isTransactional && aborting.has(id));
  });
}
