/** Buffers that are kept at most, and the bytes of them together. */
const BUFFERS_MAX = 16;
const BYTES_MAX = 64 << 20;
/** A buffer that is longer than what is wanted by more than this is left for those who need it. */
const SPAN_MAX = 4;

/**
 * Memory that nobody reads any more, for whoever needs some next. New memory each time costs twice: the system clears
 * its pages at the first touch, and V8 collects all garbage of a thread after every few dozen megabytes of buffers.
 * Where rows are bytes and little else is made, those collections took a fifth of all processor time.
 */
export class SpareMemory<Memory extends ArrayBufferLike> {
  readonly #allocate: (bytes: number) => Memory;
  readonly #spare: Memory[] = [];
  #bytes = 0;

  constructor(allocate: (bytes: number) => Memory) {
    this.#allocate = allocate;
  }

  /** What was given longest ago makes room, so that sizes which are not wanted any more do not stay. */
  give(memory: Memory): void {
    this.#spare.push(memory);
    this.#bytes += memory.byteLength;
    while (this.#spare.length > BUFFERS_MAX || this.#bytes > BYTES_MAX) {
      this.#bytes -= this.#spare.shift()?.byteLength ?? 0;
    }
  }

  /** At least so many bytes, with whatever stands in them. */
  take(bytes: number): Memory {
    const i = this.#spare.findIndex(
      ({ byteLength }) => byteLength >= bytes && byteLength <= bytes * SPAN_MAX,
    );
    const [memory] = i < 0 ? [] : this.#spare.splice(i, 1);
    if (memory === undefined) return this.#allocate(bytes);
    this.#bytes -= memory.byteLength;
    return memory;
  }
}

/** Memory that goes to another thread and back. What is handed over instead counts as new in each of them. */
export const sharedSpareMemory = (): SpareMemory<SharedArrayBuffer> =>
  new SpareMemory((bytes) => new SharedArrayBuffer(bytes));
