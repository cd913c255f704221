/** What `check` prints: all problems at once, each with what fixes it, and what the columns become. */
import { lakeName } from "../lake/lake-name.ts";
import { ERROR_CODES, EXIT, type ErrorCode } from "../types/errors.ts";
import { lakeTypeOf } from "../types/lake-type.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId, tableKey, type TableId } from "../types/table-id.ts";
import type { Column, TableSchema } from "../types/table-schema.ts";
import type { Paint } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import { textTable } from "../util/text-table.ts";
import { wrapText } from "../util/text-width.ts";
import { formatCount } from "../util/units.ts";
import type { TableSettings } from "./config.ts";

/** What a check has found. */
export interface CheckResult {
  /** What was looked at, such as ["source", "db:3306, MySQL 9.7.4, TLS verify"]. */
  readonly subjects: readonly (readonly [name: string, text: string])[];
  readonly tables: readonly CheckedTable[];
  readonly problems: readonly Problem[];
}

export interface CheckedTable {
  readonly id: TableId;
  /** Null when the table is absent, or has a column of a type that we do not know. */
  readonly schema: TableSchema | null;
  /** An estimate; null when there is none. */
  readonly rowsEstimated: number | null;
  /** Buckets that its lake table has or will get. */
  readonly buckets: number | null;
  readonly zeroDates: TableSettings["zeroDates"];
  /** Number of the override that holds for it, from 0; null for the defaults. */
  readonly rule: number | null;
}

export interface CheckView {
  readonly width: number;
  readonly types: boolean;
  readonly paint: Paint;
}

const isError = (problem: Problem): boolean => problem.severity === "error";

/**
 * 0 with warnings at most. With errors 1 when they are of tables only; otherwise what ends with that error:
 * 69, or 75 when all of them may pass by themselves, such as a server that does not answer.
 */
export function checkExitCode({ problems }: CheckResult): number {
  const errors = problems.filter(isError);
  if (errors.length === 0) return EXIT.ok;
  const general = errors.filter(({ table }) => table === null);
  if (general.length === 0) return EXIT.mismatch;
  return general.every(({ code }) => mayPass(code)) ? EXIT.retryLater : EXIT.unavailable;
}

const mayPass = (code: string): boolean =>
  Object.hasOwn(ERROR_CODES, code) && ERROR_CODES[code as ErrorCode].exit === EXIT.retryLater;

export function renderCheck(result: CheckResult, view: CheckView): string {
  const blocks = [
    textTable(result.subjects.map(([name, text]) => [view.paint("dim", name), printable(text)])),
    ...(view.types ? typeBlocks(result.tables, view) : []),
    ...groupsOf(result.problems).map((group) => groupBlock(group, view)),
    [verdictLine(result, view)],
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** The same for scripts. The names stay what they are. */
export function checkJson(result: CheckResult, { types }: { readonly types: boolean }): string {
  const tables = result.tables.map((table) => ({
    database: table.id.database,
    table: table.id.table,
    rowsEstimated: table.rowsEstimated,
    buckets: table.buckets,
    zeroDates: table.zeroDates,
    rule: table.rule,
    ...(types
      ? {
          primaryKey: table.schema?.primaryKey ?? null,
          ...(table.schema?.keyIndex === undefined ? {} : { keyIndex: table.schema.keyIndex.name }),
          columns: table.schema?.columns.map((c) => columnJson(c, table)) ?? null,
        }
      : {}),
  }));
  const problems = result.problems.map(({ severity, code, table, message, hint }) => ({
    severity,
    code,
    table,
    message,
    hint,
  }));
  const exitCode = checkExitCode(result);
  return `${JSON.stringify({ ok: exitCode === EXIT.ok, exitCode, subjects: Object.fromEntries(result.subjects), problems, tables })}\n`;
}

function columnJson(column: Column, table: CheckedTable) {
  const type = lakeTypeOf(column.type, table.zeroDates);
  const inLake = lakeName(column.name);
  return {
    name: column.name,
    mysql: column.mysqlType,
    lake: type.duck,
    avro: type.avro,
    ...(inLake === column.name ? {} : { lakeName: inLake }),
  };
}

interface Group {
  readonly table: TableId | null;
  readonly problems: readonly Problem[];
}

/** The source before its tables, tables with errors before those with warnings, names in order. */
function groupsOf(problems: readonly Problem[]): Group[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const key = problem.table === null ? "" : tableKey(problem.table);
    groups.set(key, [...(groups.get(key) ?? []), problem]);
  }
  const rank = (group: Group): number =>
    (group.problems.some(isError) ? 0 : 2) + (group.table === null ? 0 : 1);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, list]) => ({
      table: list[0]?.table ?? null,
      problems: [...list].sort((a, b) => Number(isError(b)) - Number(isError(a))),
    }))
    .sort((a, b) => rank(a) - rank(b));
}

