import type { SnapshotManifest } from "../capture/snapshot-manifest.ts";
import { mergeCounts } from "../types/batch-count.ts";
import { DigestSum, snapshotTransactionId, transactionLanes } from "../types/event-hash.ts";
import type { HopCount } from "../types/hop-count.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { must } from "../util/assert.ts";

const MS_PER_MINUTE = 60_000;

/** What was read for a table's snapshot, as the hop `capture` counts it: class `r`, by the minute of reading. */
export function snapshotCounts(manifest: SnapshotManifest, schema: TableSchema): readonly HopCount[] {
  const { done } = must(manifest.plan(schema.id), "the plan of a table that was read");
  return mergeCounts(
    [...done.values()]
      .filter((chunk) => chunk.rows > 0)
      .map((chunk) => {
        const sum = new DigestSum();
        const seeds = transactionLanes(snapshotTransactionId(chunk.index), schema.id);
        sum.addEach(Array(chunk.rows).keys(), "r", seeds);
        return {
          hop: "capture" as const,
          class: "r" as const,
          minute: Math.floor(chunk.readAtMs / MS_PER_MINUTE),
          rows: sum.rows,
          ids: sum.ids,
          content: null,
        };
      }),
  );
}
