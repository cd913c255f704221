import type { ChangeBatch } from "../types/change-batch.ts";
import type { Checkpoint, SourceIdentity } from "../types/checkpoint.ts";
import type { GtidSet } from "../types/gtid.ts";
import type { HopCount } from "../types/hop-count.ts";
import type { CommitResult, DeliveryOrigin, LakeTable, TableStop } from "../types/ports.ts";
import { readUpTo, type SourcePosition } from "../types/source-position.ts";
import { CountLedger } from "./count-ledger.ts";
import { partByTransaction } from "./applied.ts";

export interface TableApplierOptions {
  readonly table: LakeTable;
  readonly identity: SourceIdentity;
  readonly serverUuid: string;
  readonly now: () => number;
  /** What the table holds is about to be replaced, so that nothing counts as taken for being in it. */
  readonly isRenewed?: boolean;
}

/** How far everything has been offered, and where in the channel that is. */
export interface Reached {
  readonly position: SourcePosition;
  readonly origin: DeliveryOrigin | null;
}

/** The last change of a table that is not in the lake yet, and how long it waits. */
export interface PendingChanges {
  readonly rows: number;
  /** When the first of them came, by the clock of this process; null when there is none. */
  readonly sinceMs: number | null;
}

/**
 * One table on its way into the lake: leaves out what the table already holds, appends the rest, and commits
 * it with the position that it reaches and the counts that prove it. The calls for one table run one after
 * another; those of different tables do not wait for each other.
 */
export class TableApplier {
  readonly table: LakeTable;
  readonly #options: TableApplierOptions;
  #ledger: CountLedger;
  #position: SourcePosition | null = null;
  /** Where in the channel that is; null where the channel keeps nothing. */
  #origin: DeliveryOrigin | null = null;
  #sinceMs: number | null = null;
  #stop: TableStop | null = null;
  #lastCommitMs: number;
  /** End of the calls so far. */
  #tail: Promise<void> = Promise.resolve();

  constructor(options: TableApplierOptions) {
    this.#options = options;
    this.table = options.table;
    this.#ledger = new CountLedger(options.identity);
    this.#lastCommitMs = options.now();
  }

  /** Why the table goes no further; null while it goes. */
  get stop(): TableStop | null {
    return this.#stop;
  }

  /** Everything up to here has been offered. */
  get position(): SourcePosition | null {
    return this.#position;
  }

  get pending(): PendingChanges {
    return { rows: this.table.pendingRows, sinceMs: this.#sinceMs };
  }

  get lastCommitMs(): number {
    return this.#lastCommitMs;
  }

  /** Whether a commit would move the checkpoint on; it never moves back to where the stream of other tables began. */
  get isBehind(): boolean {
    const { checkpoint } = this.table;
    return (
      this.#position !== null &&
      (checkpoint === null || !readUpTo(checkpoint.position).includes(readUpTo(this.#position)))
    );
  }

  /** Takes a batch, or what of it is new and lies before the stop; it comes before the position that closes it. */
  offer(batch: ChangeBatch, stop: TableStop | null): Promise<void> {
    // A commit that is under way is waited for first.
    const cameMs = this.#options.now();
    return this.#inTurn(async () => {
      if (this.#stop !== null) return;
      const kept = stop === null ? [batch] : partByTransaction(batch, stop.at.gtids).inside;
      const applied = this.#taken;
      for (const part of kept) {
        const { inside, outside } =
          applied === undefined ? { inside: [], outside: [part] } : partByTransaction(part, applied);
        for (const duplicate of inside) this.#ledger.duplicate(duplicate);
        for (const fresh of outside) {
          this.#sinceMs ??= cameMs;
          this.#ledger.fresh(fresh);
          await this.table.append(fresh);
        }
      }
    });
  }

  /**
   * What is in the table, or waits for its commit: a channel that begins anew further back offers that again, in units
   * that are cut elsewhere.
   */
  get #taken(): GtidSet | undefined {
    const held = this.#options.isRenewed === true ? undefined : this.table.checkpoint?.position.gtids;
    const offered = this.#position?.gtids;
    return offered !== undefined && (held === undefined || offered.includes(held)) ? offered : held;
  }

  /**
   * Everything up to there has been offered, with `captured` as counted where it was read.
   * A table that stopped stays where it stopped.
   */
  advance(reached: Reached, captured: readonly HopCount[], stop: TableStop | null): void {
    if (this.#stop !== null) return;
    if (stop === null) {
      this.#ledger.captured(captured);
      this.#position = reached.position;
      this.#origin = reached.origin;
      return;
    }
    // What was captured behind the stop is not taken, so the counts are those of what is.
    this.#ledger.captureAsConsumed();
    this.#position = stop.at;
    this.#stop = stop;
  }

  /**
   * The table stops for a reason on our side of the channel; what was not committed is dropped, and so no commit may
   * say that it is in.
   */
  halt(stop: TableStop): Promise<void> {
    this.#stop ??= stop;
    this.#position = null;
    this.#origin = null;
    return this.#inTurn(async () => {
      this.#sinceMs = null;
      this.#ledger = new CountLedger(this.#options.identity);
      await this.table.discard();
    });
  }

  /** Commits what was offered up to the last position; null when that would change nothing. */
  commit(): Promise<CommitResult | null> {
    return this.#inTurn(async () => {
      if (this.#position === null || !this.isBehind) return null;
      const result = await this.table.commit(this.takeCommit(this.#position));
      this.#lastCommitMs = this.#options.now();
      return result;
    });
  }

  /** Waits for the calls before, and lets none begin until the returned function is called. */
  async hold(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    await new Promise<void>((begun) => {
      void this.#inTurn(() => {
        begun();
        return promise;
      });
    });
    return () => {
      resolve(undefined);
    };
  }

  /** Removes slices of files that were replaced before then. A table that stopped is left alone. */
  async clean(beforeMs: number): ReturnType<LakeTable["clean"]> {
    if (this.#stop !== null) return { filesRemoved: 0, bytesRemoved: 0 };
    return this.#inTurn(() => this.table.clean(beforeMs));
  }

  /** Checkpoint and counts of the next commit; the counting begins anew. */
  takeCommit(position: SourcePosition): {
    readonly checkpoint: Checkpoint;
    readonly counts: readonly HopCount[];
  } {
    const { identity, serverUuid } = this.#options;
    const counts = this.#ledger.counts();
    this.#ledger = new CountLedger(identity);
    this.#sinceMs = null;
    const origin = this.#origin;
    return {
      checkpoint: {
        ...identity,
        serverUuid: origin?.serverUuid ?? serverUuid,
        position,
        ...(origin === null ? {} : { channel: origin.place }),
      },
      counts,
    };
  }

  /** Runs when all calls before it are done. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
