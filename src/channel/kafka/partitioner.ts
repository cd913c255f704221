import type { ChangeBatch, RowRecords } from "../../types/change-batch.ts";
import { partitionOf } from "./murmur2.ts";
import type { RecordBlock } from "./record-block.ts";

/** Rows of a batch that go to one partition: as records, and as places in the batch. */
export interface PartitionRows {
  readonly partition: number;
  /** Indexes in the batch, rising. */
  readonly rows: Int32Array;
  readonly block: RecordBlock;
}

/** Parts a batch by its keys, in the way of Kafka's own clients: the same key is always in the same partition. */
export function partitionRows(
  batch: ChangeBatch,
  rows: RowRecords,
  partitions: number,
): readonly PartitionRows[] {
  const { bytes, headerEnd, keyEnd, valueEnd } = rows;
  const counts = new Int32Array(partitions);
  const target = new Int32Array(batch.count);
  for (let i = 0; i < batch.count; i++) {
    const key = i === 0 ? 0 : (headerEnd[i - 1] as number);
    const partition = partitionOf(bytes, key, keyEnd[i] as number, partitions);
    target[i] = partition;
    counts[partition] = (counts[partition] as number) + 1;
  }
  const parts = Array.from(counts, (count) => new PartBuilder(count));
  let from = 0;
  for (let i = 0; i < batch.count; i++) {
    const part = parts[target[i] as number] as PartBuilder;
    const end = headerEnd[i] as number;
    part.add(i, from, keyEnd[i] as number, valueEnd[i] as number, end);
    from = end;
  }
  return parts.flatMap((part, partition) =>
    part.rows.length === 0 ? [] : [{ partition, rows: part.rows, block: part.block(bytes) }],
  );
}

class PartBuilder {
  readonly rows: Int32Array;
  readonly #headers: { readonly start: Int32Array; readonly end: Int32Array };
  readonly #keys: { readonly start: Int32Array; readonly end: Int32Array };
  readonly #values: { readonly start: Int32Array; readonly end: Int32Array };
  #count = 0;

  constructor(count: number) {
    const spans = (): { readonly start: Int32Array; readonly end: Int32Array } => ({
      start: new Int32Array(count),
      end: new Int32Array(count),
    });
    this.rows = new Int32Array(count);
    this.#headers = spans();
    this.#keys = spans();
    this.#values = spans();
  }

  add(row: number, key: number, value: number, header: number, end: number): void {
    const i = this.#count++;
    this.rows[i] = row;
    this.#keys.start[i] = key;
    this.#keys.end[i] = value;
    this.#values.start[i] = value;
    this.#values.end[i] = header;
    this.#headers.start[i] = header;
    this.#headers.end[i] = end;
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
