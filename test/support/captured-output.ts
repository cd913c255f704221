import { Writable } from "node:stream";
import { Output, type OutputStream } from "../../src/app/output.ts";

/** An output whose text a test can read: a real stream, with a terminal's properties where they are wanted. */
export class CapturedOutput extends Output {
  readonly #chunks: Buffer[];
  readonly #stream: Writable;

  constructor(
    terminal: { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number } = {},
  ) {
    const chunks: Buffer[] = [];
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        chunks.push(chunk);
        done();
      },
    });
    super(Object.assign(stream, terminal) as OutputStream, "stdout");
    this.#chunks = chunks;
    this.#stream = stream;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** What the system does when the reader closes its end. */
  breakPipe(code = "EPIPE"): void {
    this.#stream.destroy(Object.assign(new Error(`write ${code}`), { code }));
  }
}
