import { join } from "node:path";
import type { GtidSet } from "../types/gtid.ts";
import type { TableId } from "../types/table-id.ts";
import type { Span } from "./common-cut.ts";
import { FileSystemView, slicesDigest } from "./file-system-view.ts";
import { tablePaths, type TablePaths } from "./lake-path.ts";
import { LocalStorage } from "./storage-local.ts";
import { readCommit, type OwnCommit } from "./table-state.ts";
import { TimelineFolder, type Timeline } from "./timeline.ts";

/** A state of a table whose files are all there. */
export interface TableSpan extends Span {
  readonly id: TableId;
  /** The newest commit that left the table in this state. */
  readonly commit: OwnCommit;
  /** The one that made it so. */
  readonly madeBy: OwnCommit;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** What is known beyond the commits: from one position on, no change has come up to another. */
export interface KnownQuiet {
  readonly from: GtidSet;
  readonly through: GtidSet;
}

export interface HistoryOptions {
  /** The greatest instant that counts; null for all of them. */
  readonly asOf: string | null;
  readonly quiet: KnownQuiet | null;
}

/**
 * Commits that are read forwards of `asOf` for the proof that they brought no change, and backwards for a
 * position that all tables share. Bounds the time that a query takes to begin.
 */
const COMMITS_AHEAD_MAX = 1000;
const COMMITS_BACK_MAX = 5000;

/** The states of a table that can still be read, newest first. Nothing is locked and nothing is changed. */
export class TableHistory {
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

  /** Ends where there are no more commits, or where the files of the next state were cleaned away. */
  async *spans({ asOf, quiet }: HistoryOptions): AsyncGenerator<TableSpan, void, void> {
    // The timeline comes first: of a commit that completes in between, the files count for nothing.
    const { completed }: Timeline = await this.#timeline.load();
    const view = FileSystemView.of(await this.#storage.list(this.#paths.root), completed);
    const newest = completed.findLastIndex((instant) => asOf === null || instant <= asOf);
    if (newest < 0) return;
    let through = await this.#quietEnd(completed, newest);
    for (let last = newest; last >= 0 && last > newest - COMMITS_BACK_MAX;) {
      const commit = await this.#commit(completed, last);
      let first = last;
      let madeBy = commit;
      while (first > 0 && isQuiet(madeBy)) madeBy = await this.#commit(completed, --first);
      const slices = view.asOf(commit.instant);
      if (slicesDigest(slices) !== commit.slices) return;
      yield {
        id: this.id,
        commit,
        madeBy,
        files: slices.map((slice) => join(this.#paths.root, slice.file)),
        from: madeBy.checkpoint.position.gtids,
        through: quiet !== null && quiet.from.equals(through) ? quiet.through : through,
      };
      last = first - 1;
      if (last >= 0) through = (await this.#commit(completed, last)).checkpoint.position.gtids;
    }
  }

  /** Position of the last commit behind this one that, like all between, brought no change. */
  async #quietEnd(completed: readonly string[], from: number): Promise<GtidSet> {
    let end = await this.#commit(completed, from);
    for (let i = from + 1; i < completed.length && i <= from + COMMITS_AHEAD_MAX; i++) {
      const next = await this.#commit(completed, i);
      if (!isQuiet(next)) break;
      end = next;
    }
    return end.checkpoint.position.gtids;
  }

  #commit(completed: readonly string[], index: number): Promise<OwnCommit> {
    return readCommit(this.#timeline, this.#paths.root, completed[index] ?? "");
  }
}

/**
 * A commit that only moved the checkpoint. It is not enough that it wrote no file: a row that came and went
 * between two commits was there at a position in between.
 */
const isQuiet = ({ operation, stats, counts }: OwnCommit): boolean =>
  operation === "UPSERT" &&
  stats.length === 0 &&
  counts.every((count) => (count.hop !== "apply" && count.hop !== "dedup") || count.rows === 0);
