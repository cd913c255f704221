import { StopError } from "../util/abort.ts";
import { InvariantError } from "../util/assert.ts";
import { codeOf, messageOf } from "../util/errors.ts";
import { isSyncError, syncError } from "../types/errors.ts";

/** Names of ClickHouse's exceptions which say that the tables are not those that this version works with. */
const SCHEMA_TYPES: ReadonlySet<string> = new Set([
  "UNKNOWN_TABLE",
  "UNKNOWN_DATABASE",
  "UNKNOWN_IDENTIFIER",
  "NO_SUCH_COLUMN_IN_TABLE",
  "TYPE_MISMATCH",
  "UNKNOWN_FORMAT",
  "UNKNOWN_SETTING",
  "UNKNOWN_FUNCTION",
  "SYNTAX_ERROR",
]);

/** What to do about exceptions that waiting alone does not mend. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ["AUTHENTICATION_FAILED", "correct trace.user and trace.password in the config"],
  ["UNKNOWN_USER", "correct trace.user in the config"],
  ["WRONG_PASSWORD", "correct trace.password in the config"],
  ["REQUIRED_PASSWORD", "set trace.password in the config"],
  [
    "ACCESS_DENIED",
    "grant the user of trace.user CREATE DATABASE, CREATE TABLE, SELECT and INSERT on the database of trace.database",
  ],
  ["READONLY", "give the user of trace.user a profile that may write"],
  ["NOT_ENOUGH_SPACE", "free disk space at the trace store; counts wait in the commits of the lake"],
  ["TOO_MANY_PARTS", "let the trace store merge; counts wait in the commits of the lake"],
]);

const WAIT = "start the trace store, or correct trace.url; counts wait in the commits of the lake";

/**
 * The operating error for what a driver threw while it did `step` at `where`. Exceptions of ClickHouse are
 * told apart by their name, errors of the network and of the process by their code.
 */
export function traceError(error: unknown, step: string, where: string): Error {
  if (isSyncError(error) || error instanceof StopError || error instanceof InvariantError) return error;
  const type = exceptionTypeOf(error);
  const detail = shortened(messageOf(error));
  if (type !== null && SCHEMA_TYPES.has(type)) {
    return syncError("TRACE_SCHEMA", `trace store at ${where}: ${step}: ${type}: ${detail}`, {
      hint: "use another trace.database, or drop this one and let the next start fill it again from the lake",
      cause: error,
    });
  }
  const name = type ?? codeOf(error);
  return syncError(
    "TRACE_UNAVAILABLE",
    `trace store at ${where}: ${step}: ${name === "" ? detail : `${name}: ${detail}`}`,
    { hint: (type === null ? undefined : HINTS.get(type)) ?? WAIT, cause: error },
  );
}

/** Both ways to ClickHouse throw its exceptions with their number as `code` and their name as `type`. */
function exceptionTypeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("type" in error) || typeof error.type !== "string") return null;
  return /^\d+$/.test(codeOf(error)) ? error.type : null;
}

/** One line; a proxy may answer with a page of HTML. */
function shortened(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
