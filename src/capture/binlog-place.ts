import type { BinlogOffset } from "../types/source-position.ts";

const WRAP = 2 ** 32;

/**
 * Where a reader stands in the files of the binlog, by what events say of their end. An event has 32 bits for it,
 * and a transaction can be larger than that. Inside a file the end never goes back, so a smaller one has wrapped.
 */
export class BinlogPlace {
  #file: string;
  #offset: number;
  /** Of the events in the file so far; other than where a reader stands before it has read anything. */
  #lastEnd = 0;

  constructor({ file, offset }: BinlogOffset) {
    this.#file = file;
    this.#offset = offset;
  }

  get file(): string {
    return this.#file;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Behind an event; gives whether that is another place. An event that is no part of the file ends at 0. */
  advance(end: number): boolean {
    if (end === 0) return false;
    let offset = Math.floor(this.#lastEnd / WRAP) * WRAP + end;
    if (offset < this.#lastEnd) offset += WRAP;
    if (offset === this.#lastEnd) return false;
    this.#lastEnd = offset;
    this.#offset = offset;
    return true;
  }

  /** The file goes on as another one. */
  rotate({ file, offset }: BinlogOffset): void {
    this.#file = file;
    this.#offset = offset;
    this.#lastEnd = offset;
  }
}
