import { padEnd, padStart, textWidth } from "./text-width.ts";

export interface TextTableOptions {
  /** One for each column; numbers read better on the right. */
  readonly align?: readonly ("left" | "right")[];
  readonly indent?: string;
}

/** Rows of cells as aligned lines, two spaces between the columns and none at the end of a line. */
export function textTable(rows: readonly (readonly string[])[], options: TextTableOptions = {}): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textWidth(cell));
  }
  return rows.map((row) => {
    const cells = row.map((cell, i) =>
      options.align?.[i] === "right" ? padStart(cell, widths[i] ?? 0) : padEnd(cell, widths[i] ?? 0),
    );
    return `${options.indent ?? ""}${cells.join("  ")}`.trimEnd();
  });
}
