import { isSyncError } from "../../types/errors.ts";
import { messageOf, type SyncError } from "../../util/errors.ts";
import type { Log } from "../../util/log.ts";
import { retry } from "../../util/retry.ts";

/** One line about what is tried again is enough for so long. */
const TOLD_MS = 5000;
const DELAY_MS_MIN = 50;
const DELAY_MS_MAX = 5000;

/** Writing waits for its brokers for minutes; somebody should know why nothing moves. */
export function retryLog({ log, now }: { readonly log: Log; readonly now: () => number }) {
  let toldMs = -Infinity;
  return ({ code, message, hint }: SyncError): void => {
    if (now() - toldMs < TOLD_MS) return;
    toldMs = now();
    log.warn("Kafka does not answer to what is written; trying again", {
      code,
      cause: message,
      remedy: hint,
    });
  };
}

/** Does what a reader has to do first, again and again while the brokers are away. */
export function patiently<T>(
  work: () => Promise<T>,
  options: { readonly log: Log; readonly random: () => number; readonly signal: AbortSignal },
): Promise<T> {
  const { log, random, signal } = options;
  return retry(work, {
    name: "find where to begin in Kafka",
    attemptsMax: Infinity,
    delayMsMin: DELAY_MS_MIN,
    delayMsMax: DELAY_MS_MAX,
    retryable: (error) => isSyncError(error) && error.retryable,
    onRetry: (error, attempt, delayMs) => {
      log.warn("Kafka is away; trying again", {
        code: isSyncError(error) ? error.code : "",
        cause: messageOf(error),
        attempt,
        retryInMs: Math.round(delayMs),
      });
    },
    random,
    signal,
  });
}
