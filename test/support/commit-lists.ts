import { GtidSet } from "../../src/types/gtid.ts";
import type { CommitRecord, TraceRecord } from "../../src/types/ports.ts";
import { tableKey, type TableId } from "../../src/types/table-id.ts";
import { count, instantOf, UUID } from "./trace-record.ts";

/** The commits of some lake tables, as their timelines list them. */
export class CommitLists {
  readonly #commits = new Map<string, CommitRecord[]>();
  #nextMs = Date.UTC(2026, 10, 21, 10, 0, 0);
  #transactions = 0;

  /**
   * One more commit of the table, with one to three transactions of the source; returns its instant. One that renews
   * the table holds a snapshot, as the first one does.
   */
  commit(table: TableId, { renews = false } = {}): string {
    this.#nextMs += 1000;
    this.#transactions += 1 + ((this.#nextMs / 1000) % 3);
    const instant = instantOf(this.#nextMs);
    const list = this.#list(table);
    list.push({
      instant,
      operation: "upsert",
      snapshotFrom: renews || list.length === 0 ? GtidSet.parse(`${UUID}:1-${this.#transactions}`) : null,
      counts: [count({ rows: this.#transactions })],
      checkpoint: {
        source: "src",
        epoch: 1,
        serverUuid: UUID,
        position: {
          gtids: GtidSet.parse(`${UUID}:1-${this.#transactions}`),
          file: "binlog.000001",
          offset: this.#transactions,
          seq: this.#transactions,
          last: null,
        },
      },
    });
    return instant;
  }

  /** The newest commits are gone, as after a copy was restored. */
  forget(table: TableId, newest: number): void {
    this.#list(table).splice(-newest, newest);
  }

  log = async (table: TableId, after: string | null): Promise<readonly CommitRecord[]> => {
    const listed = this.#list(table).filter(({ instant }) => after === null || instant > after);
    // Other work goes on between reading the timeline and answering.
    await new Promise((resolve) => setImmediate(resolve));
    return listed;
  };

  /** What the trace store must have of a table in the end. */
  expected(table: TableId): readonly TraceRecord[] {
    const list = this.#list(table);
    return list.map(({ instant, checkpoint, counts, snapshotFrom }, i) => ({
      source: "src",
      table,
      commit: instant,
      committedAtMs: Date.parse(
        instant.replace(/^(....)(..)(..)(..)(..)(..)(...)$/, "$1-$2-$3T$4:$5:$6.$7Z"),
      ),
      fromGtids: snapshotFrom === null ? (list[i - 1]?.checkpoint.position.gtids.toString() ?? "") : "",
      toGtids: checkpoint.position.gtids.toString(),
      snapshotGtids: snapshotFrom?.toString() ?? null,
      counts,
    }));
  }

  #list(table: TableId): CommitRecord[] {
    const list = this.#commits.get(tableKey(table)) ?? [];
    this.#commits.set(tableKey(table), list);
    return list;
  }
}
