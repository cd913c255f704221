/**
 * Publishes the rows that tables had before their changes, as records with the operation `r`. They belong to no unit:
 * ours takes what units name and never sees them. A Kafka transaction of them ends with a plan that says how far each
 * table is published, and with a unit without rows that names the plan. So either rows and progress are there or none
 * of both, and the next writer goes on behind the last row.
 */
import { batchBytes, type ChangeBatch } from "../../types/change-batch.ts";
import type { DueSnapshot, SnapshotProgress, SnapshotSink } from "../../types/ports.ts";
import type { TableId } from "../../types/table-id.ts";
import { assert } from "../../util/assert.ts";
import { step } from "../../util/step.ts";
import type { PublishedSnapshot } from "./position-record.ts";
import { withSnapshot } from "./snapshot-plan.ts";

/** The writer that the rows go through. */
export interface SnapshotHost {
  readonly due: readonly DueSnapshot[];
  readonly published: readonly PublishedSnapshot[];
  /** Some that the newest plan has do not count any more. */
  readonly hasForgotten: boolean;
  readonly seq: number;
  readonly limits: { readonly rowsMax: number; readonly bytesMax: number };
  readonly inTurn: (work: () => Promise<void>) => Promise<void>;
  /** Sends rows in the Kafka transaction that is open; it is opened when there is none. */
  readonly send: (batch: ChangeBatch) => Promise<void>;
  /** Whether that is open for so long that it should be ended. */
  readonly isOld: () => boolean;
  /** Ends it, with a plan and a unit without rows. */
  readonly end: () => Promise<void>;
}

export class SnapshotWriter implements SnapshotSink {
  readonly due: readonly DueSnapshot[];
  readonly seq: number;
  readonly #host: SnapshotHost;
  #published: readonly PublishedSnapshot[];
  /** Whether the newest plan lacks something of it. */
  #isNews: boolean;
  #rows = 0;
  #bytes = 0;

  constructor(host: SnapshotHost) {
    this.due = host.due;
    this.seq = host.seq;
    this.#host = host;
    this.#published = host.published;
    this.#isNews = host.hasForgotten;
  }

  add(batch: ChangeBatch, reached: SnapshotProgress): Promise<void> {
    const { inTurn, send, limits, isOld, end } = this.#host;
    return inTurn(async () => {
      await send(batch);
      step("kafka.snapshot");
      this.#reached({ ...reached, table: batch.schema.id, isDone: false });
      this.#rows += batch.count;
      this.#bytes += batchBytes(batch);
      if (this.#rows >= limits.rowsMax || this.#bytes >= limits.bytesMax || isOld()) await end();
    });
  }

  finish(table: TableId, reached: SnapshotProgress): Promise<void> {
    return this.#host.inTurn(async () => {
      this.#reached({ ...reached, table, isDone: true });
    });
  }

  settle(): Promise<void> {
    const { inTurn, end } = this.#host;
    return inTurn(async () => {
      if (this.#isNews) await end();
    });
  }

  get isSettled(): boolean {
    return !this.#isNews;
  }

  /** What the plan has to say of snapshots, to be written with what was sent; null when it says so already. */
  news(): readonly PublishedSnapshot[] | null {
    if (!this.#isNews) return null;
    this.#isNews = false;
    this.#rows = 0;
    this.#bytes = 0;
    return this.#published;
  }

  #reached(snapshot: PublishedSnapshot): void {
    assert(
      this.due.some(
        ({ schema: { id } }) => id.database === snapshot.table.database && id.table === snapshot.table.table,
      ),
      "a snapshot that is published is due",
    );
    this.#published = withSnapshot(this.#published, snapshot);
    this.#isNews = true;
  }
}
