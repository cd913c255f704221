/** When a table commits: after the first of these, and always at the end of a unit. */
export interface CommitPolicy {
  readonly everyMs: number;
  readonly rows: number;
  /** A table without changes commits its position this often. */
  readonly idleEveryMs: number;
}

/** What of a table is not in the lake yet, all times by the clock of this process. */
export interface Waiting {
  readonly rows: number;
  /** When the first of the rows came; null when there is none. */
  readonly sinceMs: number | null;
  /** When the commit before ended. */
  readonly lastCommitMs: number;
}

/** Of the interval, between the end of a commit and the beginning of the next one. */
const TAKEN_IN = 0.5;

/**
 * Whether a table is due.
 *
 * The interval counts from when the first change came, even if that was during the commit before, so that the time
 * that a commit takes is no part of what a change has to wait. A commit that takes longer than the interval is not
 * followed by the next one at once all the same: each writes whole files, and one that holds a single unit would
 * leave a backlog as it is.
 */
export function isDue(
  { rows, sinceMs, lastCommitMs }: Waiting,
  { everyMs, rows: rowsMax, idleEveryMs }: CommitPolicy,
  nowMs: number,
): boolean {
  if (rows >= rowsMax) return true;
  if (sinceMs !== null && nowMs - sinceMs >= everyMs && nowMs - lastCommitMs >= everyMs * TAKEN_IN)
    return true;
  return rows === 0 && nowMs - lastCommitMs >= idleEveryMs;
}
