import { z } from "zod";
import { syncError } from "../types/errors.ts";
import { messageOf } from "../util/errors.ts";
import type { SyncError } from "../util/errors.ts";
import { errnoName, ioError } from "./io-error.ts";

/** With `errors_as_json` DuckDB puts its error codes into the message. */
const duckErrorJson = z.object({
  exception_type: z.string(),
  exception_message: z.string(),
  errno: z.string().optional(),
});

/** A statement that DuckDB refused for a reason that is not the machine's: values, syntax, a corrupt file. */
export class DuckFailure extends Error {
  override readonly name = "DuckFailure";
  readonly type: string;
  readonly errno: string;

  constructor(type: string, message: string, options: { readonly errno: string; readonly cause: unknown }) {
    super(message, { cause: options.cause });
    this.type = type;
    this.errno = options.errno;
  }
}

export function duckFailure(error: unknown): DuckFailure {
  const text = messageOf(error);
  // Some errors have their kind in front as well: `Parser Error: {…}`.
  const parsed = duckErrorJson.safeParse(tryJson(text.slice(Math.max(0, text.indexOf("{")))));
  if (!parsed.success) return new DuckFailure("", text, { errno: "", cause: error });
  const { exception_type: type, exception_message: message, errno } = parsed.data;
  return new DuckFailure(type, message, {
    errno: errno === undefined ? "" : errnoName(Number(errno)),
    cause: error,
  });
}

/** The operating error behind a failure, or the failure itself when there is none. */
export function duckError(failure: DuckFailure): SyncError | DuckFailure {
  if (failure.errno !== "") {
    return ioError(failure, { action: "use", path: quotedPath(failure.message) }, failure.errno);
  }
  if (failure.type === "Out of Memory") {
    return syncError("LAKE_OUT_OF_MEMORY", `DuckDB needs more memory: ${failure.message}`, {
      hint: "Raise `memory.duckdb` in the config, or commit fewer rows at a time.",
      cause: failure,
    });
  }
  return failure;
}

/** For people only: DuckDB names the file in quotes. */
const quotedPath = (message: string): string => /"([^"]+)"/.exec(message)?.[1] ?? message;

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
