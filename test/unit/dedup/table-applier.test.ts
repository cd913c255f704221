import { expect, test } from "vitest";
import { TableApplier } from "../../../src/dedup/table-applier.ts";
import type { Checkpoint } from "../../../src/types/checkpoint.ts";
import type { CommitInfo, CommitResult, LakeTable } from "../../../src/types/ports.ts";
import { makeBatch, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { positionAt } from "../../support/channel-chain.ts";

const identity = { source: "shop", epoch: 1 };

/** A table that remembers what it was told to commit. */
class RecordingTable {
  readonly id = SIMPLE_SCHEMA.id;
  readonly commits: number[] = [];
  checkpoint: Checkpoint;
  pendingRows = 0;

  constructor(number: number) {
    this.checkpoint = { ...identity, serverUuid: "u", position: positionAt(number) };
  }

  async discard(): Promise<void> {
    this.pendingRows = 0;
  }

  async append({ count }: { readonly count: number }): Promise<void> {
    this.pendingRows += count;
  }

  async commit({ checkpoint }: CommitInfo): Promise<CommitResult> {
    this.checkpoint = checkpoint;
    this.pendingRows = 0;
    this.commits.push(checkpoint.position.offset / 100);
    return { checkpoint } as CommitResult;
  }
}

const applierOf = (table: RecordingTable, now: () => number = () => 0): TableApplier =>
  new TableApplier({ table: table as unknown as LakeTable, identity, serverUuid: "u", now });

const reach = (number: number) => ({ position: positionAt(number), origin: null });

test("a table that stands further on than the stream keeps its checkpoint until the stream is past it", async () => {
  const table = new RecordingTable(9);
  const applier = applierOf(table);
  for (const number of [6, 8, 9]) {
    const batch = makeBatch([[{ op: "c", id: number }]], { firstGtid: number, firstSeq: number * 10 });
    await applier.offer(batch, null);
    applier.advance(reach(number), [], null);
    expect([applier.isBehind, await applier.commit()]).toEqual([false, null]);
  }
  const fresh = makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 10, firstSeq: 100 });
  await applier.offer(fresh, null);
  applier.advance(reach(10), [], null);
  expect(applier.isBehind).toBe(true);
  await applier.commit();
  expect(table.commits).toEqual([10]);
});

test("A8: a checkpoint says what was read and is only prepared, once, and moves on at its end", async () => {
  const table = new RecordingTable(9);
  const applier = applierOf(table);
  const prepared = positionAt(10).gtids.subtract(positionAt(9).gtids);
  applier.advance({ position: { ...positionAt(9), prepared }, origin: null }, [], null);
  expect(applier.isBehind).toBe(true);
  await applier.commit();
  expect([table.checkpoint.position.prepared, applier.isBehind]).toEqual([prepared, false]);
  // A stream that begins anew has not read it yet.
  applier.advance(reach(9), [], null);
  expect(applier.isBehind).toBe(false);
  applier.advance(reach(11), [], null);
  expect(applier.isBehind).toBe(true);
  await applier.commit();
  expect(table.checkpoint.position.prepared).toBeUndefined();
});

test("what waits for its commit is not taken again when the channel offers it once more, in other units", async () => {
  const table = new RecordingTable(0);
  const applier = applierOf(table);
  const offer = async (first: number, last: number): Promise<void> => {
    for (let number = first; number <= last; number++) {
      const change = [{ op: "c" as const, id: number }];
      await applier.offer(makeBatch([change], { firstGtid: number, firstSeq: number * 10 }), null);
    }
    applier.advance(reach(last), [], null);
  };
  await offer(1, 3);
  expect(table.pendingRows).toBe(3);
  // A new generation begins where the table's checkpoint is, and cuts its units elsewhere.
  await offer(1, 5);
  expect(table.pendingRows).toBe(5);
});

test("a table that is halted commits nothing any more: what it had taken is gone", async () => {
  const table = new RecordingTable(0);
  const applier = applierOf(table);
  await applier.offer(makeBatch([[{ op: "c", id: 1 }]], { firstGtid: 1, firstSeq: 1 }), null);
  applier.advance(reach(1), [], null);
  const halted = applier.halt({
    ...{ table: table.id, code: "TABLE_VALUE", message: "odd", hint: "look at it", at: positionAt(0) },
  });
  expect([applier.isBehind, await applier.commit()]).toEqual([false, null]);
  await halted;
  applier.advance(reach(2), [], null);
  expect([applier.isBehind, await applier.commit(), table.pendingRows, table.commits]).toEqual([
    false,
    null,
    0,
    [],
  ]);
});

test("what comes while a commit is under way waits from then on", async () => {
  let nowMs = 100;
  const table = new RecordingTable(0);
  const applier = applierOf(table, () => nowMs);
  const offer = (number: number): Promise<void> =>
    applier.offer(makeBatch([[{ op: "c", id: number }]], { firstGtid: number, firstSeq: number }), null);
  await offer(1);
  applier.advance(reach(1), [], null);
  expect(applier.pending).toEqual({ rows: 1, sinceMs: 100 });
  const commit = applier.commit();
  nowMs = 200;
  const offered = offer(2);
  nowMs = 900;
  await commit;
  expect(applier.lastCommitMs).toBe(900);
  nowMs = 1000;
  await offered;
  expect(applier.pending).toEqual({ rows: 1, sinceMs: 200 });
});
