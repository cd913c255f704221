import { describe, expect, test } from "vitest";
import type { CapturePosition, Channel, Delivery } from "../../src/types/ports.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { SourcePosition } from "../../src/types/source-position.ts";
import { batchLines, gtid, makeBatch } from "../support/batch.ts";

/** What every channel promises. `open` gives an empty channel with room for a few hundred bytes. */
export interface ChannelUnderTest {
  readonly name: string;
  readonly open: () => Promise<Channel>;
}

const START: SourcePosition = { gtids: GtidSet.empty, file: "binlog.000001", offset: 4, seq: 0, last: null };

const end = (number: number): CapturePosition => ({
  kind: "position",
  position: {
    ...START,
    gtids: GtidSet.parse(`${gtid(1).replace(/1$/, "")}1-${number}`),
    offset: number,
    seq: number,
  },
  commitUs: number,
  transactions: 1,
  stops: [],
  counts: [],
});

interface Seen {
  readonly lines: readonly unknown[];
  readonly offset: number;
}

async function see(delivery: Delivery): Promise<Seen> {
  const lines: unknown[] = [];
  for await (const batch of delivery.batches) lines.push(...batchLines(batch));
  return { lines, offset: delivery.end.position.offset };
}

async function readAll(channel: Channel): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const delivery of channel.reader(START, new AbortController().signal))
    seen.push(await see(delivery));
  return seen;
}

const batch = (number: number, rows = 1): ReturnType<typeof makeBatch> =>
  makeBatch([Array.from({ length: rows }, (_, i) => ({ op: "c" as const, id: i, v: `row ${number}` }))], {
    firstGtid: number,
    firstSeq: number * 1000,
  });

export function channelContract({ name, open }: ChannelUnderTest): void {
  describe(`${name} is a channel`, () => {
    test("the reader gets whole transactions, in order, each once", async () => {
      const channel = await open();
      const writer = await channel.writer();
      const reading = readAll(channel);
      for (const number of [1, 2, 3]) {
        await writer.begin();
        await writer.append(batch(number));
        await writer.append(batch(number + 10));
        await writer.commit(end(number));
      }
      await writer.close();
      expect(await reading).toEqual(
        [1, 2, 3].map((number) => ({
          lines: [...batchLines(batch(number)), ...batchLines(batch(number + 10))],
          offset: number,
        })),
      );
      await channel.close();
    });

    test("an aborted transaction is never seen, and a position without rows is", async () => {
      const channel = await open();
      const writer = await channel.writer();
      const reading = readAll(channel);
      await writer.begin();
      await writer.append(batch(1));
      await writer.abort();
      await writer.begin();
      await writer.commit(end(2));
      await writer.begin();
      await writer.append(batch(3));
      await writer.close();
      expect(await reading).toEqual([{ lines: [], offset: 2 }]);
      await channel.close();
    });

    test("a transaction larger than the channel's memory passes whole", async () => {
      const channel = await open();
      const writer = await channel.writer();
      const reading = readAll(channel);
      const parts = Array.from({ length: 20 }, (_, i) => batch(i + 1, 50));
      await writer.begin();
      for (const part of parts) await writer.append(part);
      await writer.commit(end(1));
      await writer.close();
      expect(await reading).toEqual([{ lines: parts.flatMap(batchLines), offset: 1 }]);
      await channel.close();
    });

    test("a full channel makes the writer wait until the reader has taken something", async () => {
      const channel = await open();
      const writer = await channel.writer();
      let committed = 0;
      const writing = (async () => {
        for (let number = 1; number <= 30; number++) {
          await writer.begin();
          await writer.append(batch(number, 5));
          await writer.commit(end(number));
          committed = number;
        }
        await writer.close();
      })();
      const lead: number[] = [];
      let taken = 0;
      for await (const delivery of channel.reader(START, new AbortController().signal)) {
        // Everything the writer can do without us has been done after a turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        lead.push(committed - taken);
        taken = (await see(delivery)).offset;
      }
      await writing;
      expect(taken).toBe(30);
      expect(Math.max(...lead)).toBeLessThan(10);
      await channel.close();
    });

    test("a failure reaches the reader and the writer, with its own error", async () => {
      const channel = await open();
      const writer = await channel.writer();
      const reading = readAll(channel);
      channel.fail(new Error("broken wire"));
      await expect(reading).rejects.toThrow("broken wire");
      await expect(
        (async () => {
          await writer.begin();
          await writer.append(batch(1));
          await writer.commit(end(1));
        })(),
      ).rejects.toThrow();
      await channel.close();
    });

    test("a second writer fences the first one off", async () => {
      const channel = await open();
      const first = await channel.writer();
      await first.begin();
      await first.append(batch(1));
      const second = await channel.writer();
      await expect(first.commit(end(1))).rejects.toThrow();
      const reading = readAll(channel);
      await second.begin();
      await second.append(batch(2));
      await second.commit(end(2));
      await second.close();
      expect(await reading).toEqual([{ lines: batchLines(batch(2)), offset: 2 }]);
      await channel.close();
    });
  });
}
