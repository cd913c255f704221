import type { ColumnChange } from "../types/column-change.ts";
import type { TableStop } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import type { StopReason } from "./tracked-tables.ts";

/** The tables that stopped since they were last asked for. */
export class StopList {
  #stops: TableStop[] = [];
  /** At statements that changed columns alone and have not ended yet. */
  #changes: { readonly stop: TableStop; readonly change: ColumnChange }[] = [];

  add({ change, ...reason }: StopReason, at: SourcePosition): void {
    const stop = { ...reason, at };
    if (change === undefined) this.#stops.push(stop);
    else this.#changes.push({ stop, change });
  }

  /** The transaction has ended: it is known now where its tables stand behind what it did to their columns. */
  endTransaction(behind: SourcePosition): void {
    for (const { stop, change } of this.#changes) this.#stops.push({ ...stop, columns: { change, behind } });
    this.#changes = [];
  }

  take(): readonly TableStop[] {
    const stops = this.#stops;
    this.#stops = [];
    return stops;
  }
}
