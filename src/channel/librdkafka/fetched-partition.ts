import type { FetchAnswer } from "../kafka/driver.ts";
import type { FetchedBlock, TopicPartition } from "../kafka/record-block.ts";
import type { Message } from "./client.ts";
import { blockFrom, messageBlock } from "./message-block.ts";

/** Messages that come at once are cut into blocks of about this size, so that nobody has to take many large ones. */
const BLOCK_BYTES = 1 << 20;

/** What was fetched of a partition and nobody has taken yet, from some offset on and without a gap. */
export class FetchedPartition {
  readonly target: TopicPartition;
  #blocks: FetchedBlock[] = [];
  #from: number;
  #to: number;
  bytes = 0;
  /** Whether more of it is being fetched. */
  isFetched = false;
  /** Those who wait for more of it just now, and when the last of them came. */
  waiting = 0;
  askedMs = 0;

  constructor(target: TopicPartition, from: number) {
    this.target = target;
    this.#from = from;
    this.#to = from;
  }

  /** Behind all that has come. */
  get to(): number {
    return this.#to;
  }

  /** Whether what comes from an offset on is here, or will be the next to come. */
  holds(offset: number): boolean {
    return offset >= this.#from && offset <= this.#to;
  }

  add(messages: readonly Message[]): void {
    // Only what is new: the library begins with the batch that the offset lies in.
    const fresh = messages.filter(({ offset }) => offset >= this.#to);
    const last = fresh.at(-1);
    if (last === undefined) return;
    for (let from = 0; from < fresh.length;) {
      let to = from;
      for (let bytes = 0; to < fresh.length && bytes < BLOCK_BYTES; to++) {
        const { key, value } = fresh[to] as Message;
        bytes += (key?.length ?? 0) + (value?.length ?? 0);
      }
      const block = messageBlock(fresh.slice(from, to));
      this.#blocks.push(block);
      this.bytes += block.bytes.length;
      from = to;
    }
    this.#to = last.offset + 1;
  }

  /** There is nothing more up to here, but records that are not for us. */
  reach(offset: number): void {
    this.#to = Math.max(this.#to, offset);
  }

  /** What there is from an offset on; at least one block of it, if there is any, and then no more than so many bytes. */
  take(offset: number, bytesMax: number): FetchAnswer {
    const blocks: FetchedBlock[] = [];
    let bytes = 0;
    for (;;) {
      const [next] = this.#blocks;
      if (next === undefined) break;
      const size = next.bytes.length;
      if (blocks.length > 0 && bytes + size > bytesMax) break;
      this.#blocks.shift();
      this.bytes -= size;
      const block = blockFrom(next, offset);
      if (block.count === 0) continue;
      blocks.push(block);
      bytes += size;
    }
    this.#from = this.#blocks.length === 0 ? this.#to : endOf(blocks.at(-1) as FetchedBlock);
    return { blocks, nextOffset: this.#from };
  }
}

const endOf = ({ offsets, count }: FetchedBlock): number => (offsets[count - 1] as number) + 1;
