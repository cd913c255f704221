import { OP_CODE, type ChangeBatch, type RowRecords } from "../../types/change-batch.ts";
import { partitionOf } from "./murmur2.ts";
import type { RecordBlock, TopicPartition } from "./record-block.ts";
import type { BatchTopics } from "./routing/batch-router.ts";

/** Rows of a batch that go to one partition: as records, and as places in the batch. */
export interface PartitionRows {
  readonly target: TopicPartition;
  /** Indexes in the batch, rising. */
  readonly rows: Int32Array;
  /** Their records, with a tombstone behind each delete where they are wanted. */
  readonly block: RecordBlock;
}

export interface PartitionOptions {
  /** Which topic each row goes to. */
  readonly routed: BatchTopics;
  /** Of each topic. */
  readonly partitions: number;
  /** A null value behind each delete, for those who compact a topic in a store of their own. */
  readonly tombstones: boolean;
}

/** Parts a batch by topics and there by its keys, in the way of Kafka's own clients: the same key is always in the same partition. */
export function partitionRows(
  batch: ChangeBatch,
  rows: RowRecords,
  { routed: { topics, ofRow }, partitions, tombstones }: PartitionOptions,
): readonly PartitionRows[] {
  const { bytes, headerEnd, keyEnd, valueEnd } = rows;
  const counts = new Int32Array(topics.length * partitions);
  const deletes = new Int32Array(topics.length * partitions);
  const target = new Int32Array(batch.count);
  for (let i = 0; i < batch.count; i++) {
    const key = i === 0 ? 0 : (headerEnd[i - 1] as number);
    const topic = ofRow === null ? 0 : (ofRow[i] as number);
    const part = topic * partitions + partitionOf(bytes, key, keyEnd[i] as number, partitions);
    target[i] = part;
    counts[part] = (counts[part] as number) + 1;
    if (tombstones && batch.op[i] === OP_CODE.d) deletes[part] = (deletes[part] as number) + 1;
  }
  const parts = Array.from(counts, (count, i) => new PartBuilder(count, deletes[i] as number));
  let from = 0;
  for (let i = 0; i < batch.count; i++) {
    const part = parts[target[i] as number] as PartBuilder;
    const end = headerEnd[i] as number;
    part.add(i, from, keyEnd[i] as number, valueEnd[i] as number, end);
    if (tombstones && batch.op[i] === OP_CODE.d) part.addTombstone(from, keyEnd[i] as number);
    from = end;
  }
  return parts.flatMap((part, i) => {
    if (part.rows.length === 0) return [];
    const target = { topic: topics[Math.floor(i / partitions)] as string, partition: i % partitions };
    return [{ target, rows: part.rows, block: part.block(bytes) }];
  });
}

class PartBuilder {
  readonly rows: Int32Array;
  readonly #headers: { readonly start: Int32Array; readonly end: Int32Array };
  readonly #keys: { readonly start: Int32Array; readonly end: Int32Array };
  readonly #values: { readonly start: Int32Array; readonly end: Int32Array };
  #rows = 0;
  #count = 0;

  constructor(rows: number, tombstones: number) {
    const spans = (): { readonly start: Int32Array; readonly end: Int32Array } => ({
      start: new Int32Array(rows + tombstones),
      end: new Int32Array(rows + tombstones),
    });
    this.rows = new Int32Array(rows);
    this.#headers = spans();
    this.#keys = spans();
    this.#values = spans();
  }

  add(row: number, key: number, value: number, header: number, end: number): void {
    this.rows[this.#rows++] = row;
    this.#key(key, value);
    const i = this.#count++;
    this.#values.start[i] = value;
    this.#values.end[i] = header;
    this.#headers.start[i] = header;
    this.#headers.end[i] = end;
  }

  addTombstone(key: number, end: number): void {
    this.#key(key, end);
    const i = this.#count++;
    for (const { start, end: ends } of [this.#values, this.#headers]) {
      start[i] = -1;
      ends[i] = -1;
    }
  }

  #key(start: number, end: number): void {
    this.#keys.start[this.#count] = start;
    this.#keys.end[this.#count] = end;
  }

  block(bytes: Uint8Array): RecordBlock {
    return {
      count: this.#count,
      bytes,
      headers: this.#headers,
      keys: this.#keys,
      values: this.#values,
    };
  }
}
