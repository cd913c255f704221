export type StopSignal = "SIGINT" | "SIGTERM";

/** Exit codes of a process that a signal ended, as shells show them. */
export const SIGNAL_EXIT: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export interface LifecycleOptions {
  /** Shows a line to the person who sent the signal. */
  readonly write: (line: string) => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/**
 * The way to a stop. The first SIGINT or SIGTERM aborts `signal`: the command finishes what it has begun
 * and returns its own exit code. The second one ends the process where it stands, with 130 or 143; that is
 * as safe as a `kill -9`, from which every start recovers.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #controller = new AbortController();
  #finishing: () => string = () => "the current step";
  #stoppedBy: StopSignal | null = null;

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The signal that asked for the stop; null when none came. */
  get stoppedBy(): StopSignal | null {
    return this.#stoppedBy;
  }

  /** Says what a stop has to finish from now on, such as "the commit of shop.orders". */
  finishing(what: () => string): void {
    this.#finishing = what;
  }

  onSignal(name: StopSignal): void {
    if (this.#stoppedBy !== null) {
      this.#options.write(`${name} again: stopping at once; the next start recovers\n`);
      this.#options.exit(SIGNAL_EXIT[name]);
      return;
    }
    this.#stoppedBy = name;
    this.#options.write(`${name}: finishing ${this.#finishing()}; a second signal stops at once\n`);
    this.#controller.abort(name);
  }

  /** A stop that nobody signalled, such as a reader that went away. */
  stop(reason: string): void {
    this.#controller.abort(reason);
  }

  /** Listens to the signals of a process until the returned function is called. */
  listen(process: Pick<NodeJS.Process, "on" | "off">): () => void {
    const names: readonly StopSignal[] = ["SIGINT", "SIGTERM"];
    const listeners = names.map((name) => ({ name, listener: () => this.onSignal(name) }));
    for (const { name, listener } of listeners) process.on(name, listener);
    return () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    };
  }
}

interface Started {
  readonly name: string;
  readonly close: () => Promise<void>;
}

/**
 * Things that were opened in order and are closed in the opposite one, all of them, whatever fails. The
 * first failure is thrown at the end; a later one is its consequence more often than not, and is handed to
 * `onFailure`.
 */
export class Resources {
  readonly #started: Started[] = [];
  readonly #onFailure: (name: string, error: unknown) => void;

  constructor(onFailure: (name: string, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Opens something; when that fails, nothing of it is left to close. */
  async open<T>(name: string, open: () => Promise<T>, close: (resource: T) => Promise<void>): Promise<T> {
    const resource = await open();
    this.#started.push({ name, close: () => close(resource) });
    return resource;
  }

  /** A second call closes what was opened since the first. */
  async close(): Promise<void> {
    let first: { readonly error: unknown } | null = null;
    for (let next = this.#started.pop(); next !== undefined; next = this.#started.pop()) {
      try {
        await next.close();
      } catch (error) {
        if (first === null) first = { error };
        else this.#onFailure(next.name, error);
      }
    }
    if (first !== null) throw first.error;
  }

  /** Runs `body`, then closes. An error of `body` goes before one of closing. */
  async use<T>(body: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await body();
    } catch (error) {
      await this.close().catch((failure: unknown) => this.#onFailure("closing", failure));
      throw error;
    }
    await this.close();
    return result;
  }
}
