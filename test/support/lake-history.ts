import fc from "fast-check";
import type { RowChange } from "./change-writer.ts";
import { lakeSchema, INT, VARCHAR } from "./lake-schemas.ts";

/** `id INT, part VARCHAR, v VARCHAR` with the key (part, id): of several columns, one of them text. */
export const HISTORY_SCHEMA = lakeSchema(
  [
    ["id", INT],
    ["v", VARCHAR],
    ["part", VARCHAR],
  ],
  ["part", "id"],
);

/** Rows by key, as they must stand in the lake. */
export type ModelState = ReadonlyMap<string, readonly string[]>;

/** What happens at a key: it is written or removed, or moves to another. */
export interface Wish {
  readonly key: number;
  readonly kind: "put" | "delete" | "move";
  readonly to: number;
}

const KEYS = 8;

export const wishes: fc.Arbitrary<readonly (readonly Wish[])[]> = fc.array(
  fc.array(
    fc.record({
      key: fc.nat(KEYS - 1),
      kind: fc.constantFrom<Wish["kind"]>("put", "put", "put", "delete", "move"),
      to: fc.nat(KEYS - 1),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  { maxLength: 4 },
);

let values = 0;

const rowOf = (key: number): readonly string[] => [
  String(key >> 1),
  `"value ${++values}"`,
  key % 2 === 0 ? '""' : '"odd:,"',
];

const keyOf = (row: readonly string[]): string => `${row[2] ?? ""} ${row[0] ?? ""}`;

/** Rows for a snapshot. */
export const snapshotRows = (keys: readonly number[]): readonly (readonly string[])[] => keys.map(rowOf);

export const stateOf = (rows: readonly (readonly string[])[]): ModelState =>
  new Map(rows.map((row) => [keyOf(row), row]));

/** Turns wishes into the changes that a database with this state would log, and the state behind them. */
export function play(
  before: ModelState,
  transactions: readonly (readonly Wish[])[],
): { readonly changes: readonly (readonly RowChange[])[]; readonly after: ModelState } {
  const state = new Map(before);
  const changes = transactions.map((list) => list.flatMap((wish) => playOne(state, wish)));
  return { changes: changes.filter((list) => list.length > 0), after: state };
}

function playOne(state: Map<string, readonly string[]>, { key, kind, to }: Wish): RowChange[] {
  const row = rowOf(key);
  const old = state.get(keyOf(row));
  if (kind === "put") {
    state.set(keyOf(row), row);
    return [{ op: old === undefined ? "c" : "u", row }];
  }
  if (old === undefined) return [];
  const target = rowOf(to);
  if (kind === "delete" || state.has(keyOf(target))) {
    state.delete(keyOf(row));
    return [{ op: "d", row: old }];
  }
  state.delete(keyOf(row));
  state.set(keyOf(target), target);
  return [{ op: "move", from: old, row: target }];
}

/** The state as sorted texts, to be compared with what the lake shows. */
export const shown = (state: ModelState): readonly string[] =>
  [...state.values()].map((row) => JSON.stringify(row.map((json): unknown => JSON.parse(json)))).sort();
