import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { visibleBatches, type AbortedTransaction } from "../../../../src/channel/kafka/abort-filter.ts";
import { encode } from "../../../support/record-batch.ts";
import { readBatches, type ControlType } from "../../../../src/channel/kafka/record-read.ts";
import { must } from "../../../../src/util/assert.ts";
import { blockOf } from "../../../support/kafka-records.ts";

interface Batch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly producer: { readonly id: string; readonly epoch: number };
  readonly isTransactional: boolean;
  readonly control: ControlType | null;
}

/** What a partition holds, and how each batch ended. */
interface Log {
  readonly batches: Batch[];
  readonly isCommitted: boolean[];
  readonly aborted: (AbortedTransaction & { readonly markerOffset: number })[];
}

const data = (id: string, baseOffset: number, count = 1): Batch => ({
  baseOffset,
  lastOffset: baseOffset + count - 1,
  producer: { id, epoch: 0 },
  isTransactional: true,
  control: null,
});
const marker = (id: string, baseOffset: number, control: ControlType): Batch => ({
  ...data(id, baseOffset),
  control,
});
const plain = (id: string, baseOffset: number): Batch => ({
  ...data(id, baseOffset),
  isTransactional: false,
});

const offsets = (batches: readonly Batch[]): number[] => batches.map(({ baseOffset }) => baseOffset);

describe("what is committed is seen", () => {
  test("several aborts of one producer in one response", () => {
    const log = [
      data("1", 0),
      marker("1", 1, "abort"),
      data("1", 2),
      marker("1", 3, "commit"),
      data("1", 4, 3),
      marker("1", 7, "abort"),
      data("1", 8),
      marker("1", 9, "commit"),
    ];
    // Not in order: brokers send them as they find them.
    const aborted = [
      { producerId: "1", firstOffset: 4 },
      { producerId: "1", firstOffset: 0 },
    ];
    expect(offsets(visibleBatches(log, aborted))).toEqual([2, 8]);
    expect(aborted[0]?.firstOffset).toBe(4);
  });

  test("an abort that began before the response and goes on behind it", () => {
    const log = [data("1", 50), data("2", 51), data("1", 52)];
    expect(offsets(visibleBatches(log, [{ producerId: "1", firstOffset: 3 }]))).toEqual([51]);
  });

  test("aborts of two producers, one inside of the other", () => {
    const log = [
      data("1", 0),
      data("2", 1),
      data("3", 2),
      data("1", 3),
      marker("2", 4, "abort"),
      data("2", 5),
      marker("1", 6, "abort"),
      data("1", 7),
      marker("2", 8, "commit"),
      marker("3", 9, "commit"),
      marker("1", 10, "commit"),
    ];
    const aborted = [
      { producerId: "1", firstOffset: 0 },
      { producerId: "2", firstOffset: 1 },
    ];
    expect(offsets(visibleBatches(log, aborted))).toEqual([2, 5, 7]);
  });

  test("records outside of transactions, of a producer that aborts too", () => {
    const log = [data("1", 0), plain("1", 1), plain("-1", 2), marker("1", 3, "abort")];
    expect(offsets(visibleBatches(log, [{ producerId: "1", firstOffset: 0 }]))).toEqual([1, 2]);
  });

  test("a transaction is aborted from its first offset on and no earlier", () => {
    const log = [
      data("1", 0, 5),
      marker("1", 5, "commit"),
      data("1", 6),
      data("1", 7),
      marker("1", 8, "abort"),
    ];
    expect(offsets(visibleBatches(log, [{ producerId: "1", firstOffset: 6 }]))).toEqual([0]);
  });

  test("markers that are no abort leave an aborted transaction as it is", () => {
    const log = [
      data("1", 0),
      marker("1", 1, "other"),
      marker("2", 2, "abort"),
      data("1", 3),
      marker("1", 4, "abort"),
    ];
    expect(offsets(visibleBatches(log, [{ producerId: "1", firstOffset: 0 }]))).toEqual([]);
  });

  test("all that is no marker with an empty list", () => {
    const log = [data("1", 0), marker("1", 1, "abort"), plain("-1", 2), marker("1", 3, "other")];
    expect(offsets(visibleBatches(log, []))).toEqual([0, 2]);
  });

  test("a record whose key looks like an abort marker's", async () => {
    const records = blockOf([{ key: "\0\0\0\0", value: "x", header: null }]);
    const bytes = await encode({
      records,
      from: 0,
      to: 1,
      producerId: 1n,
      producerEpoch: 0,
      baseSequence: 0,
      timestampMs: 0,
      compression: "none",
      isTransactional: true,
    });
    const second = Buffer.from(bytes);
    second.writeBigInt64BE(1n);
    const batches = readBatches(Buffer.concat([bytes, second]), { topic: "t", partition: 0 });
    expect(batches.map(({ control }) => control)).toEqual([null, null]);
    expect(visibleBatches(batches, [])).toHaveLength(2);
    expect(visibleBatches(batches, [{ producerId: "1", firstOffset: 0 }])).toEqual([]);
  });
});

type Step = readonly ["write" | "plain" | "abort" | "commit", number];

/** Writes a partition as its leader does: a transaction begins with a producer's first batch after a marker. */
function writeLog(steps: readonly Step[]): Log {
  const log: Log = { batches: [], isCommitted: [], aborted: [] };
  const open = new Map<string, { firstOffset: number; places: number[] }>();
  let next = 0;
  for (const [step, number] of steps) {
    const id = String(number % 4);
    const place = log.batches.length;
    if (step === "plain") {
      log.batches.push(plain("-1", next++));
      log.isCommitted.push(true);
    } else if (step === "write") {
      const transaction = open.get(id) ?? { firstOffset: next, places: [] };
      transaction.places.push(place);
      open.set(id, transaction);
      const count = 1 + (number % 3);
      log.batches.push(data(id, next, count));
      log.isCommitted.push(false);
      next += count;
    } else {
      const transaction = open.get(id);
      open.delete(id);
      if (step === "commit") for (const each of transaction?.places ?? []) log.isCommitted[each] = true;
      else if (transaction !== undefined) {
        log.aborted.push({ producerId: id, firstOffset: transaction.firstOffset, markerOffset: next });
      }
      log.batches.push(marker(id, next++, step));
      log.isCommitted.push(false);
    }
  }
  return log;
}

test("any interleaving, in responses of any length, shows just what was committed", () => {
  const step = fc.tuple(fc.constantFrom("write", "write", "write", "plain", "abort", "commit"), fc.nat(100));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (steps, sizes) => {
        // In the end all transactions are over: a reader of what is committed gets no further than the first open one.
        const log = writeLog([
          ...(steps as Step[]),
          ["abort", 0],
          ["commit", 1],
          ["abort", 2],
          ["commit", 3],
        ]);
        const seen: number[] = [];
        for (let from = 0, turn = 0; from < log.batches.length; turn++) {
          const size = must(sizes[turn % sizes.length], "a size");
          const response = log.batches.slice(from, from + size);
          const first = must(response[0], "a batch").baseOffset;
          const last = must(response.at(-1), "a batch").lastOffset;
          // The broker lists the transactions that overlap the response.
          const aborted = log.aborted.filter(
            (each) => each.firstOffset <= last && each.markerOffset >= first,
          );
          seen.push(...offsets(visibleBatches(response, aborted)));
          from += size;
        }
        expect(seen).toEqual(offsets(log.batches.filter((_, i) => log.isCommitted[i])));
      },
    ),
    { numRuns: 1000 },
  );
});
