import type { HopCount } from "../types/hop-count.ts";
import type { CommitResult, Delivery, TableStop } from "../types/ports.ts";
import { isSyncError } from "../types/errors.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { tableKey } from "../types/table-id.ts";
import type { SyncError } from "../util/errors.ts";
import { step } from "../util/step.ts";
import { isDue, type CommitPolicy } from "./commit-policy.ts";
import type { TableApplier } from "./table-applier.ts";

export interface RouterOptions {
  readonly appliers: readonly TableApplier[];
  /** Null when the caller makes the commits. */
  readonly policy: CommitPolicy | null;
  readonly now: () => number;
  readonly onCommit: (applier: TableApplier, result: CommitResult) => void;
  readonly onStop: (applier: TableApplier, stop: TableStop) => void;
}

/**
 * One stream to many tables. Each table gets its own batches, learns every position, commits when it is due,
 * and stops alone when it must: the others go on.
 *
 * A commit holds whole units of the channel, so it begins only between two of them.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #byKey: ReadonlyMap<string, TableApplier>;
  readonly #running = new Set<Promise<void>>();
  readonly #committing = new Set<TableApplier>();
  #isInUnit = false;
  #isTorn = false;
  #failure: Error | null = null;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#byKey = new Map(options.appliers.map((applier) => [tableKey(applier.table.id), applier]));
  }

  get isAllStopped(): boolean {
    return this.#options.appliers.every((applier) => applier.stop !== null);
  }

  /** Whether every table that still goes has been offered everything up to there. */
  hasReached(isReached: (position: SourcePosition) => boolean): boolean {
    return this.#options.appliers.every(
      ({ stop, position }) => stop !== null || (position !== null && isReached(position)),
    );
  }

  /** Takes one unit of the channel whole. */
  async take(delivery: Delivery): Promise<void> {
    this.#throwFailure();
    this.#isInUnit = true;
    try {
      const stops = new Map(delivery.end.stops.map((stop) => [tableKey(stop.table), stop]));
      for await (const batch of delivery.batches) {
        const key = tableKey(batch.schema.id);
        const applier = this.#byKey.get(key);
        if (applier !== undefined && isBroughtOn(delivery, key))
          await this.#guard(applier, () => applier.offer(batch, stops.get(key) ?? null));
      }
      step("apply.unit");
      this.#close(delivery, stops);
    } catch (error) {
      this.#isTorn = true;
      throw error;
    } finally {
      this.#isInUnit = false;
    }
    this.commitDue();
  }

  #close(delivery: Delivery, stops: ReadonlyMap<string, TableStop>): void {
    const counts = new Map<string, readonly HopCount[]>(
      delivery.end.counts.map((captured) => [tableKey(captured.table), captured.counts]),
    );
    for (const [key, applier] of this.#byKey) {
      if (applier.stop !== null || !isBroughtOn(delivery, key)) continue;
      const stop = stops.get(key) ?? null;
      applier.advance(
        { position: delivery.end.position, origin: delivery.origin },
        counts.get(key) ?? [],
        stop,
      );
      if (stop !== null) this.#options.onStop(applier, stop);
    }
  }

  /** Starts the commits that are due; does nothing inside a unit. */
  commitDue(): void {
    if (this.#isInUnit) return;
    for (const applier of this.#options.appliers) if (this.#isDue(applier)) this.#startCommit(applier);
  }

  #isDue(applier: TableApplier): boolean {
    if (this.#committing.has(applier)) return false;
    const { policy, now } = this.#options;
    if (policy === null) return false;
    const waiting = { ...applier.pending, lastCommitMs: applier.lastCommitMs };
    return (applier.stop !== null || isDue(waiting, policy, now())) && applier.isBehind;
  }

  /**
   * Commits every table up to its last position, and waits for it. Behind a unit that broke off in the middle nothing
   * is committed: some tables hold a part of it.
   */
  async commitAll(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#isTorn) return;
    for (const applier of this.#options.appliers) if (applier.isBehind) this.#startCommit(applier);
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  /** Waits for the commits that are under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #startCommit(applier: TableApplier): void {
    this.#committing.add(applier);
    const commit = this.#guard(applier, async () => {
      const result = await applier.commit();
      if (result !== null) this.#options.onCommit(applier, result);
    })
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#committing.delete(applier);
        this.#running.delete(commit);
      });
    this.#running.add(commit);
  }

  /** An error that concerns one table stops that table; any other ends the whole. */
  async #guard(applier: TableApplier, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const at = applier.table.checkpoint?.position;
      if (at === undefined || !concernsOneTable(error)) throw error;
      const { id } = applier.table;
      const stop = { table: id, code: error.code, message: error.message, hint: error.hint, at };
      await applier.halt(stop);
      this.#options.onStop(applier, stop);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

const isBroughtOn = ({ tables }: Delivery, key: string): boolean => tables === null || tables.has(key);

function concernsOneTable(error: unknown): error is SyncError {
  if (!isSyncError(error)) return false;
  return error.code.startsWith("TABLE_") || ONE_TABLE.has(error.code);
}

const ONE_TABLE: ReadonlySet<string> = new Set([
  "LAKE_FENCED",
  "LAKE_FOREIGN_WRITE",
  "LAKE_FOREIGN_TABLE",
  "LAKE_CORRUPT",
]);
