import fc from "fast-check";
import { expect } from "vitest";
import type { KafkaChannel } from "../../../src/channel/kafka-channel.ts";
import type { ChangeBatch } from "../../../src/types/change-batch.ts";
import { sliceBatch } from "../../../src/types/change-batch.ts";
import { formatTableId } from "../../../src/types/table-id.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { gtid, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { batchOf } from "../../support/batch-lines.ts";
import { RECORD_SOURCE } from "../../support/batch-records.ts";
import { changesOf, CHANNEL_START, unitEnd } from "../../support/channel-reading.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../../support/kafka-channel.ts";

/* A source transaction that is written in parts: cut between the rows of one table, and between those of several. */

const LIMITS = {
  rowsMax: 4,
  bytesMax: 1 << 20,
  openMsMax: 15_000,
  holdMs: 50,
  idleMs: 60_000,
  planMs: 60_000,
};
const SCHEMAS: readonly TableSchema[] = ["a", "b", "c"].map((table) => ({
  ...SIMPLE_SCHEMA,
  id: { database: "shop", table },
}));
const FIRST_SEQ = 2000;

/** The batches of one transaction: row by row, which of the tables it is of, and behind which rows batches end. */
interface Cut {
  readonly tables: readonly number[];
  readonly ends: ReadonlySet<number>;
}

function batchesOf({ tables, ends }: Cut, form: "records"): readonly ChangeBatch[] {
  const transactions = [{ ordinal: 1, gtid: gtid(2), commitUs: 2, firstRow: 0 }];
  const given = SCHEMAS.map(() => 0);
  const batches: ChangeBatch[] = [];
  let from = 0;
  for (let to = 1; to <= tables.length; to++) {
    if (to < tables.length && !ends.has(to)) continue;
    SCHEMAS.forEach((schema, table) => {
      const lines = tables.slice(from, to).flatMap((of, i) => {
        if (of !== table) return [];
        const n = given[table] ?? 0;
        given[table] = n + 1;
        return [
          { seq: FIRST_SEQ + from + i, op: "c" as const, n, transaction: 0, row: `{"id":${n},"v":"x"}` },
        ];
      });
      if (lines.length > 0) batches.push(batchOf({ schema, transactions, form }, lines));
    });
    from = to;
  }
  return batches;
}

const cuts = fc.record({
  tables: fc.array(fc.nat(SCHEMAS.length - 1), { minLength: 1, maxLength: 40 }),
  ends: fc.uniqueArray(fc.nat(40)).map((ends) => new Set(ends)),
});

async function changesRead(channel: KafkaChannel): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const read = new Map<string, unknown[]>(SCHEMAS.map(({ id }) => [formatTableId(id), []]));
  for await (const { batches, end } of channel.reader(CHANNEL_START, new AbortController().signal)) {
    for await (const batch of batches) read.get(formatTableId(batch.schema.id))?.push(...changesOf(batch));
    if (end.position.offset === 2) break;
  }
  return read;
}

function changesWritten(batches: readonly ChangeBatch[]): ReadonlyMap<string, readonly unknown[]> {
  const written = new Map<string, unknown[]>(SCHEMAS.map(({ id }) => [formatTableId(id), []]));
  for (const batch of batches) written.get(formatTableId(batch.schema.id))?.push(...changesOf(batch));
  return written;
}

test("F190: a transaction over several tables is cut anywhere, stopped anywhere, and is whole in the end", async ({
  kafka,
}) => {
  const endpoint = endpointOf(kafka.brokers);
  const identity = { source: RECORD_SOURCE, epoch: 1 };
  const checkpoint = { ...identity, serverUuid: "server", position: CHANNEL_START };
  const tables = SCHEMAS.map((schema) => ({ schema, checkpoint }));
  await fc.assert(
    fc.asyncProperty(cuts, fc.array(fc.nat(45), { maxLength: 3 }), async (cut, stops) => {
      const channel = await kafkaChannel(endpoint, kafkajsDriver(endpoint), { limits: LIMITS, tables });
      const batches = batchesOf(cut, channel.takes);
      // Parts stay only behind a unit that is whole.
      const first = await channel.writer();
      await first.begin();
      await first.commit({ ...unitEnd(1), counts: [] });
      await first.close();
      // Each life before the last ends behind so many rows, wherever that is.
      for (const stop of stops) {
        const writer = await channel.writer();
        await writer.begin();
        let left = stop;
        for (const batch of batches) {
          if (left > 0) await writer.append(sliceBatch(batch, 0, Math.min(left, batch.count)));
          left -= batch.count;
        }
        await writer.close();
      }
      const writer = await channel.writer();
      await writer.begin();
      for (const batch of batches) await writer.append(batch);
      await writer.commit(unitEnd(2));
      expect(await changesRead(channel)).toEqual(changesWritten(batches));
      await writer.close();
      await channel.close();
    }),
    { numRuns: 25, seed: 190 },
  );
});
