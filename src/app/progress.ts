/** How far a snapshot is, as lines for a terminal and as fields for a log line. Nothing here draws or waits. */
import type { LogFields } from "../util/log.ts";
import { printable } from "../util/printable.ts";
import { textTable } from "../util/text-table.ts";
import { cutEnd, textWidth } from "../util/text-width.ts";
import { formatCount, formatDuration } from "../util/units.ts";

export type TableStage = "waiting" | "reading" | "catching up" | "committing" | "done" | "stopped";

export interface TableProgress {
  readonly name: string;
  readonly stage: TableStage;
  /** Rows that are durable, those of an earlier run included. */
  readonly rows: number;
  /** Null when nothing is known. `information_schema` gives estimates only. */
  readonly total: { readonly rows: number; readonly exact: boolean } | null;
  /** Null until the chunks are planned. */
  readonly chunks: { readonly done: number; readonly total: number } | null;
  /** Null while it is not measured. */
  readonly rowsPerSec: number | null;
}

export interface SnapshotProgress {
  readonly tables: readonly TableProgress[];
  readonly rowsPerSec: number | null;
  readonly elapsedMs: number;
}

export interface ProgressView {
  readonly width: number;
  /** Lines that there is room for, the one of the total included. */
  readonly linesMax?: number;
}

const ORDER: readonly TableStage[] = ["stopped", "committing", "catching up", "reading", "waiting", "done"];
const NAME_WIDTH_MIN = 8;
const BAR_CELLS = 10;

/** A line for each table, those in work first, and one for all of them. */
export function renderProgress(progress: SnapshotProgress, view: ProgressView): string[] {
  const sorted = [...progress.tables].sort((a, b) => ORDER.indexOf(a.stage) - ORDER.indexOf(b.stage));
  const room = Math.max(1, (view.linesMax ?? Infinity) - 2);
  const shown = sorted.length > room + 1 ? sorted.slice(0, room) : sorted;
  const total = sumOf(progress);
  const rows = [
    ...shown.map((table) => cells(table, statusOf(table))),
    cells(total, totalStatus(total, progress)),
  ];
  // What says least goes first when the terminal is narrow.
  for (const columns of [
    ["bar", "percent", "rows", "rate", "status"],
    ["percent", "rows", "rate", "status"],
    ["percent", "rows", "status"],
    ["rows"],
  ] as const) {
    const used = columns.filter((column) => rows.some((row) => row[column] !== ""));
    const align = used.map(alignOf);
    const rest = textTable(
      rows.map((row) => used.map((column) => row[column])),
      { align },
    );
    const nameRoom = view.width - 2 - Math.max(...rest.map(textWidth));
    if (nameRoom < NAME_WIDTH_MIN && columns.length > 1) continue;
    const names = rows.map((row) => cutEnd(row.name, Math.max(NAME_WIDTH_MIN, nameRoom)));
    const lines = textTable(rows.map((_row, i) => [names[i] ?? "", rest[i] ?? ""]));
    return withHidden(lines, sorted.slice(shown.length)).map((line) => cutEnd(line, view.width));
  }
  return [];
}

function withHidden(lines: readonly string[], hidden: readonly TableProgress[]): string[] {
  if (hidden.length === 0) return [...lines];
  const stages = ORDER.map((stage) => ({
    stage,
    count: hidden.filter((table) => table.stage === stage).length,
  }));
  const text = stages.filter(({ count }) => count > 0).map(({ stage, count }) => `${count} ${stage}`);
  return [...lines.slice(0, -1), `and ${hidden.length} more: ${text.join(", ")}`, lines.at(-1) ?? ""];
}

/** The same for a log line. What is not known is left out. */
export function progressFields(progress: SnapshotProgress): LogFields {
  const total = sumOf(progress);
  const done = fractionOf(total);
  const etaMs = etaMsOf(total);
  return {
    rows: total.rows,
    ...(total.total === null
      ? {}
      : { [total.total.exact ? "rowsTotal" : "rowsEstimated"]: total.total.rows }),
    ...(done === null ? {} : { percent: Math.floor(done * 100) }),
    ...(progress.rowsPerSec === null ? {} : { rowsPerSec: Math.round(progress.rowsPerSec) }),
    ...(etaMs === null ? {} : { etaSec: Math.round(etaMs / 1000) }),
    tablesDone: progress.tables.filter(({ stage }) => stage === "done").length,
    tables: progress.tables.length,
    elapsedSec: Math.round(progress.elapsedMs / 1000),
  };
}

