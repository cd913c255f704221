import { ERROR_CODES, syncError, type ErrorCode } from "../types/errors.ts";
import type { Problem } from "../types/ports.ts";
import { formatTableId } from "../types/table-id.ts";
import type { Log } from "../util/log.ts";

/**
 * Lets a command go on when no problem is an error: warnings are logged. Of several errors one is thrown, which
 * is the first of the source as a whole or else of a table; the others are logged, each with its remedy.
 */
export function requireHealthy(problems: readonly Problem[], log: Log): void {
  const errors = problems.filter((problem) => problem.severity === "error");
  const worst = errors.find((problem) => problem.table === null) ?? errors[0];
  for (const problem of problems) {
    // What is thrown is shown by whoever catches it.
    if (problem === worst) continue;
    const { code, table, message, hint } = problem;
    const fields = { code, table: table === null ? undefined : formatTableId(table), remedy: hint };
    if (problem.severity === "warning") log.warn(message, fields);
    else log.error(message, fields);
  }
  if (worst === undefined) return;
  const others = errors.length - 1;
  const more = others === 0 ? "" : ` (and ${others} more problem${others === 1 ? "" : "s"})`;
  throw syncError(codeOf(worst), `${whereOf(worst)}${worst.message}${more}`, {
    hint:
      others > 0 ? `${worst.hint}; \`tallylake check\` lists all problems with their remedies` : worst.hint,
  });
}

/** The table, where the message does not name it. */
function whereOf({ table, message }: Problem): string {
  if (table === null) return "";
  const name = formatTableId(table);
  return message.includes(name) ? "" : `${name}: `;
}

const codeOf = (problem: Problem): ErrorCode => (isErrorCode(problem.code) ? problem.code : "SOURCE_SETTING");

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);
