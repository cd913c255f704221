import { countBatch, mergeCounts } from "../../types/batch-count.ts";
import type { ChangeBatch } from "../../types/change-batch.ts";
import type { SourceIdentity } from "../../types/checkpoint.ts";
import type { HopCount } from "../../types/hop-count.ts";
import type { TableCounts } from "../../types/ports.ts";
import type { RowLanes } from "../../types/row-lanes.ts";
import { tableKey, type TableId } from "../../types/table-id.ts";
import { must } from "../../util/assert.ts";
import type { WrittenRange } from "./driver.ts";
import type { Range } from "./position-record.ts";
import { RangeDigest } from "./range-digest.ts";
import type { TopicPartition } from "./record-block.ts";

/** What an open Kafka transaction was given, to be named in its position record. */
export class UnitLedger {
  readonly #identity: SourceIdentity;
  readonly #counts = new Map<string, { readonly table: TableId; counts: readonly HopCount[] }>();
  readonly #digests = new Map<string, RangeDigest>();
  rows = 0;
  bytes = 0;

  constructor(identity: SourceIdentity) {
    this.#identity = identity;
  }

  get isEmpty(): boolean {
    return this.rows === 0;
  }

  counted(batch: ChangeBatch, bytes: number): void {
    const identity = this.#identity;
    const counts = countBatch(batch, { identity, hop: "produce", class: null, content: true });
    const key = tableKey(batch.schema.id);
    const known = this.#counts.get(key)?.counts ?? [];
    this.#counts.set(key, { table: batch.schema.id, counts: mergeCounts([...known, ...counts]) });
    this.rows += batch.count;
    this.bytes += bytes;
  }

  sent(target: TopicPartition, batch: ChangeBatch, rows: Int32Array, lanes: RowLanes): void {
    const key = `${target.topic}/${target.partition}`;
    const digest = this.#digests.get(key) ?? new RangeDigest();
    this.#digests.set(key, digest);
    for (const row of rows) digest.add(batch, row, lanes);
  }

  get produced(): readonly TableCounts[] {
    return [...this.#counts.values()];
  }

  /** What the driver wrote, with what we know of it. */
  ranges(written: readonly WrittenRange[], idOf: (topic: string) => string): readonly Range[] {
    return written.map(({ topic, partition, producer, from, to }) => {
      const sum = must(this.#digests.get(`${topic}/${partition}`), "what was sent to a partition");
      const { changes, firstSeq, lastSeq, digest } = sum;
      return {
        topic,
        topicId: idOf(topic),
        partition,
        producer,
        from,
        to,
        changes,
        firstSeq,
        lastSeq,
        digest,
      };
    });
  }
}
