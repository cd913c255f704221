import type { Channel, Delivery } from "../../src/types/ports.ts";
import type { ChangeBatch } from "../../src/types/change-batch.ts";
import { GtidSet } from "../../src/types/gtid.ts";
import type { CapturePosition } from "../../src/types/ports.ts";
import type { SourcePosition } from "../../src/types/source-position.ts";
import { gtid } from "./batch.ts";
import { linesOf } from "./batch-lines.ts";

export const CHANNEL_START: SourcePosition = {
  gtids: GtidSet.empty,
  file: "binlog.000001",
  offset: 4,
  seq: 0,
  last: null,
};

/** The end of a unit behind transaction `number`; its place in the binlog is that number. */
export const unitEnd = (number: number): CapturePosition => ({
  kind: "position",
  position: {
    ...CHANNEL_START,
    gtids: GtidSet.parse(`${gtid(1).replace(/1$/, "")}1-${number}`),
    offset: number,
    seq: number * 1000 + 999,
  },
  commitUs: number,
  transactions: 1,
  stops: [],
  counts: [],
});

export interface SeenUnit {
  readonly changes: readonly unknown[];
  readonly offset: number;
}

/** What a channel must hand over as it was, whatever form the rows have. */
export const changesOf = (batch: ChangeBatch): readonly unknown[] =>
  linesOf(batch).map(({ seq, op, n, transaction, row }) => {
    const { gtid: id, commitUs } = batch.transactions[transaction] ?? { gtid: "", commitUs: 0 };
    return { seq, op, n, gtid: id, commitUs, row: JSON.parse(row) as unknown };
  });

export async function seeUnit(delivery: Delivery): Promise<SeenUnit> {
  const changes: unknown[] = [];
  for await (const batch of delivery.batches) changes.push(...changesOf(batch));
  return { changes, offset: delivery.end.position.offset };
}

/** All deliveries up to the one that ends there. */
export async function readThrough(channel: Channel, offset: number): Promise<SeenUnit[]> {
  const seen: SeenUnit[] = [];
  const stop = new AbortController();
  for await (const delivery of channel.reader(CHANNEL_START, stop.signal)) {
    seen.push(await seeUnit(delivery));
    if (delivery.end.position.offset === offset) break;
  }
  stop.abort();
  return seen;
}
