import { describe, expect, test } from "vitest";
import type { ChangeBatch } from "../../src/types/change-batch.ts";
import type { Channel } from "../../src/types/ports.ts";
import { sleep } from "../../src/util/abort.ts";
import { makeBatch, type Change } from "../support/batch.ts";
import { changesOf, CHANNEL_START, readThrough, seeUnit, unitEnd } from "../support/channel-reading.ts";

/** What every channel promises. */
export interface ChannelUnderTest {
  readonly name: string;
  /** Gives an empty channel with room for a few hundred bytes, whose table holds nothing yet. */
  readonly open: () => Promise<Channel>;
  /** Its queue is the memory of the process, so that a writer waits for its reader. */
  readonly isBounded: boolean;
}

const changes = (number: number, rows: number): Change[] =>
  Array.from({ length: rows }, (_, i) => ({ op: "c" as const, id: i, v: `row ${number}` }));

/** Creates of one transaction, from its `first` change on. */
const batchFor =
  (channel: Channel) =>
  (number: number, rows = 1, first = 0): ChangeBatch =>
    makeBatch([changes(number, rows)], {
      firstGtid: number,
      firstSeq: number * 1000 + first,
      form: channel.takes,
    });

export function channelContract({ name, open, isBounded }: ChannelUnderTest): void {
  describe(`${name} is a channel`, () => {
    test("the reader gets whole transactions, in order, each once", async () => {
      const channel = await open();
      const batch = batchFor(channel);
      const writer = await channel.writer();
      const reading = readThrough(channel, 3);
      for (const number of [1, 2, 3]) {
        await writer.begin();
        await writer.append(batch(number));
        await writer.append(batch(number, 7, 1));
        await writer.commit(unitEnd(number));
      }
      expect(await reading).toEqual(
        [1, 2, 3].map((number) => ({
          changes: [...changesOf(batch(number)), ...changesOf(batch(number, 7, 1))],
          offset: number,
        })),
      );
      await writer.close();
      await channel.close();
    });

    test("creates, updates, deletes and a changed key come as they were", async () => {
      const channel = await open();
      const writer = await channel.writer();
      const reading = readThrough(channel, 1);
      const batch = makeBatch(
        [
          [
            { op: "c", id: 1, v: 'quote " and \u{1f42c}' },
            { op: "u", id: 1, v: "new" },
            { op: "d", id: 1 },
          ],
          [{ op: "c", id: 2 }],
        ],
        { firstGtid: 1, firstSeq: 2 ** 40, form: channel.takes },
      );
      await writer.begin();
      await writer.append(batch);
      await writer.commit(unitEnd(1));
      expect(await reading).toEqual([{ changes: changesOf(batch), offset: 1 }]);
      await writer.close();
      await channel.close();
    });

    test("an aborted transaction is never seen, and a position without rows is", async () => {
      const channel = await open();
      const batch = batchFor(channel);
      const writer = await channel.writer();
      const reading = readThrough(channel, 3);
      await writer.begin();
      await writer.append(batch(1));
      await writer.abort();
      await writer.begin();
      await writer.append(batch(2));
      await writer.commit(unitEnd(2));
      await writer.begin();
      await writer.commit(unitEnd(3));
      await writer.close();
      expect(await reading).toEqual([
        { changes: changesOf(batch(2)), offset: 2 },
        { changes: [], offset: 3 },
      ]);
      await channel.close();
    });

    test("a transaction larger than the channel's memory passes whole", async () => {
      const channel = await open();
      const batch = batchFor(channel);
      const writer = await channel.writer();
      const reading = readThrough(channel, 1);
      const parts = Array.from({ length: 20 }, (_, i) => batch(i + 1, 50));
      await writer.begin();
      for (const part of parts) await writer.append(part);
      await writer.commit(unitEnd(1));
      expect(await reading).toEqual([{ changes: parts.flatMap(changesOf), offset: 1 }]);
      await writer.close();
      await channel.close();
    });

    if (isBounded) {
      test("a full channel makes the writer wait until the reader has taken something", async () => {
        const channel = await open();
        const batch = batchFor(channel);
        const writer = await channel.writer();
        let committed = 0;
        const writing = (async () => {
          for (let number = 1; number <= 30; number++) {
            await writer.begin();
            await writer.append(batch(number, 5));
            await writer.commit(unitEnd(number));
            committed = number;
          }
          await writer.close();
        })();
        const lead: number[] = [];
        let taken = 0;
        for await (const delivery of channel.reader(CHANNEL_START, new AbortController().signal)) {
          // Everything the writer can do without us has been done after a turn of the event loop.
          await new Promise((resolve) => setImmediate(resolve));
          lead.push(committed - taken);
          taken = (await seeUnit(delivery)).offset;
        }
        await writing;
        expect(taken).toBe(30);
        expect(Math.max(...lead)).toBeLessThan(10);
        await channel.close();
      });
    }

    test("a failure reaches the reader and the writer, with its own error", async () => {
      const channel = await open();
      const batch = batchFor(channel);
      const writer = await channel.writer();
      const reading = readThrough(channel, 1);
      reading.catch(() => undefined);
      await sleep(50);
      channel.fail(new Error("broken wire"));
      await expect(reading).rejects.toThrow("broken wire");
      await expect(
        (async () => {
          await writer.begin();
          await writer.append(batch(1));
          await writer.commit(unitEnd(1));
        })(),
      ).rejects.toThrow();
      await writer.close();
      await channel.close();
    });

    test("a second writer fences the first one off", async () => {
      const channel = await open();
      const batch = batchFor(channel);
      const first = await channel.writer();
      await first.begin();
      await first.append(batch(1));
      const second = await channel.writer();
      await expect(first.commit(unitEnd(1))).rejects.toThrow();
      const reading = readThrough(channel, 2);
      await second.begin();
      await second.append(batch(2));
      await second.commit(unitEnd(2));
      expect(await reading).toEqual([{ changes: changesOf(batch(2)), offset: 2 }]);
      await first.close();
      await second.close();
      await channel.close();
    });
  });
}
