/**
 * The 64-bit hash of a change's event id, as two 32-bit lanes: cheap per row in JavaScript without bigint,
 * and the same in DuckDB's SQL (`lake/event-hash-sql.ts`), so that a table in the lake can be compared with
 * what was captured.
 *
 * The text of transaction and table is hashed once by xxHash64; its halves seed the lanes. Each lane then mixes
 * in the number of the change and its operation by Murmur3's 32-bit finalizer.
 */
import { hash64, hash64Text } from "../util/xxhash.ts";
import type { ChangeBatch } from "./change-batch.ts";
import type { Digest } from "./digest.ts";
import { formatTableId, type TableId } from "./table-id.ts";

export interface HashLanes {
  /** Unsigned 32-bit integers. */
  readonly high: number;
  readonly low: number;
}

/** Odd constants that keep the number and the operation apart; the same in SQL. */
export const OPERATION_FACTOR_HIGH = 0x9e3779b1;
export const OPERATION_FACTOR_LOW = 0x85ebca77;

/** Seeds of all changes of one table in one transaction. */
export function transactionLanes(transactionId: string, table: TableId): HashLanes {
  const hash = hash64Text(`${transactionId}#${formatTableId(table)}`);
  return { high: Number(hash >> 32n), low: Number(hash & 0xffffffffn) };
}

/** Murmur3's finalizer: every bit of the input changes half of the output's. */
export function fmix32(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export const eventHigh = (seed: number, n: number, op: number): number =>
  fmix32(seed ^ fmix32((n + Math.imul(op, OPERATION_FACTOR_HIGH)) | 0));

export const eventLow = (seed: number, n: number, op: number): number =>
  fmix32(seed ^ fmix32((n ^ Math.imul(op, OPERATION_FACTOR_LOW)) | 0));

/** Sums of lanes stay exact in a double for this many rows. */
const ROWS_BEFORE_FOLD = 1 << 20;
const MASK = (1n << 64n) - 1n;

/** Adds up the digests of many changes. */
export class DigestSum {
  #sumHigh = 0;
  #sumLow = 0;
  #xorHigh = 0;
  #xorLow = 0;
  #unfolded = 0;
  #sum = 0n;
  #content = 0n;
  #contentXor = 0n;
  rows = 0;

  /**
   * Adds rows `from` to `to` of a batch, all of one transaction. With `content` the bytes of each row count
   * as well, under the hash of its event id.
   */
  add(
    batch: ChangeBatch,
    rows: { readonly from: number; readonly to: number; readonly op: number },
    seeds: HashLanes,
    content: boolean,
  ): void {
    for (let i = rows.from; i < rows.to; i++) {
      const op = batch.op[i] as number;
      if (op !== rows.op) continue;
      const n = batch.n[i] as number;
      const high = eventHigh(seeds.high, n, op);
      const low = eventLow(seeds.low, n, op);
      this.#sumHigh += high;
      this.#sumLow += low;
      this.#xorHigh ^= high;
      this.#xorLow ^= low;
      this.rows++;
      if (++this.#unfolded === ROWS_BEFORE_FOLD) this.#fold();
      if (!content) continue;
      const bytes = batch.bytes.subarray(batch.rowStart[i], (batch.lineEnd[i] as number) - 2);
      const hash = hash64(bytes, low) ^ BigInt(high);
      this.#content = (this.#content + hash) & MASK;
      this.#contentXor ^= hash;
    }
  }

  get ids(): Digest {
    this.#fold();
    return {
      sum: this.#sum,
      xor: (BigInt(this.#xorHigh >>> 0) << 32n) | BigInt(this.#xorLow >>> 0),
    };
  }

  get content(): Digest {
    return { sum: this.#content, xor: this.#contentXor };
  }

  #fold(): void {
    this.#sum = (this.#sum + (BigInt(this.#sumHigh) << 32n) + BigInt(this.#sumLow)) & MASK;
    this.#sumHigh = 0;
    this.#sumLow = 0;
    this.#unfolded = 0;
  }
}
