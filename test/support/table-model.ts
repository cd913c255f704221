import type { EngineRow } from "./canonical-row.ts";
import type { TableView } from "./engines.ts";

/** A row as it must stand in the lake: its values, and which commit put it there. */
export interface ModelRow {
  readonly values: EngineRow;
  readonly instant: string;
}

/** By key. */
export type TableState = ReadonlyMap<string, ModelRow>;

export interface ModelCommit {
  readonly instant: string;
  readonly state: TableState;
}

/**
 * What an exact copy of a table looks like after each commit, made of nothing but the table's rows at those
 * moments. It takes a row that did not change for one that no commit has touched, so the changes between two
 * commits must not put a row back to what it was.
 */
export class TableModel {
  readonly #keyIndexes: readonly number[];
  readonly #commits: ModelCommit[] = [];

  constructor(keyIndexes: readonly number[]) {
    this.#keyIndexes = keyIndexes;
  }

  get commits(): readonly ModelCommit[] {
    return this.#commits;
  }

  /**
   * The table's rows as they were at the position that this commit reaches. For the first commit `snapshot`
   * says what its chunks have read, which may be older.
   */
  commit(instant: string, rows: readonly EngineRow[], snapshot: readonly EngineRow[] = []): void {
    const before =
      this.#commits.at(-1)?.state ??
      new Map(snapshot.map((values) => [this.#keyOf(values), { values, instant }]));
    const state = new Map<string, ModelRow>();
    for (const values of rows) {
      const key = this.#keyOf(values);
      const old = before.get(key);
      const isSame = old !== undefined && JSON.stringify(old.values) === JSON.stringify(values);
      state.set(key, isSame ? old : { values, instant });
    }
    this.#commits.push({ instant, state });
  }

  #keyOf(values: EngineRow): string {
    return JSON.stringify(this.#keyIndexes.map((i) => values[i]));
  }

  /** The rows that a view must show; a range shows what it changed and is still there at its end. */
  rows(view: TableView): readonly ModelRow[] {
    const through = view.kind === "asOf" ? view.instant : view.kind === "incremental" ? view.through : null;
    const state = this.#commits.findLast((commit) => through === null || commit.instant <= through)?.state;
    const rows = [...(state?.values() ?? [])];
    return view.kind === "incremental" ? rows.filter((row) => row.instant > view.after) : rows;
  }
}
