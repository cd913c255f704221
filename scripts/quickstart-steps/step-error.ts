import { EXIT } from "../../src/types/errors.ts";
import { SyncError } from "../../src/util/errors.ts";

/** A step of the quickstart did not end as it must. */
export function stepError(message: string, hint: string): SyncError {
  return new SyncError(message, { code: "QUICKSTART", retryable: false, exitCode: EXIT.mismatch, hint });
}
