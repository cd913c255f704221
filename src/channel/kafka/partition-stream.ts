import { isSyncError, syncError } from "../../types/errors.ts";
import type { RecordReader } from "./driver.ts";
import type { FetchedBlock, TopicPartition } from "./record-block.ts";
import { releaseMemory } from "../../util/release-memory.ts";

const FETCH_BYTES_MIN = 64 << 10;
const FETCH_BYTES_MAX = 4 << 20;
/** What a record takes at a guess, for how much to ask for. */
const RECORD_BYTES = 256;
/** How long a record that a position names may take to become readable. */
const WAIT_MS = 1000;
const EMPTY_MAX = 30;
/** Offsets that are read through between two ranges: markers, and what aborted transactions left. */
const GAP_MAX = 4096;

/**
 * A partition from some offset on, block by block. What a fetch brought beyond what was asked for is kept: it belongs
 * to the units that follow. While a block is worked on, the next one is fetched.
 */
export class PartitionStream {
  readonly #reader: RecordReader;
  readonly #target: TopicPartition & { readonly topicId: string };
  #blocks: FetchedBlock[] = [];
  #nextOffset = -1;
  /** What lies before it was given out, or is not wanted. */
  #position = 0;
  #ahead: Promise<void> | null = null;
  /** Given out last, and not kept: whoever asks for the next block has done with it. */
  #given: FetchedBlock | null = null;
  bytes = 0;

  constructor(reader: RecordReader, target: TopicPartition & { readonly topicId: string }) {
    this.#reader = reader;
    this.#target = target;
  }

  /**
   * What follows is from this offset on; what was fetched of it already need not be fetched again. A short gap is read
   * through, so that whatever lies in it is seen.
   */
  async seek(offset: number): Promise<void> {
    await this.#ahead?.catch(() => undefined);
    this.#ahead = null;
    const first = this.#blocks[0]?.offsets[0] ?? this.#nextOffset;
    const isNear = this.#nextOffset >= 0 && offset >= first && offset <= this.#nextOffset + GAP_MAX;
    if (!isNear) {
      this.#blocks = [];
      this.#nextOffset = offset;
    }
    this.#position = offset;
    this.#measure();
  }

  /**
   * The next block up to `to`, each once; null when there is none. Of a block that reaches beyond only the start counts.
   * The one before it must not be read any more.
   */
  async next(to: number, signal: AbortSignal): Promise<FetchedBlock | null> {
    this.#release();
    for (let empty = 0; this.#position < to;) {
      await this.#ahead;
      const block = this.#blocks[0];
      if (block === undefined) {
        const before = this.#nextOffset;
        if (before >= to) return null;
        await this.#fetch(to, empty === 0 ? 0 : WAIT_MS, signal);
        if (this.#nextOffset > before) empty = 0;
        else if (++empty > EMPTY_MAX) throw this.#ended(to);
        continue;
      }
      const end = (block.offsets[block.count - 1] as number) + 1;
      // What reaches beyond stays, for the one who comes next.
      if (end <= to) this.#given = this.#blocks.shift() ?? null;
      this.#position = Math.max(this.#position, Math.min(end, to));
      this.#measure();
      if (this.#blocks.length === 0 && this.#nextOffset < to) this.#fetchAhead(to, signal);
      return block;
    }
    return null;
  }

  #release(): void {
    if (this.#given?.isAlone === true) releaseMemory(this.#given.bytes);
    this.#given = null;
  }

  #fetchAhead(to: number, signal: AbortSignal): void {
    const fetching = this.#fetch(to, 0, signal).finally(() => {
      this.#ahead = null;
    });
    fetching.catch(() => undefined);
    this.#ahead = fetching;
  }

  async #fetch(to: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const wanted = (to - this.#nextOffset) * RECORD_BYTES;
    const bytesMax = Math.min(FETCH_BYTES_MAX, Math.max(FETCH_BYTES_MIN, wanted));
    const request = { ...this.#target, offset: this.#nextOffset, bytesMax, waitMs };
    try {
      const { blocks, nextOffset } = await this.#reader.fetch(request, signal);
      this.#blocks.push(...blocks);
      this.#nextOffset = nextOffset;
    } catch (error) {
      // Retention may take what lies in a gap: nobody misses it.
      const isGap = isSyncError(error, "KAFKA_OFFSET_GONE") && this.#nextOffset < this.#position;
      if (!isGap) throw error;
      this.#nextOffset = this.#position;
    }
    this.#measure();
  }

  #measure(): void {
    this.bytes = this.#blocks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  #ended(to: number): Error {
    const { topic, partition } = this.#target;
    return syncError(
      "KAFKA_RANGE_DIFFERENT",
      `${topic}/${partition} ends at offset ${this.#nextOffset}, and a position names records up to ${to}`,
      {
        hint: "the brokers have lost acknowledged records, as after an unclean leader election: start `tallylake capture` again, which publishes anew",
      },
    );
  }
}
