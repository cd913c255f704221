import { isSyncError } from "../../types/errors.ts";
import { sleep } from "../../util/abort.ts";
import type { Log } from "../../util/log.ts";
import { backOffMs } from "../../util/retry.ts";
import type { FetchAnswer, FetchRequest, RecordReader } from "./driver.ts";

const DELAY_MS_MIN = 50;
const DELAY_MS_MAX = 5000;
/** Attempts in a row from which on a failure is a warning, and an error. */
const WARN_FROM = 4;
const ERROR_FROM = 12;

/** A reader that asks again while its brokers are away: for as long as it takes, and says so. */
export class PatientReader implements RecordReader {
  readonly #reader: RecordReader;
  readonly #log: Log;
  readonly #random: () => number;

  constructor(reader: RecordReader, { log, random }: { readonly log: Log; readonly random: () => number }) {
    this.#reader = reader;
    this.#log = log;
    this.#random = random;
  }

  async fetch(request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#reader.fetch(request, signal);
        if (attempt >= WARN_FROM) this.#log.info("Kafka is read again", { topic: request.topic });
        return answer;
      } catch (error) {
        if (!isSyncError(error) || !error.retryable) throw error;
        const delayMs = backOffMs(
          { delayMsMin: DELAY_MS_MIN, delayMsMax: DELAY_MS_MAX, random: this.#random },
          attempt,
        );
        const level = attempt >= ERROR_FROM ? "error" : attempt >= WARN_FROM ? "warn" : "debug";
        this.#log[level]("Kafka cannot be read; trying again", {
          code: error.code,
          cause: error.message,
          remedy: error.hint,
          position: `${request.topic}/${request.partition}:${request.offset}`,
          attempt,
          retryInMs: Math.round(delayMs),
        });
        await sleep(delayMs, signal);
      }
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
