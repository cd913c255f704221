/**
 * The 64-bit hash of a change's event id, as two 32-bit lanes: cheap per row in JavaScript without bigint,
 * and the same in DuckDB's SQL (`lake/event-hash-sql.ts`), so that a table in the lake can be compared with
 * what was captured.
 *
 * The text of transaction and table is hashed once by xxHash64; its halves seed the lanes. The number of the
 * change and its operation are mixed to m by Murmur3's 32-bit finalizer f, and then
 *
 *     low' = f(low xor m)        high' = f(high xor (m * HIGH_LANE_FACTOR mod 2^32))
 *
 * Where a hop has seen the row, its content hash (`row-lanes.ts`) is mixed into these lanes by f once more.
 */
import { hash64Text } from "../util/xxhash.ts";
import { OP_CODE, type ChangeBatch, type Operation } from "./change-batch.ts";
import type { Digest } from "./digest.ts";
import { LaneSum } from "./lane-sum.ts";
import { fmix32, type RowLanes } from "./row-lanes.ts";
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

/** Adds up the digests of many changes. */
export class DigestSum {
  readonly #ids = new LaneSum();
  readonly #content = new LaneSum();
  rows = 0;

  /**
   * Adds rows `from` to `to` of a batch, all of one transaction, that have the operation `op`. With `content`,
   * the hashes of the batch's rows, what they hold counts as well, under the hash of its event id.
   */
  add(
    batch: ChangeBatch,
    rows: {
      readonly from: number;
      readonly to: number;
      readonly op: number;
      readonly content: RowLanes | null;
    },
    seeds: HashLanes,
  ): void {
    const { from, to, op, content } = rows;
    const salt = SALT_BY_CODE[op] as number;
    for (let i = from; i < to; i++) {
      if (batch.op[i] !== op) continue;
      const mixed = fmix32((batch.n[i] as number) ^ salt);
      const high = fmix32(seeds.high ^ Math.imul(mixed, HIGH_LANE_FACTOR));
      const low = fmix32(seeds.low ^ mixed);
      this.#ids.add(high, low);
      this.rows++;
      if (content === null) continue;
      this.#content.add(fmix32(high ^ (content.high[i] as number)), fmix32(low ^ (content.low[i] as number)));
    }
  }

  /** Adds changes of a transaction by their numbers; all have the same operation. */
  addEach(numbers: Iterable<number>, operation: Operation, seeds: HashLanes): void {
    const salt = OPERATION_SALT[operation];
    for (const n of numbers) {
      const mixed = fmix32(n ^ salt);
      this.#ids.add(fmix32(seeds.high ^ Math.imul(mixed, HIGH_LANE_FACTOR)), fmix32(seeds.low ^ mixed));
      this.rows++;
    }
  }

  get ids(): Digest {
    return this.#ids.digest;
  }

  get content(): Digest {
    return this.#content.digest;
  }
}
