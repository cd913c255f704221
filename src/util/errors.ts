export interface SyncErrorOptions {
  /** Stable name for scripts, alerts and documentation. */
  readonly code: string;
  /** Whether the same call may succeed later without anybody's help. */
  readonly retryable: boolean;
  /** What the operator can do about it, in the imperative. */
  readonly hint: string;
  readonly exitCode: number;
  readonly cause?: unknown;
}

/**
 * An operating error: something outside this program is not as it must be. The message says what and
 * where, with the offending value; `hint` says what to do. Decisions are made by `code`, never by text.
 */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: string;
  readonly retryable: boolean;
  readonly hint: string;
  readonly exitCode: number;

  constructor(message: string, options: SyncErrorOptions) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = options.code;
    this.retryable = options.retryable;
    this.hint = options.hint;
    this.exitCode = options.exitCode;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` that Node and drivers put on their errors, or "". */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

/**
 * Whether the process has no file handle left. A module that cannot be read for that, and a thread that cannot be
 * made, have codes of their own, and only their words say why.
 */
export const isOutOfFiles = (error: unknown): boolean =>
  /^(EMFILE|ENFILE)$/.test(codeOf(error)) || /\bE[MN]FILE\b|too many open files/i.test(messageOf(error));
