import { orderedCounts } from "../../src/trace/trace-row.ts";
import { syncError } from "../../src/types/errors.ts";
import type { TraceQuery, TraceRecord, TraceStore } from "../../src/types/ports.ts";
import { tableKey, type TableId } from "../../src/types/table-id.ts";
import { StopError } from "../../src/util/abort.ts";

/** What is stored: it outlives the stores that are opened on it. */
export interface TraceMemory {
  isMigrated: boolean;
  readonly records: Map<string, TraceRecord>;
}

export const traceMemory = (): TraceMemory => ({ isMigrated: false, records: new Map() });

export type StoreFault = "before" | "after" | null;

/**
 * A TraceStore in memory, for tests of what stands above the port: it passes the contract suite, and can
 * fail before or after it has done what a call asks for.
 */
export class MemoryTraceStore implements TraceStore {
  readonly #memory: TraceMemory;
  readonly #fault: () => StoreFault;
  #isClosed = false;

  constructor(memory: TraceMemory, fault: () => StoreFault = () => null) {
    this.#memory = memory;
    this.#fault = fault;
  }

  async migrate(): Promise<void> {
    await this.#call(() => (this.#memory.isMigrated = true));
  }

  async record(records: readonly TraceRecord[]): Promise<void> {
    await this.#call(() => {
      this.#assertMigrated();
      for (const record of records) {
        this.#memory.records.set(keyOf(record), { ...record, counts: orderedCounts(record.counts) });
      }
    });
  }

  async recordedThrough(source: string, table: TableId): Promise<string | null> {
    return await this.#call(() => {
      this.#assertMigrated();
      const commits = [...this.#memory.records.values()]
        .filter((record) => record.source === source && tableKey(record.table) === tableKey(table))
        .map((record) => record.commit);
      return (
        commits
          .filter((commit) => commit.length === 17)
          .sort()
          .at(-1) ?? null
      );
    });
  }

  async records(query: TraceQuery): Promise<readonly TraceRecord[]> {
    return await this.#call(() => {
      this.#assertMigrated();
      const tables = new Set(query.tables.map(tableKey));
      return [...this.#memory.records.values()]
        .filter((record) => record.source === query.source && tables.has(tableKey(record.table)))
        .filter(({ committedAtMs: ms }) => ms >= query.sinceMs)
        .sort(
          (a, b) => a.committedAtMs - b.committedAtMs || (tableKey(a.table) < tableKey(b.table) ? -1 : 1),
        );
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertMigrated(): void {
    if (!this.#memory.isMigrated) throw syncError("TRACE_SCHEMA", "no tables", { hint: "migrate" });
  }

  async #call<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#isClosed) throw new StopError("the trace store is closed");
    const fault = this.#fault();
    const away = (): Error => syncError("TRACE_UNAVAILABLE", "the store is away", { hint: "wait" });
    if (fault === "before") throw away();
    const result = work();
    if (fault === "after") throw away();
    return result;
  }
}

const keyOf = (record: TraceRecord): string =>
  JSON.stringify([record.source, record.table.database, record.table.table, record.commit]);
