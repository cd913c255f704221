import { EXIT, syncError } from "../types/errors.ts";
import { codeOf, isOutOfFiles, messageOf, SyncError } from "../util/errors.ts";
import type { Paint } from "../util/paint.ts";
import { printable } from "../util/printable.ts";
import type { Secret } from "../util/secret.ts";
import { ConfigError } from "./config-error.ts";

export interface ErrorViewOptions {
  readonly format: "text" | "json";
  /** Show what caused an operating error. A defect is always shown with all there is. */
  readonly causes: boolean;
  readonly paint: Paint;
  readonly nowMs: number;
  /** Values that a driver might have put into a message in spite of all. */
  readonly secrets: readonly Secret[];
  readonly version: string;
}

export interface ErrorView {
  readonly text: string;
  readonly exitCode: number;
}

/** What is shown of an error that ends the program, and the exit code that goes with it. */
export function renderError(error: unknown, options: ErrorViewOptions): ErrorView {
  const known = error instanceof SyncError ? error : outOfFiles(error);
  const raw = known === null ? defectFacts(error, options) : operatingFacts(known, options);
  // Before the texts are escaped, which could change how a secret is written.
  const hide = (text: string): string => mask(text, options.secrets);
  const facts: ErrorFacts = {
    ...raw,
    message: hide(raw.message),
    hint: hide(raw.hint),
    details: raw.details.map(hide),
    problems: raw.problems?.map((problem) => ({ ...problem, message: hide(problem.message) })),
  };
  const text = options.format === "json" ? jsonText(facts, options) : plainText(facts, options);
  return { text, exitCode: facts.exitCode };
}

/** Anything can fail for want of a file handle, the loading of our own modules and threads included. */
function outOfFiles(error: unknown): SyncError | null {
  if (!isOutOfFiles(error)) return null;
  return syncError("TOO_MANY_OPEN_FILES", messageOf(error), {
    hint: "raise the limit of open files (ulimit -n) to at least 1024 and start again",
    cause: error,
  });
}

interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
  readonly retryable: boolean;
  readonly problems: ConfigError["problems"] | undefined;
  /** Further lines: causes, or the stack of a defect. */
  readonly details: readonly string[];
}

function operatingFacts(error: SyncError, options: ErrorViewOptions): ErrorFacts {
  const { code, message, hint, exitCode, retryable } = error;
  const problems = error instanceof ConfigError ? error.problems : undefined;
  const details = options.causes ? causeLines(error.cause) : [];
  return { code, message, hint, exitCode, retryable, problems, details };
}

function defectFacts(error: unknown, options: ErrorViewOptions): ErrorFacts {
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: "INTERNAL",
    message: `internal error: ${name}: ${messageOf(error)}`,
    hint: `this is a defect of tallylake ${options.version}; please report it with the lines above`,
    exitCode: EXIT.invariant,
    retryable: false,
    problems: undefined,
    details: [...stackLines(error), ...(error instanceof Error ? causeLines(error.cause) : [])],
  };
}

function plainText(facts: ErrorFacts, { paint }: ErrorViewOptions): string {
  // Only the list of config problems has lines of its own; anything else stays on one.
  const message =
    facts.problems === undefined
      ? printable(facts.message)
      : facts.message.split("\n").map(printable).join("\n");
  const code =
    facts.problems !== undefined && facts.problems.length > 1 ? "" : ` ${paint("dim", `(${facts.code})`)}`;
  return [
    `${paint("red", "tallylake:")} ${message}${code}`,
    ...facts.details.map((line) => `  ${printable(line)}`),
    `  ${paint("bold", "remedy:")} ${printable(facts.hint)}`,
    "",
  ].join("\n");
}

function jsonText(facts: ErrorFacts, options: ErrorViewOptions): string {
  const { code, message, hint, exitCode, retryable, problems, details } = facts;
  const time = new Date(options.nowMs).toISOString();
  const line = { time, level: "error", message, code, hint, exitCode, retryable, problems };
  return `${JSON.stringify(details.length === 0 ? line : { ...line, details })}\n`;
}

const CAUSES_MAX = 10;

/** The chain of causes by name, code and message: what else a driver hangs on its errors stays unseen. */
function causeLines(cause: unknown): string[] {
  const lines: string[] = [];
  let next = cause;
  for (let depth = 0; next !== undefined && next !== null && depth < CAUSES_MAX; depth++) {
    const code = codeOf(next);
    const name = next instanceof Error ? next.name : typeof next;
    lines.push(`cause: ${name}: ${messageOf(next)}${code === "" ? "" : ` (${code})`}`, ...stackLines(next));
    if (next instanceof AggregateError) {
      for (const error of next.errors) lines.push(`cause: ${messageOf(error)}`);
    }
    next = next instanceof Error ? next.cause : undefined;
  }
  return lines;
}

function stackLines(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `  ${line.trim()}`);
}

/** Masks known secrets, and the password of any URL. A secret of one or two letters would mask ordinary words. */
function mask(text: string, secrets: readonly Secret[]): string {
  let masked = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]+@/gi, "$1:***@");
  for (const secret of secrets) {
    const value = secret.reveal();
    if (value.length <= 2) continue;
    // Messages about names are escaped where they are made.
    for (const shown of [value, printable(value)]) masked = masked.replaceAll(shown, "***");
  }
  return masked;
}
