import { randomUUID } from "node:crypto";
import { rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TableId } from "../types/table-id.ts";
import type { LakeDatabase } from "./duckdb.ts";
import { ioError } from "./io-error.ts";
import { tablePaths } from "./lake-path.ts";
import { TableLock } from "./lock.ts";
import { TableReader } from "./table-reader.ts";

/**
 * Takes a table out of the lake, with all that it has. It leaves its place at once and as a whole, under a hidden name
 * that no reader lists; its files go after that.
 * @throws SyncError LAKE_LOCKED while another process writes it, LAKE_FOREIGN_WRITE when it is not ours
 */
export async function removeTable(db: LakeDatabase, lakeDir: string, id: TableId): Promise<void> {
  // Refuses a table that another program has made or written to.
  await new TableReader(lakeDir, id).latest();
  const { root, aux } = tablePaths(lakeDir, id);
  const away = join(dirname(dirname(root)), `.removed-${randomUUID()}`);
  const lock = await TableLock.acquire(db, aux);
  try {
    await rename(root, away);
  } catch (error) {
    throw ioError(error, { action: "move", path: root });
  } finally {
    await lock.release();
  }
  try {
    await rm(away, { recursive: true });
  } catch (error) {
    throw ioError(error, { action: "remove", path: away });
  }
  // Other tables of the database may still be there.
  await rmdir(dirname(root)).catch(() => undefined);
}
