import { sleep } from "./abort.ts";

export interface RetryOptions {
  /** The step, for the log line. */
  readonly name: string;
  readonly attemptsMax: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly retryable: (error: unknown) => boolean;
  readonly onRetry: (error: unknown, attempt: number, delayMs: number) => void;
  readonly signal?: AbortSignal;
  /** In [0, 1): spreads the delays of several clients. */
  readonly random: () => number;
}

/** Delay before attempt number `attempt` (the first retry is 1): exponential, with half of it random. */
export function backOffMs(
  options: Pick<RetryOptions, "delayMsMin" | "delayMsMax" | "random">,
  attempt: number,
): number {
  const full = Math.min(options.delayMsMax, options.delayMsMin * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * options.random();
}

/** Runs `step` until it succeeds, fails for good, or `attemptsMax` attempts are used up. */
export async function retry<T>(step: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (attempt >= options.attemptsMax || !options.retryable(error)) throw error;
      const delayMs = backOffMs(options, attempt);
      options.onRetry(error, attempt, delayMs);
      await sleep(delayMs, options.signal);
    }
  }
}
