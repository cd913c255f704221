import type { CommitRecord, TraceRecord, TraceStore } from "../types/ports.ts";
import type { TableId } from "../types/table-id.ts";
import { instantMs, justBefore } from "./instant-time.ts";

/**
 * Completed commits of a lake table behind an instant, oldest first; all of them for null. It is called
 * while the table is written, so it must not be one of the calls that the table allows one at a time.
 */
export type CommitLog = (table: TableId, after: string | null) => Promise<readonly CommitRecord[]>;

interface Recorded {
  /** Newest commit that the store has; null when it has none. */
  readonly instant: string | null;
  /** Where that commit ends, and the next one begins. */
  readonly toGtids: string;
}

/**
 * One table's commits on their way to the store. It holds no commits, only how many there are: they are
 * asked of the lake again when the store can take them.
 */
export class CommitFeed {
  readonly table: TableId;
  readonly #source: string;
  readonly #commits: CommitLog;
  /** Null until the store has been asked. */
  #recorded: Recorded | null = null;
  /** Commits found by the last listing and not yet recorded; null before the first listing. */
  #unsent: number | null = null;
  #oldestUnsentMs = 0;
  /** Commits announced and not covered by a listing. */
  #announced = 0;
  #firstAnnouncedMs = 0;
  /** Instants of those that were announced since the last listing began. */
  #meanwhile: string[] = [];
  /** Newest commit that was announced or listed: another word of it, or of one before it, says nothing new. */
  #newestKnown = "";
  #stale = true;

  constructor(table: TableId, facts: { readonly source: string; readonly commits: CommitLog }) {
    this.table = table;
    this.#source = facts.source;
    this.#commits = facts.commits;
  }

  get isDirty(): boolean {
    return this.#stale || this.#announced > 0;
  }

  /** Commits that the store does not have; null while that is not known. */
  get queued(): number | null {
    return this.#unsent === null ? null : this.#unsent + this.#announced;
  }

  /** When the oldest of them was committed; null when there is none, or none is known. */
  get oldestQueuedAtMs(): number | null {
    if (this.#unsent !== null && this.#unsent > 0) return this.#oldestUnsentMs;
    return this.#announced > 0 ? this.#firstAnnouncedMs : null;
  }

  announce(instant: string): void {
    if (instant <= this.#newestKnown) return;
    this.#newestKnown = instant;
    if (this.#announced === 0) this.#firstAnnouncedMs = instantMs(instant);
    this.#announced++;
    this.#meanwhile.push(instant);
  }

  /** The store may not have what we think it has: ask it again. */
  invalidate(): void {
    this.#recorded = null;
    this.#stale = true;
  }

  /** Lists what the store lacks, oldest first. Announcements up to now are covered by it. */
  async pending(store: TraceStore): Promise<readonly TraceRecord[]> {
    this.#meanwhile = [];
    const { recorded, commits } = await this.#list(store);
    this.#recorded = recorded;
    const listed = commits.at(-1)?.instant ?? recorded.instant ?? "";
    if (listed > this.#newestKnown) this.#newestKnown = listed;
    // What was announced since the listing began may be in it already.
    const left = this.#meanwhile.filter((instant) => instant > listed);
    this.#announced = left.length;
    if (left[0] !== undefined) this.#firstAnnouncedMs = instantMs(left[0]);
    this.#unsent = commits.length;
    this.#oldestUnsentMs = commits[0] === undefined ? 0 : instantMs(commits[0].instant);
    this.#stale = commits.length > 0;
    let fromGtids = recorded.toGtids;
    return commits.map(({ instant, checkpoint, counts, snapshotFrom }) => {
      const toGtids = checkpoint.position.gtids.toString();
      const isRenewed = snapshotFrom !== null;
      const record = {
        source: this.#source,
        table: this.table,
        commit: instant,
        committedAtMs: instantMs(instant),
        // A snapshot holds what came before it, whatever the commit before held.
        fromGtids: isRenewed ? "" : fromGtids,
        toGtids,
        snapshotGtids: snapshotFrom?.toString() ?? null,
        counts,
      };
      fromGtids = toGtids;
      return record;
    });
  }

  /** The store has this record; `next` is the one behind it in the last listing, if any. */
  advance(record: TraceRecord, next: TraceRecord | undefined): void {
    this.#recorded = { instant: record.commit, toGtids: record.toGtids };
    this.#unsent = Math.max(0, (this.#unsent ?? 0) - 1);
    this.#oldestUnsentMs = next?.committedAtMs ?? 0;
    this.#stale = next !== undefined;
  }

  async #list(store: TraceStore): Promise<{ recorded: Recorded; commits: readonly CommitRecord[] }> {
    if (this.#recorded !== null) {
      return { recorded: this.#recorded, commits: await this.#commits(this.table, this.#recorded.instant) };
    }
    const newest = await store.recordedThrough(this.#source, this.table);
    if (newest === null) {
      return { recorded: { instant: null, toGtids: "" }, commits: await this.#commits(this.table, null) };
    }
    // The newest recorded commit itself is listed too, because the next one begins where it ends.
    const [last, ...rest] = await this.#commits(this.table, justBefore(newest));
    if (last?.instant === newest) return { recorded: recordedAt(newest, last), commits: rest };
    // The lake does not have it: the table was made anew, or restored from a copy. What it has now counts.
    const all = await this.#commits(this.table, null);
    const before = all.findLast(({ instant }) => instant < newest);
    return { recorded: recordedAt(newest, before), commits: all.filter(({ instant }) => instant > newest) };
  }
}

const recordedAt = (instant: string, ending: CommitRecord | undefined): Recorded => ({
  instant,
  toGtids: ending?.checkpoint.position.gtids.toString() ?? "",
});
