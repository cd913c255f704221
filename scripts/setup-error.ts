import { SyncError } from "../src/util/errors.ts";

export interface SetupRemedy {
  /** What to do about it, in the imperative. */
  readonly hint: string;
  readonly cause?: unknown;
}

/** Something that a script or a test needs from this machine is not there. */
export function setupError(message: string, remedy: SetupRemedy): SyncError {
  return new SyncError(message, { code: "SETUP", retryable: false, exitCode: 69, ...remedy });
}

export function isSetupError(error: unknown): error is SyncError {
  return error instanceof SyncError && error.code === "SETUP";
}
