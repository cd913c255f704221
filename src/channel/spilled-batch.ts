import { open, rm, type FileHandle } from "node:fs/promises";
import type { ChangeBatch, TransactionRef } from "../types/change-batch.ts";
import type { TableSchema } from "../types/table-schema.ts";
import { syncError } from "../types/errors.ts";
import { codeOf, messageOf } from "../util/errors.ts";

/** Bytes of one row in each of the columns, in the order in which they are written: `seq` first, for alignment. */
const SEQ = 8;
const WORD = 4;
const OP = 1;

/** A batch whose columns and lines lie in a file; what is small and shared stays in memory. */
export class SpilledBatch {
  readonly #file: string;
  readonly #schema: TableSchema;
  readonly #transactions: readonly TransactionRef[];
  readonly #count: number;
  readonly #bytes: number;

  private constructor(batch: ChangeBatch, file: string) {
    this.#file = file;
    this.#schema = batch.schema;
    this.#transactions = batch.transactions;
    this.#count = batch.count;
    this.#bytes = batch.bytes.byteLength;
  }

  static async write(batch: ChangeBatch, file: string): Promise<SpilledBatch> {
    const parts = [batch.seq, batch.n, batch.lineEnd, batch.rowStart, batch.op, batch.bytes];
    const handle = await openFile(file, "wx");
    try {
      for (const part of parts) await writeAll(handle, part);
    } catch (error) {
      throw spillError(file, error);
    } finally {
      await handle.close();
    }
    return new SpilledBatch(batch, file);
  }

  async read(): Promise<ChangeBatch> {
    const count = this.#count;
    const size = count * (SEQ + 3 * WORD + OP) + this.#bytes;
    const data = new Uint8Array(size);
    const handle = await openFile(this.#file, "r");
    try {
      for (let done = 0; done < size;) {
        const { bytesRead } = await handle.read(data, done, size - done);
        if (bytesRead === 0) throw new RangeError(`it ends after ${done} of ${size} bytes`);
        done += bytesRead;
      }
    } catch (error) {
      throw spillError(this.#file, error);
    } finally {
      await handle.close();
    }
    const words = count * SEQ;
    const ops = words + 3 * count * WORD;
    return {
      schema: this.#schema,
      transactions: this.#transactions,
      count,
      seq: new Float64Array(data.buffer, 0, count),
      n: new Uint32Array(data.buffer, words, count),
      lineEnd: new Uint32Array(data.buffer, words + count * WORD, count),
      rowStart: new Uint32Array(data.buffer, words + 2 * count * WORD, count),
      op: data.subarray(ops, ops + count),
      bytes: data.subarray(ops + count),
    };
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

function spillError(file: string, cause: unknown): Error {
  const code = codeOf(cause);
  const what = `a transaction that does not fit in memory cannot be kept at ${file}: ${messageOf(cause)}`;
  if (code === "ENOSPC")
    return syncError("LAKE_DISK_FULL", what, { hint: "make room on the disk of `stateDir`", cause });
  if (code === "EMFILE" || code === "ENFILE") {
    return syncError("TOO_MANY_OPEN_FILES", what, {
      hint: "raise the limit of open files (ulimit -n)",
      cause,
    });
  }
  if (code === "EACCES" || code === "EROFS") {
    return syncError("LAKE_READ_ONLY", what, { hint: "make `stateDir` writable", cause });
  }
  return syncError("LAKE_IO", what, { hint: "look at the disk of `stateDir`", cause });
}
