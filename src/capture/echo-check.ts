import { historyBroken } from "./history.ts";
import type { LastTransaction } from "../types/source-position.ts";

interface Begun {
  readonly text: string;
  readonly commitUs: number;
  readonly isEcho: boolean;
}

/**
 * The last transaction of the position, which the server was asked to send once more: it must be the first that comes,
 * and the same, or the binlog has another history.
 */
export class EchoCheck {
  readonly #expected: LastTransaction | null;
  #isPending: boolean;

  constructor(expected: LastTransaction | null) {
    this.#expected = expected;
    this.#isPending = expected !== null;
  }

  /** Whether it is still to come. */
  get isPending(): boolean {
    return this.#isPending;
  }

  isEcho(gtid: string): boolean {
    return this.#isPending && gtid === this.#expected?.gtid;
  }

  /** Before it the server sends only what is prepared and not decided. */
  requireNotEarly({ text, isEcho }: Begun): void {
    if (this.#isPending && !isEcho) throw historyBroken(this.#expected, `${text} came in its place`);
  }

  /** It has ended, with this hash of what it did. */
  end({ commitUs }: Begun, hash: string): void {
    this.#isPending = false;
    if (hash !== this.#expected?.hash || commitUs !== this.#expected.commitUs) {
      throw historyBroken(this.#expected, `the server has ${hash} committed at ${commitUs}`);
    }
  }
}
