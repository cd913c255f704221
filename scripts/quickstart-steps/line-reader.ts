import { closeSync, openSync, readSync } from "node:fs";

/** Reads the lines that somebody else appends to a file. */
export class LineReader {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(65_536);
  readonly #decoder = new TextDecoder();
  #offset = 0;
  #rest = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** The whole lines since the last call. The file must be there. */
  read(): readonly string[] {
    const file = openSync(this.#path, "r");
    try {
      for (;;) {
        const bytes = readSync(file, this.#buffer, 0, this.#buffer.length, this.#offset);
        if (bytes === 0) break;
        this.#offset += bytes;
        this.#rest += this.#decoder.decode(this.#buffer.subarray(0, bytes), { stream: true });
      }
    } finally {
      closeSync(file);
    }
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}
