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
 * This file runs one stream into many tables, until it is told to stop, has caught up, or every table stopped.
 */
import type { Router } from "../dedup/router.ts";
import type { Channel, SourceStream } from "../types/ports.ts";
import type { SourcePosition } from "../types/source-position.ts";
import { StopError } from "../util/abort.ts";

export interface PipelineOptions {
  readonly stream: SourceStream;
  readonly channel: Channel;
  readonly router: Router;
  /** Where the stream begins. */
  readonly from: SourcePosition;
  /** Asked after every unit: whether it is enough. */
  readonly isEnough: () => boolean;
  /** The intended stop: what is complete is taken, and the promise resolves. */
  readonly signal: AbortSignal;
  /** How often commits that wait for their time are looked at. */
  readonly tickMs: number;
}

/** Resolves when the stream has ended in good order; nothing is committed by this alone. */
export async function runPipeline(options: PipelineOptions): Promise<void> {
  const { stream, channel, router, signal } = options;
  const never = new AbortController().signal;
  const onAbort = (): void => {
    stream.stop();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const ticker = setInterval(() => {
    router.commitDue();
  }, options.tickMs);
  const pumped = pump(stream, channel);
  // It is waited for below, after the stream has ended; until then its failure comes by way of the channel.
  pumped.catch(() => undefined);
  try {
    for await (const delivery of channel.reader(options.from, never)) {
      await router.take(delivery);
      if (options.isEnough() || router.isAllStopped) {
        break;
      }
    }
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
    clearInterval(ticker);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Carries the stream into the channel, one channel transaction for each position. */
async function pump(stream: SourceStream, channel: Channel): Promise<void> {
  try {
    const writer = await channel.writer();
    let isOpen = false;
    for await (const item of stream) {
      if (item.kind === "abort") {
        if (isOpen) await writer.abort();
        isOpen = false;
        continue;
      }
      if (!isOpen) await writer.begin();
      isOpen = item.kind === "batch";
      if (item.kind === "batch") await writer.append(item.batch);
      else await writer.commit(item);
    }
    await writer.close();
  } catch (error) {
    channel.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function ignoreStop(error: unknown): void {
  if (!(error instanceof StopError)) throw error;
}
