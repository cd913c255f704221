import { inspect } from "node:util";

const MASK = "***";

/**
 * A value that must never be printed. The type masks it in string conversion, JSON and inspection,
 * so that no log line or config dump has to know which keys are secret.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The only way to the value: for the call that hands it to a driver. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
