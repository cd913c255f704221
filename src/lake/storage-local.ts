import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../util/errors.ts";
import { ioError, isAbsent } from "./io-error.ts";
import type { Storage } from "./storage.ts";

/** Begins the names of files that are not in place yet. Whoever holds the table's lock may remove them. */
export const TEMP_PREFIX = "tmp-";

/**
 * Storage on a local file system. Content is written under a temporary name in `tempFolder`, which must be
 * on the same file system, flushed, and then gets its name by link (which fails when the name is taken) or
 * by rename; the folder is flushed last. At no point is there a file with half of its content in place.
 */
export class LocalStorage implements Storage {
  readonly #tempFolder: string;

  constructor(tempFolder: string) {
    this.#tempFolder = tempFolder;
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw ioError(error, { action: "list", path: folder });
    }
  }

  async read(path: string): Promise<Uint8Array | null> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isAbsent(error)) return null;
      throw ioError(error, { action: "read", path });
    }
  }

  async createFolder(folder: string): Promise<void> {
    try {
      const first = await mkdir(folder, { recursive: true, mode: 0o755 });
      if (first === undefined) return;
      // Each new folder is an entry of the one above it.
      for (let made = folder; made.length >= first.length; made = dirname(made)) {
        await flushFolder(dirname(made));
      }
    } catch (error) {
      throw ioError(error, { action: "create folder", path: folder });
    }
  }

  async createIfAbsent(path: string, content: string): Promise<boolean> {
    const temp = await this.#writeTemp(path, content);
    try {
      await link(temp, path);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw ioError(error, { action: "create", path });
    } finally {
      await this.remove(temp);
    }
    await this.syncFolder(dirname(path));
    return true;
  }

  async createEmpty(path: string): Promise<boolean> {
    try {
      const file = await open(path, "wx", 0o644);
      await file.close();
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw ioError(error, { action: "create", path });
    }
  }

  async replace(path: string, content: string): Promise<void> {
    const temp = await this.#writeTemp(path, content);
    try {
      await rename(temp, path);
    } catch (error) {
      throw ioError(error, { action: "replace", path });
    }
    await this.syncFolder(dirname(path));
  }

  async adopt(from: string, to: string): Promise<number> {
    try {
      const file = await open(from, "r+");
      try {
        await file.sync();
        const { size } = await file.stat();
        await rename(from, to);
        return size;
      } finally {
        await file.close();
      }
    } catch (error) {
      throw ioError(error, { action: "move into place", path: to });
    }
  }

  async syncFolder(folder: string): Promise<void> {
    try {
      await flushFolder(folder);
    } catch (error) {
      throw ioError(error, { action: "flush folder", path: folder });
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw ioError(error, { action: "remove", path });
    }
  }

  async removeFolder(folder: string): Promise<void> {
    try {
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      throw ioError(error, { action: "remove folder", path: folder });
    }
  }

  async size(path: string): Promise<number | null> {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw ioError(error, { action: "look at", path });
    }
  }

  async #writeTemp(target: string, content: string): Promise<string> {
    // A random part keeps two writers of one table, if it ever came to that, out of each other's files.
    const temp = join(
      this.#tempFolder,
      `${TEMP_PREFIX}${randomBytes(6).toString("hex")}-${basename(target)}`,
    );
    try {
      const file = await open(temp, "wx", 0o644);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(temp, { force: true }).catch(() => undefined);
      throw ioError(error, { action: "write", path: temp });
    }
    return temp;
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
