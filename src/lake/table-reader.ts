import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { syncError } from "../types/errors.ts";
import type { CommitRecord } from "../types/ports.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import { codeOf } from "../util/errors.ts";
import { FileSystemView, slicesDigest } from "./file-system-view.ts";
import { decodePathName, tablePaths, type TablePaths } from "./lake-path.ts";
import { LocalStorage } from "./storage-local.ts";
import { commitRecord, readCommit, type OwnCommit } from "./table-state.ts";
import { TimelineFolder } from "./timeline.ts";

/** A state of a table: its commit, and the files that hold the rows. */
export interface TableSnapshot {
  readonly commit: OwnCommit;
  /** Absolute paths of the latest base file of each bucket as of the commit. */
  readonly files: readonly string[];
}

/** Reads a table beside its writer, or without one. It takes no lock and changes nothing. */
export class TableReader {
  readonly id: TableId;
  readonly #paths: TablePaths;
  readonly #storage: LocalStorage;
  readonly #timeline: TimelineFolder;

  constructor(lakeDir: string, id: TableId) {
    this.id = id;
    this.#paths = tablePaths(lakeDir, id);
    this.#storage = new LocalStorage(this.#paths.aux);
    this.#timeline = new TimelineFolder(this.#storage, this.#paths.hoodie);
  }

  /** Instants of the completed commits, oldest first. Empty when there is no table. */
  async instants(): Promise<readonly string[]> {
    return (await this.#timeline.load()).completed;
  }

  commit(instant: string): Promise<OwnCommit> {
    return readCommit(this.#timeline, this.#paths.root, instant);
  }

  /** The newest commit; null when there is none. */
  async latest(): Promise<OwnCommit | null> {
    const instant = (await this.instants()).at(-1);
    return instant === undefined ? null : this.commit(instant);
  }

  /** The newest commits, newest first. */
  async newest(count: number): Promise<readonly OwnCommit[]> {
    const instants = (await this.instants()).slice(-count).reverse();
    return Promise.all(instants.map((instant) => this.commit(instant)));
  }

  /** Commits behind an instant, oldest first; all of them when it is null. */
  async commits(after: string | null): Promise<readonly CommitRecord[]> {
    const instants = (await this.instants()).filter((instant) => after === null || instant > after);
    const records: CommitRecord[] = [];
    for (const instant of instants) records.push(commitRecord(await this.commit(instant)));
    return records;
  }

  /**
   * The table as of the newest commit at or before `asOf` (a prefix of an instant counts with all of its
   * length), or as it is now.
   * @throws SyncError LAKE_TABLE_MISSING when there is no such commit, or its files were cleaned away
   */
  async snapshot(asOf: string | null): Promise<TableSnapshot> {
    const completed = await this.instants();
    const instant = completed.findLast((candidate) => asOf === null || candidate <= asOf);
    if (instant === undefined) throw this.#missing(asOf);
    const commit = await this.commit(instant);
    const view = FileSystemView.of(await this.#storage.list(this.#paths.root), completed);
    const slices = view.asOf(instant);
    // A slice that was cleaned away, or is lost, would leave its rows out without a word.
    if (slicesDigest(slices) !== commit.slices) throw this.#missing(asOf ?? instant);
    const files = slices.map((slice) => join(this.#paths.root, slice.file));
    return { commit, files };
  }

  /** The base files that an instant wrote, those that are still there. */
  async filesOf(
    instant: string,
  ): Promise<{ readonly files: readonly string[]; readonly isComplete: boolean }> {
    const { stats } = await this.commit(instant);
    const names = new Set(await this.#storage.list(this.#paths.root));
    const there = stats.filter((stat) => names.has(stat.path));
    return {
      files: there.map((stat) => join(this.#paths.root, stat.path)),
      isComplete: there.length === stats.length,
    };
  }

  #missing(asOf: string | null): Error {
    const when = asOf === null ? "no commit" : `no commit at or before ${asOf} whose files are all there`;
    return syncError("LAKE_TABLE_MISSING", `the lake has ${when} of ${formatTableId(this.id)}`, {
      hint:
        asOf === null
          ? "run `tallylake init`"
          : "name a later time; `tallylake status` shows the newest commits",
    });
  }
}

/** The tables that the lake's folders hold, by name. */
export async function listTables(lakeDir: string): Promise<readonly TableId[]> {
  const tables: TableId[] = [];
  for (const database of await folders(lakeDir)) {
    for (const table of await folders(join(lakeDir, database))) {
      const id = tableOfFolders(database, table);
      if (id !== null && (await new TableReader(lakeDir, id).instants()).length > 0) tables.push(id);
    }
  }
  return tables;
}

/** Null for folders that are nobody's names; other tools may have put them there. */
function tableOfFolders(database: string, table: string): TableId | null {
  try {
    return { database: decodePathName(database), table: decodePathName(table) };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

async function folders(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith(".") ? [entry.name] : []))
      .sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw syncError("LAKE_IO", `the lake's folder ${path} cannot be read: ${codeOf(error)}`, {
      hint: "look at the folder's rights",
      cause: error,
    });
  }
}
