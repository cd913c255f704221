import { must } from "../util/assert.ts";
import { RateMeter } from "../util/rate-meter.ts";
import type { SnapshotProgress, TableProgress, TableStage } from "./progress.ts";

const WINDOW_MS = 10_000;

interface Tracked {
  progress: TableProgress;
  readonly rate: RateMeter;
}

/** Collects what a snapshot reports, and says how far it is. Rows of an earlier run take no part in the rates. */
export class ProgressTracker {
  readonly #now: () => number;
  readonly #startedAtMs: number;
  readonly #tables = new Map<string, Tracked>();
  readonly #rate = new RateMeter(WINDOW_MS);

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAtMs = now();
  }

  /** `rows` are those that an earlier run has already made durable. */
  addTable(table: Pick<TableProgress, "name" | "rows" | "total" | "chunks">): void {
    const rate = new RateMeter(WINDOW_MS);
    rate.add(this.#now(), table.rows);
    this.#tables.set(table.name, { progress: { ...table, stage: "waiting", rowsPerSec: null }, rate });
    this.#rate.add(this.#now(), this.#rows());
  }

  setChunks(name: string, chunks: { readonly done: number; readonly total: number }): void {
    this.#update(name, { chunks });
  }

  setStage(name: string, stage: TableStage): void {
    this.#update(name, { stage });
  }

  /** A chunk is durable: only then do its rows count. */
  addRows(name: string, rows: number): void {
    const { progress, rate } = must(this.#tables.get(name), `progress of ${name}`);
    const chunks = progress.chunks === null ? null : { ...progress.chunks, done: progress.chunks.done + 1 };
    this.#update(name, { rows: progress.rows + rows, chunks });
    rate.add(this.#now(), progress.rows + rows);
    this.#rate.add(this.#now(), this.#rows());
  }

  state(): SnapshotProgress {
    return {
      tables: [...this.#tables.values()].map(({ progress, rate }) => ({
        ...progress,
        rowsPerSec: rate.perSecond(),
      })),
      rowsPerSec: this.#rate.perSecond(),
      elapsedMs: this.#now() - this.#startedAtMs,
    };
  }

  #update(name: string, change: Partial<TableProgress>): void {
    const tracked = must(this.#tables.get(name), `progress of ${name}`);
    tracked.progress = { ...tracked.progress, ...change };
  }

  #rows(): number {
    let rows = 0;
    for (const { progress } of this.#tables.values()) rows += progress.rows;
    return rows;
  }
}
