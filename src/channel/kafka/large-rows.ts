/**
 * Rows that are larger than a message of Kafka may be. Their value goes into a file beside the lake, and the record
 * says so in place of its rows:
 *
 *     {"op":"c",…,"source":{…},"large":{"file":"<name>","bytes":<n>,"sha256":"<hex>","row":<n>},"before":null,"after":null}
 *
 * The header has 0 where the row would begin. A file is durable before its record is sent; its name is that of the
 * event, so a repetition writes the same file. Files live as long as records: the next capture removes those that
 * are older than the retention.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { syncError } from "../../types/errors.ts";
import { fileErrorCode } from "../../types/file-error.ts";
import { codeOf, messageOf } from "../../util/errors.ts";

/** Where a large value lies. */
export interface LargeValue {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where in the value the row begins that a table takes. */
  readonly row: number;
}

const NAME = /^[0-9a-f]{64}\.json$/;

const largeJson = z.object({
  large: z.strictObject({
    file: z.string().regex(NAME),
    bytes: z.number().int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    row: z.number().int().positive(),
  }),
});

/** The place of a large value that a record's value names; null when it names none. */
export function largeValueIn(value: Uint8Array): LargeValue | null {
  try {
    return largeJson.parse(JSON.parse(Buffer.from(value).toString())).large;
  } catch {
    return null;
  }
}

export class LargeRows {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the value of an event; durable when resolved. */
  async write(eventId: string, value: Uint8Array, row: number): Promise<LargeValue> {
    const file = `${createHash("sha256").update(eventId).digest("hex")}.json`;
    const target = join(this.#folder, file);
    const temp = `${target}.${process.pid}.tmp`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const handle = await open(temp, "w", 0o600);
      try {
        await handle.writeFile(value);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temp, target);
      await flushFolder(this.#folder);
    } catch (error) {
      throw this.#error(error, `write the row of ${eventId} to ${target}`);
    }
    return { file, bytes: value.length, sha256: createHash("sha256").update(value).digest("hex"), row };
  }

  /** @throws SyncError KAFKA_LARGE_ROW when the file is not there or has other content */
  async read({ file, bytes, sha256 }: LargeValue): Promise<Uint8Array> {
    const path = join(this.#folder, file);
    let value: Uint8Array;
    try {
      value = await readFile(path);
    } catch (error) {
      throw this.#error(error, `read the large row ${path}`);
    }
    const found = createHash("sha256").update(value).digest("hex");
    if (value.length === bytes && found === sha256) return value;
    throw syncError(
      "KAFKA_LARGE_ROW",
      `${path} has ${value.length} bytes with the digest ${found}, and its record names ${bytes} with ${sha256}`,
      { hint: "restore the file, or remove the topics of this pipeline and start `tallylake capture` again" },
    );
  }

  /** Removes files of before then. */
  async removeBefore(ms: number): Promise<number> {
    let removed = 0;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs >= ms) continue;
      await rm(path, { force: true });
      removed++;
    }
    return removed;
  }

  #error(error: unknown, what: string): Error {
    const code = codeOf(error) === "ENOENT" ? "KAFKA_LARGE_ROW" : fileErrorCode(codeOf(error));
    return syncError(code, `cannot ${what}: ${messageOf(error)}`, {
      hint: `capture and apply need the same folder ${this.#folder}; look at its disk and its rights`,
      cause: error,
    });
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
