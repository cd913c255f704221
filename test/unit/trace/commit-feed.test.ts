import { expect, test } from "vitest";
import { CommitFeed } from "../../../src/trace/commit-feed.ts";
import { must } from "../../../src/util/assert.ts";
import { CommitLists } from "../../support/commit-lists.ts";
import { MemoryTraceStore, traceMemory } from "../../support/memory-trace-store.ts";
import { ORDERS } from "../../support/trace-record.ts";

async function feedWithOneRecorded() {
  const lake = new CommitLists();
  const store = new MemoryTraceStore(traceMemory());
  await store.migrate();
  const feed = new CommitFeed(ORDERS, { source: "src", commits: lake.log });
  feed.announce(lake.commit(ORDERS));
  const [record] = await feed.pending(store);
  await store.record([must(record, "the record of the first commit")]);
  feed.advance(must(record, "the record of the first commit"), undefined);
  expect(feed.queued).toBe(0);
  return { lake, store, feed };
}

test("a commit that is announced late, or twice, counts once", async () => {
  const { lake, store, feed } = await feedWithOneRecorded();
  const second = lake.commit(ORDERS);
  feed.announce(second);
  const third = lake.commit(ORDERS);
  // The listing has the third one before anybody has told of it.
  await feed.pending(store);
  expect(feed.queued).toBe(2);
  feed.announce(third);
  feed.announce(second);
  feed.invalidate();
  expect(feed.queued).toBe(2);
});

test("of two commits that are announced while the timeline is read, the one that was read counts once", async () => {
  const { lake, store, feed } = await feedWithOneRecorded();
  const second = lake.commit(ORDERS);
  const listing = feed.pending(store);
  feed.announce(second);
  const third = lake.commit(ORDERS);
  feed.announce(third);
  expect((await listing).map(({ commit }) => commit)).toEqual([second]);
  expect(feed.queued).toBe(2);
  expect(feed.oldestQueuedAtMs).toBe(lake.expected(ORDERS)[1]?.committedAtMs);
  expect((await feed.pending(store)).map(({ commit }) => commit)).toEqual([second, third]);
  expect(feed.queued).toBe(2);
});

test("a commit that renews the table begins at no position, and the next one where it ends", async () => {
  const { lake, store, feed } = await feedWithOneRecorded();
  lake.commit(ORDERS);
  lake.commit(ORDERS, { renews: true });
  lake.commit(ORDERS);
  const records = await feed.pending(store);
  expect(records).toEqual(lake.expected(ORDERS).slice(1));
  expect(records.map(({ fromGtids }) => fromGtids === "")).toEqual([false, true, false]);
});
