/**
 * One writer for each table. The lock is one that the kernel holds for the process (fcntl): it is gone when
 * the process dies, whatever way, it stays while the process is stopped, and it works between containers on
 * one host. Node has no call for it, but DuckDB takes one on every database file that it attaches, so the
 * lock is an attached, empty database.
 *
 * Limits. The kernel drops such a lock when the process closes any descriptor of the file, so nothing else
 * may open it; and it does not keep a process from locking a file twice, which is what the registry is for.
 */
import { randomBytes } from "node:crypto";
import { link, open, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncError } from "../types/errors.ts";
import { codeOf, SyncError } from "../util/errors.ts";
import { identifier, literal, type LakeDatabase } from "./duckdb.ts";
import { DuckFailure } from "./duckdb-error.ts";
import { ioError, isAbsent } from "./io-error.ts";
import { TEMP_PREFIX } from "./storage-local.ts";

export const LOCK_FILE = "tallylake.lock";

const held = new Set<string>();

export class TableLock {
  readonly #db: LakeDatabase;
  readonly #path: string;
  readonly #alias: string;

  private constructor(db: LakeDatabase, path: string, alias: string) {
    this.#db = db;
    this.#path = path;
    this.#alias = alias;
  }

  /** @throws SyncError LAKE_LOCKED when another writer has the table. */
  static async acquire(db: LakeDatabase, folder: string): Promise<TableLock> {
    const path = await lockFile(db, folder);
    if (held.has(path)) throw locked(path, "this process");
    held.add(path);
    const lock = new TableLock(db, path, `lock_${db.nextTableNumber()}`);
    try {
      await attach(db, path, lock.#alias);
    } catch (error) {
      held.delete(path);
      throw error;
    }
    return lock;
  }

  async release(): Promise<void> {
    await this.#db.use((sql) => sql.run(`DETACH ${identifier(this.#alias)}`));
    held.delete(this.#path);
  }
}

/**
 * Path of the lock file, which is made when there is none. An empty database is first made under another
 * name, so that there never is a half-written one to stumble over.
 */
async function lockFile(db: LakeDatabase, folder: string): Promise<string> {
  const path = join(folder, LOCK_FILE);
  try {
    return await realpath(path);
  } catch (error) {
    if (!isAbsent(error)) throw ioError(error, { action: "look at", path });
  }
  const temp = join(folder, `${TEMP_PREFIX}${randomBytes(6).toString("hex")}-${LOCK_FILE}`);
  const alias = `lock_${db.nextTableNumber()}`;
  await db.use(async (sql) => {
    await sql.run(`ATTACH ${literal(temp)} AS ${identifier(alias)}`);
    await sql.run(`DETACH ${identifier(alias)}`);
  });
  try {
    const file = await open(temp, "r+");
    await file.sync();
    await file.close();
    await link(temp, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw ioError(error, { action: "create", path });
  } finally {
    await rm(temp, { force: true });
  }
  return realpath(path);
}

async function attach(db: LakeDatabase, path: string, alias: string): Promise<void> {
  try {
    await db.use((sql) => sql.run(`ATTACH ${literal(path)} AS ${identifier(alias)}`));
  } catch (error) {
    const failure = error instanceof SyncError ? error.cause : error;
    if (!(failure instanceof DuckFailure)) throw error;
    if (failure.errno === "EAGAIN") {
      throw locked(path, /\(PID (\d+)\)/.exec(failure.message)?.[1] ?? null, failure);
    }
    if (failure.errno !== "") throw error;
    throw syncError("LAKE_CORRUPT", `the lock file ${path} is damaged: ${failure.message}`, {
      hint: "Make sure that no tallylake runs on this table, then delete the file. It holds no data.",
      cause: failure,
    });
  }
}

function locked(path: string, holder: string | null, cause?: unknown): SyncError {
  const by =
    holder === null ? "another process" : /^\d+$/.test(holder) ? `the process with id ${holder}` : holder;
  return syncError("LAKE_LOCKED", `the table is being written by ${by} (${path})`, {
    hint: "Stop the other tallylake, or wait until it has ended. A killed process leaves no lock behind.",
    cause,
  });
}
