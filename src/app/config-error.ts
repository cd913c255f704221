import { ERROR_CODES } from "../types/errors.ts";
import { SyncError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";

/** One mistake in the config file, at its place (both count from 1). */
export interface ConfigProblem {
  readonly code: "CONFIG_INVALID" | "SECRET_MISSING";
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Everything that is wrong with a config file. The message lists all of it, a line for each. */
export class ConfigError extends SyncError {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    const code = sorted.every((p) => p.code === "SECRET_MISSING") ? "SECRET_MISSING" : "CONFIG_INVALID";
    super(configMessage(file, sorted), {
      code,
      retryable: false,
      exitCode: ERROR_CODES[code].exit,
      hint:
        code === "SECRET_MISSING"
          ? "set the variable or write the file, then start again"
          : "correct the file; tallylake.schema.json in the package describes every key, also to editors",
    });
    this.file = file;
    this.problems = sorted;
  }
}

function configMessage(file: string, problems: readonly ConfigProblem[]): string {
  const lines = problems.map((p) => `${printable(file)}:${p.line}:${p.column}: ${printable(p.message)}`);
  return lines.length === 1
    ? (lines[0] ?? "")
    : [`${lines.length} problems in the config`, ...lines.map((line) => `  ${line}`)].join("\n");
}
