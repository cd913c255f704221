import type { BinlogConnection } from "./binlog-connection.ts";
import { EVENT, EventFramer, innerHeader, type EventHeader } from "./binlog-event.ts";
import { plainEvent } from "./mariadb/mariadb-event.ts";
import {
  EventCutter,
  isSmall,
  parseTransactionPayload,
  unpackAtOnce,
  unpackInPieces,
  type TransactionPayload,
} from "./transaction-payload.ts";

export interface EventIntakeOptions {
  /** Takes each event in turn, also those that were compressed together. */
  readonly take: (bytes: Uint8Array, header: EventHeader) => void;
  /** Told of what goes wrong between two packets; what `event` finds wrong it throws. */
  readonly onError: (error: Error) => void;
}

/**
 * What a dump connection delivers, as single events: framed, checked, and those of a compressed transaction in its
 * place. A large one is unpacked between packets, while the connection is held up.
 */
export class EventIntake {
  readonly #options: EventIntakeOptions;
  readonly #framer = new EventFramer();
  #connection: BinlogConnection | null = null;
  #isPaused = false;
  #isUnpacking = false;
  #isClosed = false;
  /** Told when a pause ends. */
  #wake: (() => void) | null = null;

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /** The connection whose packets come here. */
  attach(connection: BinlogConnection): void {
    this.#connection = connection;
    if (this.#isPaused) connection.pause();
  }

  pause(): void {
    this.#isPaused = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake?.();
    if (!this.#isUnpacking) this.#connection?.resume();
  }

  /** Closes the connection; nothing is taken any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake?.();
    await this.#connection?.close();
  }

  /** An event as it came: its header begins at `from`, its checksum ends at `to`. */
  event(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isClosed) return;
    const header = this.#framer.frame(bytes, from, to);
    if (header.type === EVENT.transactionPayload) {
      this.#unpack(bytes, header);
      return;
    }
    const plain = plainEvent(bytes, header);
    if (plain === null) this.#options.take(bytes, header);
    else this.#options.take(plain.bytes, plain.header);
  }

  #unpack(bytes: Uint8Array, header: EventHeader): void {
    const payload = parseTransactionPayload(bytes, header.bodyStart, header.bodyEnd);
    const cutter = new EventCutter((unpacked, from, to) => {
      this.#options.take(unpacked, innerHeader(unpacked, from, to, header));
    });
    if (isSmall(payload)) {
      cutter.push(unpackAtOnce(payload));
      cutter.end();
      return;
    }
    this.#isUnpacking = true;
    this.#connection?.pause();
    this.#unpackLarge(payload, cutter).catch((error: unknown) => {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #unpackLarge(payload: TransactionPayload, cutter: EventCutter): Promise<void> {
    for await (const piece of unpackInPieces(payload)) {
      while (this.#isPaused && !this.#isClosed) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#isClosed) return;
      cutter.push(piece);
    }
    cutter.end();
    this.#isUnpacking = false;
    if (!this.#isPaused) this.#connection?.resume();
  }
}
