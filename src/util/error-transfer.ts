import { StopError } from "./abort.ts";
import { InvariantError } from "./assert.ts";
import { SyncError } from "./errors.ts";

/** An error as plain data, to cross the border of a thread without losing its kind. */
export interface PlainError {
  readonly kind: "sync" | "stop" | "invariant" | "other";
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly exitCode: number;
  readonly cause: PlainError | null;
}

const CAUSES_MAX = 8;

export function encodeError(error: unknown, depth = 0): PlainError {
  const known = error instanceof Error ? error : new Error(String(error));
  const sync = known instanceof SyncError ? known : null;
  const { cause } = known;
  return {
    kind:
      sync !== null
        ? "sync"
        : known instanceof StopError
          ? "stop"
          : known instanceof InvariantError
            ? "invariant"
            : "other",
    name: known.name,
    message: known.message,
    stack: known.stack ?? "",
    code: sync?.code ?? "",
    hint: sync?.hint ?? "",
    retryable: sync?.retryable ?? false,
    exitCode: sync?.exitCode ?? 0,
    cause:
      cause === undefined || cause === null || depth >= CAUSES_MAX ? null : encodeError(cause, depth + 1),
  };
}

export function decodeError(plain: PlainError): Error {
  const error = make(plain);
  error.stack = plain.stack;
  return error;
}

function make(plain: PlainError): Error {
  const options = plain.cause === null ? {} : { cause: decodeError(plain.cause) };
  const { code, hint, retryable, exitCode } = plain;
  switch (plain.kind) {
    case "sync":
      return new SyncError(plain.message, { code, hint, retryable, exitCode, ...options });
    case "stop":
      return new StopError(plain.message, options);
    case "invariant":
      return new InvariantError(plain.message, options);
    case "other": {
      const error = new Error(plain.message, options);
      error.name = plain.name;
      return error;
    }
  }
}
