import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import { throwIfAborted } from "../util/abort.ts";

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Why the statement was refused or broken off. */
  readonly toError: (error: unknown) => Error;
}

/** Runs a statement; not more than a few chunks are in memory. Ends with StopError when the signal aborts. */
export async function* streamChunks(
  connection: DuckDBConnection,
  statement: string,
  { signal, toError }: StreamOptions,
): AsyncGenerator<DuckDBDataChunk, void, void> {
  const interruption = new Interruption(signal, () => {
    connection.interrupt();
  });
  try {
    interruption.check();
    const result = await connection.stream(statement);
    for (;;) {
      interruption.check();
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk;
    }
  } catch (error) {
    interruption.check();
    throw toError(error);
  } finally {
    interruption.end();
  }
}

const INTERRUPT_EVERY_MS = 100;

/**
 * Interrupts a statement when a signal aborts. DuckDB forgets an interruption that comes while no statement runs, and
 * whether one runs is decided on another thread; so it is repeated until the statement has ended.
 */
class Interruption {
  readonly #signal: AbortSignal;
  readonly #onAbort: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(signal: AbortSignal, interrupt: () => void) {
    this.#signal = signal;
    this.#onAbort = () => {
      interrupt();
      this.#timer = setInterval(interrupt, INTERRUPT_EVERY_MS);
    };
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** @throws StopError when the signal has aborted */
  check(): void {
    throwIfAborted(this.#signal);
  }

  end(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    clearInterval(this.#timer);
  }
}
