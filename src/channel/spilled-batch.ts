import { open, rm, type FileHandle } from "node:fs/promises";
import { batchParts, withParts, type ChangeBatch } from "../types/change-batch.ts";
import { stateFileError } from "../types/file-error.ts";
import { messageOf } from "../util/errors.ts";

/** A batch whose columns and rows lie in a file; what is small and shared stays in memory. */
export class SpilledBatch {
  readonly #file: string;
  /** The batch without its memory. */
  readonly #hollow: ChangeBatch;
  /** Bytes of each part, in the order of `batchParts`. */
  readonly #sizes: readonly number[];

  private constructor(batch: ChangeBatch, file: string) {
    this.#file = file;
    this.#sizes = batchParts(batch).map((part) => part.byteLength);
    this.#hollow = withParts(
      batch,
      this.#sizes.map(() => new Uint8Array(0)),
    );
  }

  static async write(batch: ChangeBatch, file: string): Promise<SpilledBatch> {
    const handle = await openFile(file, "wx");
    try {
      for (const part of batchParts(batch)) await writeAll(handle, part);
    } catch (error) {
      throw spillError(file, error);
    } finally {
      await handle.close();
    }
    return new SpilledBatch(batch, file);
  }

  async read(): Promise<ChangeBatch> {
    const handle = await openFile(this.#file, "r");
    try {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for (const size of this.#sizes) parts.push(await readAll(handle, size));
      return withParts(this.#hollow, parts);
    } catch (error) {
      throw spillError(this.#file, error);
    } finally {
      await handle.close();
    }
  }

  async remove(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

async function openFile(file: string, flags: string): Promise<FileHandle> {
  try {
    return await open(file, flags, 0o600);
  } catch (error) {
    throw spillError(file, error);
  }
}

async function writeAll(handle: FileHandle, part: Float64Array | Uint32Array | Uint8Array): Promise<void> {
  const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done);
    done += bytesWritten;
  }
}

/** The next `size` bytes of the file. */
async function readAll(handle: FileHandle, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const { bytesRead } = await handle.read(data, done, size - done);
    if (bytesRead === 0) throw new RangeError(`it ends after ${done} of ${size} bytes of a part`);
    done += bytesRead;
  }
  return data;
}

const spillError = (file: string, cause: unknown): Error =>
  stateFileError(
    cause,
    `a transaction that does not fit in memory cannot be kept at ${file}: ${messageOf(cause)}`,
  );
