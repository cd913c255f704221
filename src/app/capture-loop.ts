import { isSyncError } from "../types/errors.ts";
import type {
  CapturePosition,
  Channel,
  ChannelWriter,
  ResumePoint,
  SnapshotSink,
  SourceStream,
} from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { sleep, StopError } from "../util/abort.ts";
import { must } from "../util/assert.ts";
import type { Log } from "../util/log.ts";
import { backOffMs } from "../util/retry.ts";
import { pump } from "./pipeline.ts";

export interface CaptureLoop {
  /** One that keeps what it was given. */
  readonly channel: Channel;
  readonly openStream: (resume: ResumePoint) => Promise<SourceStream>;
  /** Before each stream: publishes the rows that tables had before it. Ends with StopError when the signal aborts. */
  readonly publish: (sink: SnapshotSink) => Promise<void>;
  /** Asked at each position: whether it is enough. */
  readonly isEnough: (position: SourcePosition) => boolean;
  /** Before each stream. */
  readonly onResume: (resume: ResumePoint) => void;
  readonly onPosition: (end: CapturePosition) => void;
  /** The intended stop: what is complete is committed. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  /** How long to try again while Kafka is away; null for ever. */
  readonly patienceMs: number | null;
}

const DELAY_MS_MIN = 100;
const DELAY_MS_MAX = 10_000;
const WARN_FROM = 2;
const ERROR_FROM = 8;
/** A stream that lasted this long has mended what was wrong before it. */
const CALM_MS = 60_000;

/**
 * Carries the source into the channel. After any error that may pass it begins anew: a new writer fences the old one
 * off, says what is committed, and the stream begins behind that. So it need not be known what became of anything.
 */
export async function runCaptureLoop(loop: CaptureLoop): Promise<void> {
  const { signal, now, log, patienceMs, random } = loop;
  let failures = 0;
  let awaySinceMs: number | null = null;
  while (!signal.aborted) {
    const beganMs = now();
    try {
      await captureOnce(loop, () => {
        awaySinceMs = null;
        failures = 0;
      });
      return;
    } catch (error) {
      if (isStopping(signal) || error instanceof StopError) return;
      if (!isSyncError(error) || !error.retryable || !error.code.startsWith("KAFKA_")) throw error;
      if (now() - beganMs >= CALM_MS) failures = 0;
      failures++;
      awaySinceMs ??= now();
      const retry = { delayMsMin: DELAY_MS_MIN, delayMsMax: DELAY_MS_MAX, random };
      const delayMs = backOffMs(retry, failures);
      if (patienceMs !== null && now() - awaySinceMs + delayMs > patienceMs) throw error;
      const level = failures >= ERROR_FROM ? "error" : failures >= WARN_FROM ? "warn" : "info";
      log[level]("capture begins anew at the newest position in Kafka", {
        code: error.code,
        cause: error.message,
        remedy: error.hint,
        attempt: failures,
        retryInMs: Math.round(delayMs),
      });
      await sleep(delayMs, signal).catch(() => undefined);
    }
  }
}

/** It may have been aborted while something was waited for. */
const isStopping = (signal: AbortSignal): boolean => signal.aborted;

async function captureOnce(loop: CaptureLoop, onProgress: () => void): Promise<void> {
  const { channel, openStream, publish, isEnough, onResume, onPosition, signal } = loop;
  const writer = await channel.writer();
  try {
    const resume = must(writer.resume, "where the channel goes on");
    onResume(resume);
    if (writer.snapshots !== null) await publish(writer.snapshots);
    if (resume.schemas.length === 0 || isEnough(resume.from)) return;
    const stream = await openStream(resume);
    const stop = (): void => {
      stream.stop();
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      const pumped = pump(stream, writer, (end) => {
        onProgress();
        onPosition(end);
        if (isEnough(end.position)) stop();
      });
      await Promise.race([pumped, writer.lost]);
    } finally {
      signal.removeEventListener("abort", stop);
      await stream.terminate();
    }
  } finally {
    await closeQuietly(writer);
  }
}

/** What the writer could not write any more is read again from the source. */
async function closeQuietly(writer: ChannelWriter): Promise<void> {
  await writer.close().catch(() => undefined);
}
