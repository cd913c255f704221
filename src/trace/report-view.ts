import type { CountClass, Hop } from "../types/hop-count.ts";
import { formatTableId, type TableId } from "../types/table-id.ts";
import { must } from "../util/assert.ts";
import type { Paint, PaintStyle } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import { textTable } from "../util/text-table.ts";
import { cutEnd, textWidth, wrapText } from "../util/text-width.ts";
import { formatCount } from "../util/units.ts";
import { isMismatch, type EquationName, type Verdict } from "./equation.ts";
import { findingText } from "./finding-text.ts";
import type { WindowResult } from "./reconcile-result.ts";
import { worstWindowsFirst, type DeepResult, type Report, type TableReport } from "./report.ts";

export interface ReportView {
  readonly width: number;
  readonly paint: Paint;
}

const FINDINGS_SHOWN = 3;
const KEYS_SHOWN = 10;

const STYLE: Readonly<Record<Verdict, PaintStyle>> = {
  missing: "red",
  extra: "red",
  different: "red",
  inconclusive: "yellow",
  match: "green",
};

/** The verdict on top, then the windows of the worst table first, then what does not hold, with its numbers. */
export function renderReport(report: Report, view: ReportView): string {
  const blocks = [
    [...verdictLines(report, view), ...contentLines(report, view), ...uncheckedLines(report, view)],
    windowBlock(report, view),
    ...report.tables.filter((table) => table.verdict !== "match").map((table) => findingBlock(table, view)),
    nextLines(report),
  ].filter((lines) => lines.length > 0);
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const MS_PER_MINUTE = 60_000;

const moment = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
const minuteText = (minute: number): string => moment(minute * MS_PER_MINUTE).slice(0, 16);

const nounOf = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

const name = (table: TableId): string => printable(formatTableId(table));

function verdictLines(report: Report, { width, paint }: ReportView): string[] {
  const { verdict, tables } = report;
  const matching = tables.filter((table) => table.verdict === "match");
  const settled = tables.map((table) => table.settledThrough?.lastCommittedAtMs ?? null);
  const through = settled.every((ms) => ms !== null) && settled.length > 0 ? Math.min(...settled) : null;
  const worst = tables[0];
  const text =
    verdict === "match"
      ? `exact up to ${moment(must(through, "settled windows"))} UTC, ${tablesText(matching.length, tables.length)}`
      : worst === undefined
        ? "no tables to compare"
        : `${worstText(worst)}; ${tablesText(matching.length, tables.length)} match`;
  const lines = wrapText(`${verdict}: ${text}`, width);
  return lines.map((line) => paint("bold", paint(STYLE[verdict], line)));
}

const tablesText = (count: number, of: number): string => `${formatCount(count)} of ${nounOf(of, "table")}`;

function worstText(table: TableReport): string {
  const window = table.windows.find(({ isSettled, verdict }) => isSettled && verdict === table.verdict);
  const finding = window?.findings.find(({ result }) => result.verdict === table.verdict);
  if (window === undefined || finding === undefined) {
    const why = table.deep?.verdict === table.verdict ? "content differs" : "nothing settled to compare";
    return `${name(table.table)}: ${table.deep?.note ?? why}`;
  }
  return `${name(table.table)} at ${finding.result.hop}, ${windowText(window)} UTC`;
}

/** Tables whose rows were compared and are the same; the others have a block of their own below. */
function contentLines(report: Report, { width }: ReportView): string[] {
  const compared = report.tables.flatMap(({ deep }) => (deep === null ? [] : [deep]));
  const same = compared.filter((deep) => deep.verdict === "match");
  if (same.length === 0) return [];
  const rows = same.reduce((sum, deep) => sum + (deep.rowsLake ?? 0), 0);
  const tables =
    same.length === compared.length ? nounOf(same.length, "table") : tablesText(same.length, compared.length);
  const text = `content compared: ${nounOf(rows, "row")} of ${tables}, the same in MySQL and the lake`;
  return wrapText(text, width);
}

/** Arms that were not there make a weaker report, and it says so on top. */
const ARM_EQUATIONS: ReadonlyMap<EquationName, string> = new Map([
  ["source = capture", "the source arm"],
  ["commit = lake", "the lake arm"],
]);

function uncheckedLines(report: Report, { width, paint }: ReportView): string[] {
  const lines: string[] = [];
  for (const [equation, arm] of ARM_EQUATIONS) {
    const all = report.tables.flatMap(({ windows }) =>
      windows.flatMap(({ equations }) => equations.filter((summary) => summary.name === equation)),
    );
    const unchecked = all.reduce((sum, summary) => sum + summary.unchecked, 0);
    const total = all.reduce((sum, summary) => sum + summary.checked, unchecked);
    if (unchecked === 0) continue;
    const reasons = [...new Set(all.flatMap((summary) => summary.reasons))].map(printable).join("; ");
    const share = unchecked === total ? "" : ` for ${formatCount(unchecked)} of ${nounOf(total, "commit")}`;
    lines.push(`not compared with ${arm}${share}: ${reasons}`);
  }
  if (report.queuedCommits !== null && report.queuedCommits > 0) {
    lines.push(
      `${nounOf(report.queuedCommits, "commit")} wait for the trace store and are not in this report`,
    );
  }
  return lines.flatMap((line) => wrapText(line, width)).map((line) => paint("dim", line));
}

/**
 * `2026-11-21 14:02–14:05`, in UTC: minutes of the source's commit times, both included. Where no
 * change has one, the minute of the last commit.
 */
function windowText(window: WindowResult): string {
  const { firstMinute, lastMinute } = window;
  if (firstMinute === null || lastMinute === null) return moment(window.lastCommittedAtMs).slice(0, 16);
  const [first, last] = [minuteText(firstMinute), minuteText(lastMinute)];
  if (first === last) return first;
  return `${first}–${first.slice(0, 10) === last.slice(0, 10) ? last.slice(11) : last}`;
}

interface Column {
  readonly title: string;
  /** Columns with the highest number go first when there is no room. */
  readonly priority: number;
  readonly cell: (window: WindowResult) => string;
}

const ABSENT = "–";

function sumOf(window: WindowResult, hop: Hop, classes: readonly CountClass[]): number | null {
  const own = window.counts.filter((count) => count.hop === hop && classes.includes(count.class));
  return own.length === 0 ? null : own.reduce((sum, { totals }) => sum + totals.rows, 0);
}

function sumCell(hop: Hop, ...classes: readonly CountClass[]): (window: WindowResult) => string {
  return (window) => {
    const sum = sumOf(window, hop, classes);
    return sum === null ? ABSENT : formatCount(sum);
  };
}

/**
 * Changes that passed a hop, each once. What a restart reads again is taken away, so that columns beside each
 * other are equal when nothing is wrong; it has a column of its own.
 */
function changesCell(hop: Hop): (window: WindowResult) => string {
  return (window) => {
    const sum = sumOf(window, hop, ["c", "u", "d"]);
    return sum === null ? ABSENT : formatCount(sum - (sumOf(window, "dedup", ["duplicate"]) ?? 0));
  };
}

const COLUMNS: readonly Column[] = [
  { title: "commits", priority: 9, cell: ({ commits }) => formatCount(commits) },
  { title: "read", priority: 6, cell: sumCell("capture", "r") },
  { title: "source", priority: 1, cell: sumCell("source", "c", "u", "d") },
  { title: "capture", priority: 0, cell: changesCell("capture") },
  { title: "produce", priority: 3, cell: changesCell("produce") },
  { title: "consume", priority: 1, cell: changesCell("consume") },
  { title: "duplicate", priority: 7, cell: sumCell("dedup", "duplicate") },
  { title: "applied", priority: 2, cell: sumCell("apply", "applied") },
  { title: "superseded", priority: 8, cell: sumCell("apply", "superseded") },
  { title: "filtered", priority: 10, cell: sumCell("apply", "filtered") },
  { title: "rolled back", priority: 10, cell: sumCell("apply", "rolled_back") },
  { title: "written", priority: 4, cell: sumCell("commit", "upserted") },
  { title: "lake", priority: 5, cell: sumCell("lake", "upserted") },
  { title: "rows", priority: 0, cell: sumCell("commit", "rows_after") },
];

const NAME_WIDTH_MIN = 12;
const GAP = 2;

/** Every window, with as many hops as fit; a hop that no window has takes no room. */
function windowBlock(report: Report, { width, paint }: ReportView): string[] {
  const lines = report.tables.flatMap((table) =>
    worstWindowsFirst(table.windows).map((window) => ({ table, window })),
  );
  if (lines.length === 0) return [];
  const fixed = lines.map(({ table, window }) => [
    name(table.table),
    windowText(window),
    window.isSettled ? window.verdict : "open",
  ]);
  const head = ["table", "window (UTC)", "verdict"];
  const widthOf = (cells: readonly string[]): number => Math.max(...cells.map(textWidth)) + GAP;
  const nameWidth = Math.min(
    widthOf([...fixed.map((row) => row[0] ?? ""), head[0] ?? ""]),
    Math.max(NAME_WIDTH_MIN, Math.floor(width / 4)),
  );
  let room = width - nameWidth;
  for (const i of [1, 2]) room -= widthOf([head[i] ?? "", ...fixed.map((row) => row[i] ?? "")]);
  const shown = columnsFor(
    lines.map(({ window }) => window),
    room,
  );
  const rows = lines.map(({ window }, i) => {
    const [table = "", stretch = "", verdict = ""] = fixed[i] ?? [];
    const style = window.isSettled ? STYLE[window.verdict] : "dim";
    const cells = shown.map(({ cell }) => cell(window));
    return [cutEnd(table, nameWidth - GAP), stretch, paint(style, verdict), ...cells];
  });
  const titles = [...head, ...shown.map(({ title }) => title)].map((title) => paint("dim", title));
  return textTable([titles, ...rows], {
    align: ["left", "left", "left", ...shown.map(() => "right" as const)],
  });
}

function columnsFor(windows: readonly WindowResult[], room: number): readonly Column[] {
  const used = COLUMNS.map((column) => ({ column, cells: windows.map(column.cell) })).filter(({ cells }) =>
    cells.some((cell) => cell !== ABSENT && cell !== "0"),
  );
  const kept = new Set<Column>();
  let left = room;
  for (const { column, cells } of [...used].sort((a, b) => a.column.priority - b.column.priority)) {
    left -= Math.max(textWidth(column.title), ...cells.map(textWidth)) + GAP;
    if (left < 0) break;
    kept.add(column);
  }
  return COLUMNS.filter((column) => kept.has(column));
}

const indented = (text: string, { width, by }: { readonly width: number; readonly by: number }): string[] =>
  wrapText(text, Math.max(20, width - by)).map((line) => " ".repeat(by) + line);

/** What does not hold in one table, commit by commit, with the numbers. */
function findingBlock(table: TableReport, { width, paint }: ReportView): string[] {
  const findings = table.windows
    .filter(({ isSettled }) => isSettled)
    .flatMap((window) => window.findings.map((finding) => ({ window, finding })));
  const lines = [
    `${paint("bold", name(table.table))}  ${paint(STYLE[table.verdict], table.verdict)}`,
    ...findings.slice(0, FINDINGS_SHOWN).flatMap(({ window, finding }) => {
      const { hop, verdict } = finding.result;
      const where = `at ${hop}, ${windowText(window)} UTC, commit ${finding.commit}: ${verdict}`;
      const says = findingText(finding.result);
      return [
        ...indented(where, { width, by: 2 }),
        ...says.flatMap((line) => indented(line, { width, by: 4 })),
      ];
    }),
  ];
  const more = findings.length - FINDINGS_SHOWN;
  if (more > 0) lines.push(`  and ${nounOf(more, "more commit")}: see --format json`);
  if (findings.length === 0 && table.settledThrough === null) {
    lines.push(...indented("no commit of this table is recorded and settled in this time", { width, by: 2 }));
  }
  if (table.deep !== null && table.deep.verdict !== "match") lines.push(...deepLines(table.deep, width));
  return lines;
}

function deepLines(deep: DeepResult, width: number): string[] {
  const rows = `${deep.rowsSource === null ? "unknown" : formatCount(deep.rowsSource)} rows in MySQL, ${
    deep.rowsLake === null ? "unknown" : formatCount(deep.rowsLake)
  } in the lake`;
  const differing = deep.keysDiffering === null ? "" : `, ${nounOf(deep.keysDiffering, "key")} differ`;
  const note = deep.note === null ? "" : `: ${printable(deep.note)}`;
  return [
    ...indented(`content compared row by row: ${deep.verdict}, ${rows}${differing}${note}`, { width, by: 2 }),
    ...deep.keys
      .slice(0, KEYS_SHOWN)
      .map(({ key, kind }) => cutEnd(`    ${kind.padEnd("different".length)}  ${printable(key)}`, width)),
  ];
}

/** The command that says more. */
function nextLines(report: Report): string[] {
  const worst = report.tables.find(({ verdict }) => isMismatch(verdict));
  if (worst !== undefined) {
    if (worst.deep !== null) return [];
    return [`next: \`tallylake report --deep --table ${shellWord(formatTableId(worst.table))}\``];
  }
  if (report.verdict === "inconclusive") return ["next: `tallylake status`"];
  return report.tables.every(({ deep }) => deep === null) ? ["next: `tallylake report --deep`"] : [];
}

const shellWord = (text: string): string => `'${printable(text).replaceAll("'", "'\\''")}'`;
