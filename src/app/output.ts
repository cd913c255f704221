import { syncError } from "../types/errors.ts";
import { StopError } from "../util/abort.ts";
import { codeOf } from "../util/errors.ts";

/** As much of a Node stream as is needed here. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * stdout or stderr. When its reader goes away (EPIPE) it takes no more, quietly: `query … | head` ends
 * without a word, and a daemon whose log reader died goes on with its work. Any other failure is an error,
 * since what was written is then not all there.
 */
export class Output {
  readonly #stream: OutputStream;
  readonly #name: string;
  #closed = false;
  #failure: Error | null = null;
  #onClosed: () => void = () => undefined;
  #interceptor: ((text: string) => void) | null = null;

  constructor(stream: OutputStream, name: string) {
    this.#stream = stream;
    this.#name = name;
    stream.on("error", (error: Error) => this.#onError(error));
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  get rows(): number {
    return this.#stream.rows ?? 24;
  }

  /** Nobody reads any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The stream itself, for a library that draws on a terminal. */
  get stream(): OutputStream {
    return this.#stream;
  }

  /** Called once, when the reader goes away. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** For short texts. Nothing is thrown: a failure shows in `flush`. */
  write(text: string): void {
    if (this.#closed || this.#failure !== null) return;
    if (this.#interceptor === null) this.#stream.write(text);
    else this.#interceptor(text);
  }

  /** While something is drawn on the terminal, texts go through the one who draws. Null: the usual way again. */
  intercept(interceptor: ((text: string) => void) | null): void {
    this.#interceptor = interceptor;
  }

  /**
   * For much data: waits until the reader has taken it.
   * @throws StopError when the reader went away
   */
  async send(chunk: string | Uint8Array): Promise<void> {
    this.#check();
    if (!this.#closed) await this.#written(chunk);
    this.#check();
    if (this.closed) throw new StopError(`nobody reads ${this.#name} any more`);
  }

  /** Resolves when everything is out. @throws when something that was written could not go out */
  async flush(): Promise<void> {
    this.#check();
    if (this.#closed) return;
    await this.#written("");
    this.#check();
  }

  /** The stream's own callback comes after a failure as well, so this always ends. */
  #written(chunk: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.write(chunk, (error) => {
        if (error) this.#onError(error);
        resolve();
      });
    });
  }

  #check(): void {
    if (this.#failure === null) return;
    throw syncError(
      "OUTPUT_FAILED",
      `${this.#name} cannot be written (${codeOf(this.#failure) || "unknown error"})`,
      {
        hint: "make room on its disk, or write it elsewhere",
        cause: this.#failure,
      },
    );
  }

  #onError(error: Error): void {
    // After EPIPE Node destroys the stream; a write that is still under way then ends with that code.
    const code = codeOf(error);
    if (code !== "EPIPE" && code !== "ERR_STREAM_DESTROYED") {
      this.#failure ??= error;
    } else if (!this.#closed) {
      this.#closed = true;
      this.#onClosed();
    }
  }
}
