import type { ChangeBatch } from "../../types/change-batch.ts";
import { addDigest, EMPTY_DIGEST, equalDigest, type Digest } from "../../types/digest.ts";
import { syncError } from "../../types/errors.ts";
import type { RowLanes } from "../../types/row-lanes.ts";
import type { UnitRecord } from "./position-record.ts";
import { RangeDigest } from "./range-digest.ts";
import type { TopicPartition } from "./record-block.ts";

/**
 * Compares the rows that a resumed capture leaves out with the parts that hold them already: the source must have given
 * the same ones again.
 */
export class PartCheck {
  readonly #expected = new Map<string, { changes: number; digest: Digest }>();
  readonly #seen = new Map<string, RangeDigest>();
  /** Changes that are still to be seen. */
  #left = 0;

  constructor(parts: readonly UnitRecord[]) {
    for (const { topic, partition, changes, digest } of parts.flatMap(({ ranges }) => ranges)) {
      this.#left += changes;
      const key = `${topic}/${partition}`;
      const known = this.#expected.get(key) ?? { changes: 0, digest: EMPTY_DIGEST };
      this.#expected.set(key, {
        changes: known.changes + changes,
        digest: addDigest(known.digest, digest),
      });
    }
  }

  /** Whether the source has not given again all that the parts hold. */
  get isPending(): boolean {
    return this.#left > 0;
  }

  add({ topic, partition }: TopicPartition, batch: ChangeBatch, rows: Int32Array, lanes: RowLanes): void {
    this.#left -= rows.length;
    const key = `${topic}/${partition}`;
    const digest = this.#seen.get(key) ?? new RangeDigest();
    this.#seen.set(key, digest);
    for (const row of rows) digest.add(batch, row, lanes);
  }

  /** @throws SyncError KAFKA_RANGE_DIFFERENT */
  requireSame(): void {
    for (const key of new Set([...this.#expected.keys(), ...this.#seen.keys()])) {
      const expected = this.#expected.get(key) ?? { changes: 0, digest: EMPTY_DIGEST };
      const seen = this.#seen.get(key);
      const isSame =
        (seen?.changes ?? 0) === expected.changes &&
        equalDigest(seen?.digest ?? EMPTY_DIGEST, expected.digest);
      if (isSame) continue;
      throw syncError(
        "KAFKA_RANGE_DIFFERENT",
        `the source gave ${seen?.changes ?? 0} changes for ${key} in place of the ${expected.changes} that a part of the same transaction holds, or other ones`,
        {
          hint: "look whether the source's binlog was changed; remove the pipeline's topics and start `capture` again to publish anew",
        },
      );
    }
  }
}
