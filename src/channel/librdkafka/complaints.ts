import type { Client } from "./client.ts";

/** What the library calls a connection that has failed. */
const FAILED = "FAIL";
/** What the library puts in front: which of its threads says it. */
const THREAD = /^\[thrd:[^\]]*\]: /;

/**
 * Why a client cannot reach its brokers. An answer says only that it has waited too long; the reason is in the log
 * that the library writes, from threads of its own.
 */
export class Complaints {
  #last: string | null = null;

  constructor(client: Client) {
    client.on("event.log", ({ fac, message }) => {
      if (fac === FAILED) this.#last = message.replace(THREAD, "");
    });
    // Without a listener this one would be thrown: it is what the source of a login's token has failed with.
    client.on("error", ({ message }) => {
      this.#last = message;
    });
  }

  /** The last one since `forget`. */
  get last(): string | null {
    return this.#last;
  }

  forget(): void {
    this.#last = null;
  }
}