function groupBlock(group: Group, { width, paint }: CheckView): string[] {
  const title = group.table === null ? "source, lake and trace store" : printable(formatTableId(group.table));
  const lines = [paint("bold", title)];
  for (const problem of group.problems) {
    const label = isError(problem) ? paint("red", "error  ") : paint("yellow", "warning");
    const text = wrapText(`${printable(problem.message)} (${problem.code})`, Math.max(20, width - 11));
    lines.push(...text.map((line, i) => `  ${i === 0 ? label : "       "}  ${line}`));
    // A statement is there to be copied, so it keeps its own lines.
    const hint = problem.hint.split("\n").map(printable);
    lines.push(...hint.map((line, i) => `  ${paint("green", i === 0 ? "fix    " : "       ")}  ${line}`));
  }
  return lines;
}

const DATETIME_NOTE =
  "* DATETIME has no time zone in MySQL and is stored as if it were UTC. Spark shows it in the zone of its session: set spark.sql.session.timeZone=UTC there. `tallylake query` shows it unchanged.";

function typeBlocks(tables: readonly CheckedTable[], view: CheckView): string[][] {
  const blocks = tables.map((table) => typeBlock(table, view));
  const hasDatetime = tables.some((table) =>
    table.schema?.columns.some((column) => isShifted(column, table)),
  );
  return hasDatetime ? [...blocks, wrapText(DATETIME_NOTE, view.width)] : blocks;
}

const isShifted = (column: Column, table: CheckedTable): boolean =>
  column.type.kind === "datetime" && table.zeroDates !== "text";

function typeBlock(table: CheckedTable, { paint }: CheckView): string[] {
  const { schema } = table;
  const facts = [
    ...(schema === null ? [] : [keyText(schema)]),
    ...(table.rowsEstimated === null ? [] : [`~${formatCount(table.rowsEstimated)} rows`]),
    ...(table.buckets === null ? [] : [table.buckets === 1 ? "1 bucket" : `${table.buckets} buckets`]),
    ...(table.rule === null ? [] : [`overrides[${table.rule}]`]),
  ];
  const title = `${paint("bold", printable(formatTableId(table.id)))}${facts.length === 0 ? "" : `  ${facts.join(" · ")}`}`;
  if (schema === null) return [title, "  its columns are not known; see its problems"];
  const rows = schema.columns.map((column) => {
    const inLake = lakeName(column.name);
    const as = inLake === column.name ? "" : ` as ${inLake}`;
    const lake = `${lakeTypeOf(column.type, table.zeroDates).duck}${as}`;
    return [
      printable(column.name),
      printable(column.mysqlType),
      `${lake}${isShifted(column, table) ? " *" : ""}`,
    ];
  });
  const header = ["column", "MySQL", "lake"].map((text) => paint("dim", text));
  return [title, ...textTable([header, ...rows], { indent: "  " })];
}

function keyText({ primaryKey, keyIndex }: TableSchema): string {
  const index = keyIndex === undefined || keyIndex.name === "PRIMARY" ? "" : ` by the index ${keyIndex.name}`;
  return printable(`key ${primaryKey.join(", ")}${index}`);
}

function verdictLine(result: CheckResult, { paint }: CheckView): string {
  const errors = result.problems.filter(isError).length;
  const warnings = result.problems.length - errors;
  const counts = [countText(errors, "error"), countText(warnings, "warning")]
    .filter((text) => text !== "")
    .join(", ");
  if (errors > 0)
    return `${paint("red", counts)}: fix ${errors + warnings === 1 ? "it" : "them"}, then run \`tallylake check\` again`;
  const tables = countText(result.tables.length, "table");
  const ok = `${paint("green", "ok")}: ${tables} can be kept exactly${counts === "" ? "" : `, ${counts}`}`;
  return `${ok}; next: \`tallylake init\``;
}

const countText = (count: number, noun: string): string =>
  count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
