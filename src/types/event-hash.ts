/**
 * The 64-bit hash of a change's event id, as two 32-bit lanes: cheap per row in JavaScript without bigint,
 * and the same in DuckDB's SQL (`lake/event-hash-sql.ts`), so that a table in the lake can be compared with
 * what was captured.
 *
 * The text of transaction and table is hashed once by xxHash64; its halves seed the lanes. The number of the
 * change and its operation are mixed to m by Murmur3's 32-bit finalizer f, and then
 *
 *     low' = f(low xor m)        high' = f(high xor (m * HIGH_LANE_FACTOR mod 2^32))
 */
import { hash64, hash64Text } from "../util/xxhash.ts";
import { OP_CODE, type ChangeBatch, type Operation } from "./change-batch.ts";
import type { Digest } from "./digest.ts";
import { formatTableId, type TableId } from "./table-id.ts";

export interface HashLanes {
  /** Unsigned 32-bit integers. */
  readonly high: number;
  readonly low: number;
}

/** Makes the lanes mix in different numbers. */
export const HIGH_LANE_FACTOR = 0x9e3779b1;

/** Keeps the operations of the same change apart: a changed key is a delete and a create of one number. */
export const OPERATION_SALT: Readonly<Record<Operation, number>> = {
  c: 0x1b873593,
  u: 0xcc9e2d51,
  d: 0x38b34ae5,
  r: 0xa1e38b93,
};

const SALT_BY_CODE = new Uint32Array(128);
for (const operation of ["c", "u", "d", "r"] as const)
  SALT_BY_CODE[OP_CODE[operation]] = OPERATION_SALT[operation];

/** The transaction that stands in the event ids of a snapshot's rows. */
export const snapshotTransactionId = (chunk: number): string => `snap:${chunk}`;

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
   * Adds rows `from` to `to` of a batch, all of one transaction, that have the operation `op`. With `content`
   * the bytes of each row count as well, under the hash of its event id.
   */
  add(
    batch: ChangeBatch,
    rows: { readonly from: number; readonly to: number; readonly op: number; readonly content: boolean },
    seeds: HashLanes,
  ): void {
    const salt = SALT_BY_CODE[rows.op] as number;
    for (let i = rows.from; i < rows.to; i++) {
      if (batch.op[i] !== rows.op) continue;
      const mixed = fmix32((batch.n[i] as number) ^ salt);
      const high = fmix32(seeds.high ^ Math.imul(mixed, HIGH_LANE_FACTOR));
      const low = fmix32(seeds.low ^ mixed);
      this.#addLanes(high, low);
      if (!rows.content) continue;
      const bytes = batch.bytes.subarray(batch.rowStart[i], (batch.lineEnd[i] as number) - 2);
      const hash = hash64(bytes, low) ^ BigInt(high);
      this.#content = (this.#content + hash) & MASK;
      this.#contentXor ^= hash;
    }
  }

  /** Adds changes of a transaction by their numbers; all have the same operation. */
  addEach(numbers: Iterable<number>, operation: Operation, seeds: HashLanes): void {
    const salt = OPERATION_SALT[operation];
    for (const n of numbers) {
      const mixed = fmix32(n ^ salt);
      this.#addLanes(fmix32(seeds.high ^ Math.imul(mixed, HIGH_LANE_FACTOR)), fmix32(seeds.low ^ mixed));
    }
  }

  #addLanes(high: number, low: number): void {
    this.#sumHigh += high;
    this.#sumLow += low;
    this.#xorHigh ^= high;
    this.#xorLow ^= low;
    this.rows++;
    if (++this.#unfolded === ROWS_BEFORE_FOLD) this.#fold();
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
