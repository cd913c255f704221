import { ERROR_CODES, syncError, type ErrorCode } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";

/**
 * Lets a command go on when no problem is an error: warnings are logged. All errors are logged, each with its
 * remedy, and the first of them is thrown, those of the source as a whole before those of a table.
 */
export function requireHealthy(problems: readonly Problem[], log: Log): void {
  for (const problem of problems) {
    const { code, table, message, hint } = problem;
    const fields = { code, table: table === null ? undefined : formatTableId(table), remedy: hint };
    if (problem.severity === "warning") log.warn(message, fields);
    else log.error(message, fields);
  }
  const errors = problems.filter((problem) => problem.severity === "error");
  const worst = errors.find((problem) => problem.table === null) ?? errors[0];
  if (worst === undefined) return;
  const others = errors.length - 1;
  const where = worst.table === null ? "" : `${formatTableId(worst.table)}: `;
  throw syncError(
    codeOf(worst),
    `${where}${worst.message}${others > 0 ? ` (and ${others} more problems)` : ""}`,
    {
      hint:
        others > 0 ? `${worst.hint}; \`tallylake check\` lists all problems with their remedies` : worst.hint,
    },
  );
}

const codeOf = (problem: Problem): ErrorCode => (isErrorCode(problem.code) ? problem.code : "SOURCE_SETTING");

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);
