import { countBatch, mergeCounts } from "../types/batch-count.ts";
import type { ChangeBatch } from "../types/change-batch.ts";
import type { SourceIdentity } from "../types/checkpoint.ts";
import type { HopCount } from "../types/hop-count.ts";

/** The counts of one table since its last commit, of the hops before the lake. */
export class CountLedger {
  readonly #identity: SourceIdentity;
  #captured: HopCount[] = [];
  #taken: HopCount[] = [];
  #parted: HopCount[] = [];

  constructor(identity: SourceIdentity) {
    this.#identity = identity;
  }

  captured(counts: readonly HopCount[]): void {
    this.#captured.push(...counts);
    this.#compact();
  }

  /** A batch whose transactions the table does not hold yet. */
  fresh(batch: ChangeBatch): void {
    this.#take(batch, "new");
  }

  /** A batch whose transactions the table already holds. */
  duplicate(batch: ChangeBatch): void {
    this.#take(batch, "duplicate");
  }

  /** What was captured counts as what was taken: for a unit in which the table stops. */
  captureAsConsumed(): void {
    this.#captured = this.#taken.map((count) => ({ ...count, hop: "capture" as const }));
  }

  counts(): readonly HopCount[] {
    return mergeCounts([...this.#captured, ...this.#taken, ...this.#parted]);
  }

  #take(batch: ChangeBatch, countClass: "new" | "duplicate"): void {
    const identity = this.#identity;
    const taken = countBatch(batch, { identity, hop: "consume", class: null, content: true });
    this.#taken.push(...taken);
    // The same rows once more, so their digests are sums of those of the operations.
    this.#parted.push(...taken.map((count) => ({ ...count, hop: "dedup" as const, class: countClass })));
    this.#compact();
  }

  /** Keeps the lists short however many units a commit takes. */
  #compact(): void {
    if (this.#captured.length > COMPACT_AT) this.#captured = [...mergeCounts(this.#captured)];
    if (this.#taken.length > COMPACT_AT) this.#taken = [...mergeCounts(this.#taken)];
    if (this.#parted.length > COMPACT_AT) this.#parted = [...mergeCounts(this.#parted)];
  }
}

const COMPACT_AT = 4096;
