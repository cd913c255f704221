import { FORM_BYTES, isNullAt, type ColumnForm, type ColumnValues } from "../types/column-values.ts";
import { ByteWriter } from "./byte-writer.ts";

const CAPACITY_MIN = 1 << 10;
const NULL_BYTES_MIN = 1 << 6;
const KEEP_BYTES_MAX = 16 << 20;

/**
 * A column that grows, in the form that `types/column-values.ts` describes. It is a writer, so that whatever
 * writes the text of a value can write it here. Whoever adds a cell writes behind `position` and moves it.
 */
export class ColumnBuffer extends ByteWriter {
  readonly form: ColumnForm;
  /** Where the last cell begins, for forms without a fixed size. */
  last = 0;
  #nulls: Uint8Array | null = null;

  constructor(form: ColumnForm) {
    super(CAPACITY_MIN);
    this.form = form;
  }

  /** Row `row` has no value here. */
  setNull(row: number): void {
    let nulls = this.#nulls;
    if (nulls === null || nulls.length <= row >> 3) {
      nulls = new Uint8Array(Math.max(NULL_BYTES_MIN, ((row >> 3) + 1) * 2));
      if (this.#nulls !== null) nulls.set(this.#nulls);
      this.#nulls = nulls;
    }
    nulls[row >> 3] = (nulls[row >> 3] as number) | (1 << (row & 7));
  }

  /** Takes back the last cell, which is that of row `row`. */
  undo(row: number): void {
    if (isNullAt(this.#nulls, row)) {
      this.#clearNull(row);
      return;
    }
    const bytes = FORM_BYTES[this.form];
    this.position = bytes === null ? this.last : this.position - bytes;
  }

  #clearNull(row: number): void {
    const nulls = this.#nulls;
    if (nulls !== null) nulls[row >> 3] = (nulls[row >> 3] as number) & ~(1 << (row & 7));
  }

  /** Leaves the cells of the first `rows` rows, however many there are; it walks over all of them. */
  truncate(rows: number): void {
    const size = FORM_BYTES[this.form];
    let p = 0;
    for (let row = 0; row < rows; row++) {
      if (!isNullAt(this.#nulls, row)) p += size ?? 4 + this.view.getUint32(p, true);
    }
    this.position = p;
    const end = (this.#nulls?.length ?? 0) * 8;
    for (let row = rows; row < end; row++) this.#clearNull(row);
  }

  /** The cells of `count` rows, in memory that stays this buffer's. */
  lend(count: number): ColumnValues {
    const nulls = this.#nulls;
    return {
      form: this.form,
      values: this.written(),
      nulls: nulls === null ? null : nullsOf(nulls, count),
    };
  }

  /** Begins anew in the same memory, unless a few large values have grown it far beyond the usual. */
  clear(): void {
    if (this.bytes.length > KEEP_BYTES_MAX) this.renew(CAPACITY_MIN);
    this.position = 0;
    this.#nulls?.fill(0);
  }

  /** Hands out the cells of `count` rows with their memory, and begins anew. */
  take(count: number): ColumnValues {
    const taken = this.lend(count);
    this.#nulls = null;
    this.renew(Math.max(CAPACITY_MIN, this.position + (this.position >> 2)));
    return taken;
  }
}

/** The bitmap in its full length; null when it has no bit. */
function nullsOf(nulls: Uint8Array, count: number): Uint8Array | null {
  const bytes = (count + 7) >> 3;
  if (!nulls.some((byte) => byte !== 0)) return null;
  if (nulls.length >= bytes) return nulls.subarray(0, bytes);
  const whole = new Uint8Array(bytes);
  whole.set(nulls);
  return whole;
}
