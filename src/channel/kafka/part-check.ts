import type { ChangeBatch } from "../../types/change-batch.ts";
import { addDigest, EMPTY_DIGEST, equalDigest, type Digest } from "../../types/digest.ts";
import { syncError } from "../../types/errors.ts";
import { tableKey } from "../../types/table-id.ts";
import type { RowLanes } from "../../types/row-lanes.ts";
import type { UnitRecord } from "./position-record.ts";
import { RangeDigest } from "./range-digest.ts";
import type { TopicPartition } from "./record-block.ts";

/**
 * Which rows a resumed capture leaves out, since parts of the unit hold them already, and whether they are the same: the
 * source must have given them again. A part ends between two batches, each of one table, whose rows lie between each
 * other in the binlog; so it is of each table that a part holds the first rows, and not of the unit.
 */
export class PartCheck {
  readonly #expected = new Map<string, { changes: number; digest: Digest }>();
  readonly #seen = new Map<string, RangeDigest>();
  /** Changes that are still to be seen, by table. */
  readonly #left = new Map<string, number>();

  constructor(parts: readonly UnitRecord[]) {
    for (const { table, counts } of parts.flatMap(({ produced }) => produced)) {
      const rows = counts.reduce((sum, count) => sum + count.rows, 0);
      const key = tableKey(table);
      this.#left.set(key, (this.#left.get(key) ?? 0) + rows);
    }
    for (const { topic, partition, changes, digest } of parts.flatMap(({ ranges }) => ranges)) {
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
    return [...this.#left.values()].some((rows) => rows > 0);
  }

  /** How many rows at the start of a batch the parts hold; from then on they count as seen, and are to be added. */
  take({ schema, count }: ChangeBatch): number {
    const key = tableKey(schema.id);
    const left = this.#left.get(key) ?? 0;
    const rows = Math.min(left, count);
    if (rows > 0) this.#left.set(key, left - rows);
    return rows;
  }

  add({ topic, partition }: TopicPartition, batch: ChangeBatch, rows: Int32Array, lanes: RowLanes): void {
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
