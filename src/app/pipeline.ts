/**
 * The whole system.
 *
 *            ┌── snapshot chunks ──────────────────────────────┐
 *   MySQL ───┤                                                 ▼
 *            └── binlog ──▶ capture ──▶ channel ──▶ dedup ──▶ lake ──▶ one Hudi table per source table
 *                              │            │          │        │
 *                              └────────────┴── counts ┴────────┘──▶ trace ──▶ ClickHouse ──▶ report
 *
 * Capture reads the binlog on a thread of its own and decodes it into batches of rows, which are bytes from
 * here to Parquet. The channel hands over whole units (batches and the position that they reach). Dedup asks of
 * each transaction whether a table already holds it. The lake appends the rest, and commits each table with
 * its position and its counts in one atomic file. Nothing else is believed after a crash: every start reads
 * the positions from the commits, begins the stream at the smallest of them, and repeats work rather than
 * leaving a gap. The counts of a commit go to the trace store afterwards and never hold up the data.
 *
 * The stages meet only here. A stage never imports another; what they share are the ports in `types/ports.ts`.
 *
 * With Kafka as the channel its two ends are loops of their own, in one process or in two: `capture-loop.ts` carries
 * the stream into the channel and begins anew after whatever passes, `drain` carries the channel into the tables.
 *
 * This file runs one stream into many tables, until it is told to stop, has caught up, or every table stopped.
 */
import type { Router } from "../dedup/router.ts";
import type { CapturePosition, Channel, ChannelWriter, SourceStream } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { StopError } from "../util/abort.ts";

export interface DrainOptions {
  readonly channel: Channel;
  readonly router: Router;
  /** Where the reader begins. */
  readonly from: SourcePosition;
  /** Asked after every unit: whether it is enough. */
  readonly isEnough: () => boolean;
  /** Ends the reading; what was taken whole stays. */
  readonly signal: AbortSignal;
  /** How often commits that wait for their time are looked at. */
  readonly tickMs: number;
}

/** Carries the channel into the tables. Resolves when there is enough, or no more; nothing is committed by this alone. */
export async function drain({
  channel,
  router,
  from,
  isEnough,
  signal,
  tickMs,
}: DrainOptions): Promise<void> {
  const ticker = setInterval(() => {
    router.commitDue();
  }, tickMs);
  try {
    for await (const delivery of channel.reader(from, signal)) {
      await router.take(delivery);
      if (isEnough() || router.isAllStopped) return;
    }
  } catch (error) {
    if (!(error instanceof StopError) || !signal.aborted) throw error;
  } finally {
    clearInterval(ticker);
  }
}

export interface PipelineOptions extends DrainOptions {
  readonly stream: SourceStream;
}

/**
 * Stream and tables in one process, where the channel keeps nothing. The signal ends the stream: what is complete is
 * taken, and the promise resolves.
 */
export async function runPipeline(options: PipelineOptions): Promise<void> {
  const { stream, channel, router, signal } = options;
  const never = new AbortController().signal;
  const onAbort = (): void => {
    stream.stop();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const pumped = pumpInto(stream, channel);
  // It is waited for below, after the stream has ended; until then its failure comes by way of the channel.
  pumped.catch(() => undefined);
  try {
    await drain({ ...options, signal: never });
    channel.fail(new StopError("the reader has enough"));
    await stream.terminate();
    await pumped.catch(ignoreStop);
    await router.settle();
  } catch (error) {
    channel.fail(error instanceof Error ? error : new Error(String(error)));
    await stream.terminate();
    await pumped.catch(() => undefined);
    await router.settle();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function pumpInto(stream: SourceStream, channel: Channel): Promise<void> {
  try {
    const writer = await channel.writer();
    await pump(stream, writer);
    await writer.close();
  } catch (error) {
    channel.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** Carries a stream to its end into the channel, one channel transaction for each position. */
export async function pump(
  stream: SourceStream,
  writer: ChannelWriter,
  onPosition: (end: CapturePosition) => void = () => undefined,
): Promise<void> {
  let isOpen = false;
  for await (const item of stream) {
    if (item.kind === "abort") {
      if (isOpen) await writer.abort();
      isOpen = false;
      continue;
    }
    if (!isOpen) await writer.begin();
    isOpen = item.kind === "batch";
    if (item.kind === "batch") {
      await writer.append(item.batch);
      if (writer.isCopying) stream.recycle(item.batch);
    } else {
      await writer.commit(item);
      onPosition(item);
    }
  }
}

function ignoreStop(error: unknown): void {
  if (!(error instanceof StopError)) throw error;
}
