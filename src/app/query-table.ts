import type { Paint } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import { cutEnd, padEnd, padStart, textWidth } from "../util/text-width.ts";

export interface QueryTableColumn {
  readonly name: string;
  readonly isNumeric: boolean;
}

export type QueryRow = readonly (string | null)[];

export interface QueryTableOptions {
  readonly columns: readonly QueryTableColumn[];
  /** The first rows: they decide how wide the columns are, so that the rest need not be waited for. */
  readonly sample: readonly QueryRow[];
  /** Columns of the terminal; null where nothing has to be cut. */
  readonly width: number | null;
  readonly paint: Paint;
}

const GAP = "  ";
/** Narrower than this a column says nothing; those for which there is no room are left out. */
const WIDTH_MIN = 4;
const MORE = "…";

/** A query's result in aligned columns, for people. NULL is shown as such. */
export class QueryTable {
  readonly #options: QueryTableOptions;
  readonly #widths: readonly number[];

  constructor(options: QueryTableOptions) {
    this.#options = options;
    const { columns, sample, width } = options;
    const needed = columns.map(({ name }, i) =>
      sample.reduce(
        (widest, row) => Math.max(widest, textWidth(shown(row[i] ?? null))),
        textWidth(printable(name)),
      ),
    );
    this.#widths = width === null ? needed : fit(needed, width);
  }

  /** Names and a rule below them, with the newline at the end. */
  header(): string {
    const { columns, paint } = this.#options;
    const names = columns.map(({ name }) => ({ text: printable(name), style: "bold" as const }));
    const rule = this.#widths.map((width) => "─".repeat(width)).join(GAP);
    return `${this.#line(names)}${paint("dim", this.#isCut ? rule + GAP + MORE : rule)}\n`;
  }

  /** Each with the newline at its end. */
  rows(rows: readonly QueryRow[]): string {
    return rows
      .map((cells) =>
        this.#line(
          cells.map((cell) => ({ text: shown(cell), style: cell === null ? ("dim" as const) : null })),
        ),
      )
      .join("");
  }

  #line(cells: readonly { readonly text: string; readonly style: "bold" | "dim" | null }[]): string {
    const { columns, paint, width: terminal } = this.#options;
    const parts = this.#widths.map((width, i) => {
      const { text = "", style = null } = cells[i] ?? {};
      // Where nothing has to be cut a text that is longer than those of the first rows stays whole.
      const kept = terminal === null ? text : cutEnd(text, width);
      const painted = style === null ? kept : paint(style, kept);
      return columns[i]?.isNumeric === true ? padStart(painted, width) : padEnd(painted, width);
    });
    return `${[...parts, ...(this.#isCut ? [MORE] : [])].join(GAP).trimEnd()}\n`;
  }

  get #isCut(): boolean {
    return this.#widths.length < this.#options.columns.length;
  }
}

/** Rows that are looked at before the first line is written. */
const SAMPLE_ROWS = 1000;

/** The whole table, piece by piece, from rows that come page by page. */
export async function* tableText(
  pages: AsyncIterable<readonly QueryRow[]>,
  options: Omit<QueryTableOptions, "sample">,
): AsyncGenerator<string, void, void> {
  const begin = (sample: readonly QueryRow[]): { readonly table: QueryTable; readonly text: string } => {
    const table = new QueryTable({ ...options, sample });
    return { table, text: table.header() + table.rows(sample) };
  };
  const waiting: QueryRow[] = [];
  let begun: ReturnType<typeof begin> | null = null;
  for await (const page of pages) {
    if (begun !== null) {
      yield begun.table.rows(page);
      continue;
    }
    waiting.push(...page);
    if (waiting.length < SAMPLE_ROWS) continue;
    begun = begin(waiting);
    yield begun.text;
  }
  if (begun === null) yield begin(waiting).text;
}

const shown = (cell: string | null): string => (cell === null ? "NULL" : printable(cell));

/** Widths with which a line has room: the widest columns give way first, then the last ones. */
export function fit(needed: readonly number[], width: number): readonly number[] {
  const room = (count: number): number => width - GAP.length * (count - 1);
  const total = (cap: number, count: number): number =>
    needed.slice(0, count).reduce((sum, one) => sum + Math.min(one, cap), 0);
  for (let cap = Math.max(...needed, WIDTH_MIN); cap >= WIDTH_MIN; cap--) {
    if (total(cap, needed.length) <= room(needed.length)) return needed.map((one) => Math.min(one, cap));
  }
  let count = Math.max(1, needed.length - 1);
  while (count > 1 && total(WIDTH_MIN, count) > room(count) - GAP.length - textWidth(MORE)) count--;
  return needed.slice(0, count).map((one) => Math.min(one, WIDTH_MIN));
}
