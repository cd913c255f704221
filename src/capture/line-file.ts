import { open, rm, type FileHandle } from "node:fs/promises";
import { ByteWriter } from "./byte-writer.ts";

/** Bytes that are written at a time. */
const FLUSH_BYTES = 4 << 20;
/** A buffer that one large row has grown is not kept. */
const KEEP_BYTES_MAX = 4 * FLUSH_BYTES;

const newWriter = (): ByteWriter => new ByteWriter(FLUSH_BYTES + (FLUSH_BYTES >> 2));

/** A file that is written through two buffers: one is filled while the other is on its way to the disk. */
export class LineFile {
  readonly #file: FileHandle;
  readonly #path: string;
  #filling = newWriter();
  #writing = newWriter();
  #pending: Promise<void> | null = null;
  #bytes = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /** Replaces the file if there is one. */
  static async create(path: string): Promise<LineFile> {
    return new LineFile(await open(path, "w", 0o600), path);
  }

  /** Where the next line goes. Another one after each `lineWritten`. */
  get writer(): ByteWriter {
    return this.#filling;
  }

  /** To be called after each line. A promise means: no more lines until it resolves. */
  lineWritten(): Promise<void> | null {
    if (this.#filling.position < FLUSH_BYTES) return null;
    if (this.#pending !== null) return this.#pending.then(() => this.#flush());
    this.#flush();
    return null;
  }

  /** Writes the rest and closes the file; the number of its bytes. */
  async end(): Promise<number> {
    await this.#pending;
    this.#flush();
    await this.#pending;
    await this.#file.close();
    return this.#bytes;
  }

  /** Closes and removes the file. */
  async abandon(): Promise<void> {
    await this.#pending?.catch(() => undefined);
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  #flush(): void {
    const full = this.#filling;
    this.#filling = this.#writing.bytes.length > KEEP_BYTES_MAX ? newWriter() : this.#writing;
    this.#filling.position = 0;
    this.#writing = full;
    const bytes = full.written();
    this.#bytes += bytes.length;
    const pending = writeAll(this.#file, bytes).then(() => {
      this.#pending = null;
    });
    // A failure is met by whoever waits next, which `end` and `abandon` always do.
    pending.catch(() => undefined);
    this.#pending = pending;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}
