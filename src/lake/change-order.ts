import { OP_CODE, type ChangeBatch } from "../types/change-batch.ts";
import { formatTableId } from "../types/table-id.ts";
import { assert } from "../util/assert.ts";

/**
 * Holds the order that everything else rests on: `seq` rises from change to change and from commit to commit,
 * transactions come one after another, and inside one `n` rises, where a delete and the create behind it may
 * share one. So no event can be in a commit twice, and the last change of a key is the one with the greatest
 * `seq`. It costs one pass over the columns of a batch.
 */
export class ChangeOrder {
  #seq: number;
  #ordinal = -1;
  #n = -1;
  #op = 0;

  constructor(committedSeq: number) {
    this.#seq = committedSeq;
  }

  /** Breaks the program when the order does not hold. */
  check(batch: ChangeBatch): void {
    const { transactions, count } = batch;
    assert(
      count === 0 || transactions[0]?.firstRow === 0,
      "the first row of a batch belongs to a transaction",
    );
    for (let i = 0; i < transactions.length; i++) {
      const from = transactions[i]?.firstRow ?? 0;
      const to = transactions[i + 1]?.firstRow ?? count;
      if (to === from) continue;
      this.#enter(transactions[i]?.ordinal ?? -1);
      this.#checkRows(batch, from, to);
    }
  }

  #enter(ordinal: number): void {
    if (ordinal === this.#ordinal) return;
    assert(ordinal > this.#ordinal, `transaction ${ordinal} comes after ${this.#ordinal}`);
    this.#ordinal = ordinal;
    this.#n = -1;
    this.#op = 0;
  }

  #checkRows(batch: ChangeBatch, from: number, to: number): void {
    const { seq, op, n } = batch;
    for (let i = from; i < to; i++) {
      const s = seq[i] as number;
      const number = n[i] as number;
      const code = op[i] as number;
      const isKeyChange = number === this.#n && this.#op === OP_CODE.d && code === OP_CODE.c;
      if (s <= this.#seq || (number <= this.#n && !isKeyChange)) {
        const place = `seq ${s}, n ${number} behind seq ${this.#seq}, n ${this.#n}`;
        assert(false, `${formatTableId(batch.schema.id)}: a change is repeated or out of order: ${place}`);
      }
      this.#seq = s;
      this.#n = number;
      this.#op = code;
    }
  }
}
