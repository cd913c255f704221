import type { ChangeBatch } from "../../types/change-batch.ts";
import type { Digest } from "../../types/digest.ts";
import { LaneSum } from "../../types/lane-sum.ts";
import { fmix32, type RowLanes } from "../../types/row-lanes.ts";

const HIGH_FACTOR = 0x9e3779b1;

/**
 * The digest of what lies in one partition: of each change the hash of its row (`row-lanes.ts`) together with its
 * `seq`, operation and number, so that a row in the place of another one shows as well. Kafka's own checksums guard
 * the bytes of a batch; this guards against a batch that is not the one that was written.
 */
export class RangeDigest {
  readonly #sum = new LaneSum();
  changes = 0;
  firstSeq = 0;
  lastSeq = 0;

  /** Changes are added in the order in which they stand in the partition. */
  add({ seq, op, n }: Pick<ChangeBatch, "seq" | "op" | "n">, row: number, lanes: RowLanes): void {
    const number = seq[row] as number;
    const mark = fmix32(
      ((number % 0x100000000) ^ Math.imul(Math.floor(number / 0x100000000), HIGH_FACTOR)) >>> 0,
    );
    const change = fmix32((n[row] as number) ^ ((op[row] as number) << 24));
    this.#sum.add(
      fmix32((lanes.high[row] as number) ^ Math.imul(mark, HIGH_FACTOR)) >>> 0,
      fmix32((lanes.low[row] as number) ^ mark ^ change) >>> 0,
    );
    if (this.changes === 0) this.firstSeq = number;
    this.lastSeq = number;
    this.changes++;
  }

  get digest(): Digest {
    return this.#sum.digest;
  }
}