/** All tables as one. A total that one table lacks is not known for all. */
function sumOf(progress: SnapshotProgress): TableProgress {
  let rows = 0;
  let total: TableProgress["total"] = { rows: 0, exact: true };
  for (const table of progress.tables) {
    rows += table.rows;
    const own = table.stage === "done" ? { rows: table.rows, exact: true } : table.total;
    if (own === null || total === null) total = null;
    else total = { rows: total.rows + Math.max(own.rows, table.rows), exact: total.exact && own.exact };
  }
  const isDone = progress.tables.every(({ stage }) => stage === "done");
  return {
    name: "total",
    stage: isDone ? "done" : "reading",
    rows,
    total,
    chunks: null,
    rowsPerSec: progress.rowsPerSec,
  };
}

/** Null when there is no total, or when it was an estimate that proved too small. */
function fractionOf({ stage, rows, total }: TableProgress): number | null {
  if (stage === "done") return 1;
  if (total === null || rows > total.rows || total.rows === 0) return null;
  return rows / total.rows;
}

function etaMsOf({ stage, rows, total, rowsPerSec }: TableProgress): number | null {
  if (stage === "done" || stage === "waiting" || stage === "stopped") return null;
  if (total === null || rows >= total.rows || rowsPerSec === null || rowsPerSec <= 0) return null;
  return ((total.rows - rows) * 1000) / rowsPerSec;
}

type Cells = Readonly<Record<"name" | "bar" | "percent" | "rows" | "rate" | "status", string>>;

function cells(table: TableProgress, status: string): Cells {
  const done = fractionOf(table);
  const filled = Math.floor((done ?? 0) * BAR_CELLS);
  const isActive = table.stage !== "done" && table.stage !== "waiting" && table.stage !== "stopped";
  return {
    name: printable(table.name),
    bar: done === null ? "" : "█".repeat(filled) + "░".repeat(BAR_CELLS - filled),
    percent: done === null ? "" : `${about(table)}${Math.floor(done * 100)}%`,
    rows: rowsText(table),
    rate: !isActive || table.rowsPerSec === null ? "" : `${shortCount(Math.round(table.rowsPerSec))}/s`,
    status,
  };
}

const about = ({ stage, total }: TableProgress): string =>
  stage === "done" || total?.exact === true ? "" : "~";

/** While rows are read the time that is left says more than the word for it. */
function statusOf(table: TableProgress): string {
  const etaMs = table.stage === "reading" ? etaMsOf(table) : null;
  if (etaMs !== null) return `${about(table)}${formatDuration(etaMs)} left`;
  return table.stage === "stopped" ? "STOPPED" : table.stage;
}

function totalStatus(total: TableProgress, { elapsedMs }: SnapshotProgress): string {
  if (total.stage === "done") return `in ${formatDuration(elapsedMs)}`;
  const etaMs = etaMsOf(total);
  return etaMs === null
    ? `${formatDuration(elapsedMs)} so far`
    : `${about(total)}${formatDuration(etaMs)} left`;
}

function rowsText({ stage, rows, total }: TableProgress): string {
  if (stage === "done") return `${formatCount(rows)} rows`;
  if (total === null || rows > total.rows) return `${shortCount(rows)} rows`;
  return `${shortCount(rows)} of ${total.exact ? "" : "~"}${shortCount(total.rows)}`;
}

/** Three digits are enough while they change. Rounded down, since what is not done must not look done. */
function shortCount(count: number): string {
  if (count < 10_000) return formatCount(count);
  const [factor, unit] = count < 1e6 ? [1e3, "k"] : count < 1e9 ? [1e6, "M"] : [1e9, "G"];
  const digits = count / factor >= 100 ? 0 : count / factor >= 10 ? 1 : 2;
  return `${(Math.floor((count / factor) * 10 ** digits) / 10 ** digits).toFixed(digits)}${unit}`;
}

const alignOf = (column: keyof Cells): "left" | "right" =>
  column === "bar" || column === "status" ? "left" : "right";
