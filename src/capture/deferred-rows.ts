import type { TableStop } from "../types/ports.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";

type Stop = Omit<TableStop, "at">;

/** Row events that are read later, or never. */
export class DeferredRows {
  readonly #events: (() => Stop | null)[] = [];
  readonly #tables = new Map<string, TableId>();
  byteLength = 0;

  get tables(): readonly TableId[] {
    return [...this.#tables.values()];
  }

  /** `read` adds the rows to their table; what it refers to stays as it is. */
  add(table: TableId, byteLength: number, read: () => Stop | null): void {
    this.#tables.set(formatTableId(table), table);
    this.#events.push(read);
    this.byteLength += byteLength;
  }

  /** Reads all of them, and gives why tables stop by it. */
  read(): readonly Stop[] {
    return this.#events.splice(0).flatMap((read) => read() ?? []);
  }
}
