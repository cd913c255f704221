import { syncError } from "../../types/errors.ts";
import type { PartitionStream } from "./partition-stream.ts";
import type { Range } from "./position-record.ts";
import { RangeDigest } from "./range-digest.ts";
import type { FetchedBlock, TopicPartition } from "./record-block.ts";
import { foreign, HeaderReader } from "./record-header.ts";
import { equalDigest } from "../../types/digest.ts";

/**
 * The changes that one unit has in one partition, in order: of the named ranges only, and only those of the producer
 * that is named with them. Anything else that lies in a range, or the least difference from what its digest says,
 * stops the reader.
 */
export class RangeCursor {
  readonly target: TopicPartition;
  readonly header: HeaderReader;
  readonly #stream: PartitionStream;
  readonly #ranges: readonly Range[];
  readonly #digests: readonly RangeDigest[];
  #range = -1;
  #block: FetchedBlock | null = null;
  #index = 0;

  /** `ranges` are of one partition and in order. */
  constructor(stream: PartitionStream, ranges: readonly Range[], idPrefix: string) {
    const [first] = ranges;
    if (first === undefined) throw new RangeError("a cursor needs a range");
    this.target = { topic: first.topic, partition: first.partition };
    this.#stream = stream;
    this.#ranges = ranges;
    this.#digests = ranges.map(() => new RangeDigest());
    this.header = new HeaderReader(idPrefix);
  }

  get block(): FetchedBlock {
    return this.#block as FetchedBlock;
  }

  get index(): number {
    return this.#index;
  }

  /** Of the range that the change is in. */
  get digest(): RangeDigest {
    return this.#digests[this.#range] as RangeDigest;
  }

  /** Moves to the next change inside the block at hand, if there is one; `header` has it then. */
  advance(): boolean {
    const block = this.#block;
    const range = this.#ranges[this.#range];
    if (block === null || range === undefined) return false;
    for (let i = this.#index + 1; i < block.count; i++) {
      const offset = block.offsets[i] as number;
      if (offset < range.from) {
        this.#requireOurs(block, i, offset);
        continue;
      }
      if (offset >= range.to) break;
      this.#index = i;
      if (this.#isChange(block, i)) return true;
    }
    this.#block = null;
    return false;
  }

  /** Between the ranges there is what our aborted transactions left, and nothing else. */
  #requireOurs({ headers, values }: FetchedBlock, i: number, offset: number): void {
    if ((headers.start[i] as number) >= 0 || (values.start[i] as number) < 0) return;
    throw foreign({ ...this.target, offset }, "it lacks the header `tallylake`");
  }

  #isChange(block: FetchedBlock, i: number): boolean {
    // A tombstone, for those who compact the topic in a store of their own: the delete stands in front of it.
    if ((block.values.start[i] as number) < 0 && (block.headers.start[i] as number) < 0) return false;
    this.header.read(block, i, this.target);
    return true;
  }

  /** Moves on to the next block or range; false behind the last change. */
  async load(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const range = this.#ranges[this.#range];
      const block = range === undefined ? null : await this.#stream.next(range.to, signal);
      if (block === null) {
        const next = this.#ranges[++this.#range];
        if (next === undefined) return false;
        await this.#stream.seek(next.from);
        continue;
      }
      this.#requireProducer(block, range as Range);
      this.#block = block;
      this.#index = -1;
      if (this.advance()) return true;
    }
  }

  #requireProducer(block: FetchedBlock, range: Range): void {
    const { producer } = block;
    if (producer === null || range.producer === null) return;
    if (producer.id === range.producer.id && producer.epoch === range.producer.epoch) return;
    const inside = block.offsets.find((offset) => offset >= range.from && offset < range.to);
    if (inside === undefined) return;
    throw foreign(
      { ...this.target, offset: inside },
      `producer ${producer.id} in epoch ${producer.epoch} wrote it, and not ${range.producer.id} in epoch ${range.producer.epoch}`,
    );
  }

  /** @throws SyncError KAFKA_RANGE_DIFFERENT when what was read is not what was written */
  requireSame(): void {
    this.#ranges.forEach((range, i) => {
      const { changes, firstSeq, lastSeq, digest } = this.#digests[i] as RangeDigest;
      const isSame =
        changes === range.changes &&
        firstSeq === range.firstSeq &&
        lastSeq === range.lastSeq &&
        equalDigest(digest, range.digest);
      if (isSame) return;
      throw syncError(
        "KAFKA_RANGE_DIFFERENT",
        `${range.topic}/${range.partition} holds ${changes} changes (seq ${firstSeq} to ${lastSeq}) at offsets ${range.from} to ${range.to - 1}, and ${range.changes} were written (seq ${range.firstSeq} to ${range.lastSeq})${changes === range.changes ? ", with other content" : ""}`,
        {
          hint: "the brokers do not have what they acknowledged, as after an unclean leader election: start `tallylake capture` again, which publishes anew",
        },
      );
    });
  }
}
