import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { Recorder, type RecorderOptions } from "../../../src/trace/recorder.ts";
import type { TraceRecord } from "../../../src/types/ports.ts";
import type { TableId } from "../../../src/types/table-id.ts";
import { InvariantError } from "../../../src/util/assert.ts";
import { Log } from "../../../src/util/log.ts";
import { CommitLists } from "../../support/commit-lists.ts";
import { MemoryTraceStore, traceMemory, type StoreFault } from "../../support/memory-trace-store.ts";
import { ORDERS } from "../../support/trace-record.ts";
import { waitFor } from "../../support/wait-for.ts";

const ITEM: TableId = { database: "shop", table: "item" };
const EVER = { source: "src", sinceMs: 0 };
const soon = (): AbortSignal => AbortSignal.timeout(5000);

class Bench {
  readonly lake = new CommitLists();
  readonly memory = traceMemory();
  readonly lines: string[] = [];
  readonly faults: StoreFault[] = [];
  isAway = false;

  recorder(partial: Partial<RecorderOptions> = {}): Recorder {
    return new Recorder({
      source: "src",
      tables: [ORDERS, ITEM],
      open: async () =>
        new MemoryTraceStore(this.memory, () => (this.isAway ? "before" : (this.faults.shift() ?? null))),
      commits: this.lake.log,
      log: new Log({ level: "info", format: "text", write: (line) => this.lines.push(line), now: () => 0 }),
      now: () => Date.UTC(2026, 10, 21, 10, 0, 0),
      random: () => 0,
      delayMsMin: 1,
      delayMsMax: 2,
      lingerMs: 0,
      ...partial,
    });
  }

  async recorded(table: TableId): Promise<readonly TraceRecord[]> {
    return await new MemoryTraceStore(this.memory).records({ ...EVER, tables: [table] });
  }

  /** Runs a recorder for the length of the test. */
  running(partial: Partial<RecorderOptions> = {}): Recorder {
    const recorder = this.recorder(partial);
    const stop = new AbortController();
    const run = recorder.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await run;
    });
    return recorder;
  }
}

describe("Recorder", () => {
  test("records what was committed before it started, and then what it is told of", async () => {
    const bench = new Bench();
    for (let i = 0; i < 450; i++) bench.lake.commit(ORDERS);
    bench.lake.commit(ITEM);
    const recorder = bench.running();
    expect(recorder.state()).toEqual({
      state: "unknown",
      queuedCommits: null,
      oldestQueuedMs: null,
      lastError: null,
    });
    await recorder.settled(soon());
    expect(await bench.recorded(ORDERS)).toEqual(bench.lake.expected(ORDERS));
    for (let i = 0; i < 3; i++) recorder.notify(ITEM, bench.lake.commit(ITEM));
    await recorder.settled(soon());
    expect(await bench.recorded(ITEM)).toEqual(bench.lake.expected(ITEM));
    expect(recorder.state()).toEqual({
      state: "ok",
      queuedCommits: 0,
      oldestQueuedMs: null,
      lastError: null,
    });
    expect(bench.lines).toEqual([]);
  });

  test("whoever waits for it does not wait until more commits have gathered", async () => {
    const bench = new Bench();
    const recorder = bench.running({ lingerMs: 3_600_000 });
    await recorder.settled(soon());
    recorder.notify(ORDERS, bench.lake.commit(ORDERS));
    // The recorder is at its hour of rest by the time that somebody asks.
    await new Promise(setImmediate);
    await recorder.settled(soon());
    expect(await bench.recorded(ORDERS)).toHaveLength(1);
  });

  test("a table that was not named at the start is recorded from its first commit", async () => {
    const bench = new Bench();
    bench.lake.commit(ORDERS);
    const recorder = bench.running({ tables: [] });
    await recorder.settled(soon());
    recorder.notify(ORDERS, bench.lake.commit(ORDERS));
    await recorder.settled(soon());
    expect(await bench.recorded(ORDERS)).toEqual(bench.lake.expected(ORDERS));
  });

  test("while the store is away it counts, waits and says so, and loses nothing", async () => {
    const bench = new Bench();
    const recorder = bench.running();
    await recorder.settled(soon());
    bench.isAway = true;
    const first = bench.lake.commit(ORDERS);
    recorder.notify(ORDERS, first);
    await waitFor("the failure", () => recorder.state().state === "away");
    for (let i = 0; i < 9; i++) recorder.notify(ITEM, bench.lake.commit(ITEM));
    expect(recorder.state()).toEqual({
      state: "away",
      queuedCommits: 10,
      oldestQueuedMs: Date.UTC(2026, 10, 21, 10, 0, 1),
      lastError: {
        code: "TRACE_UNAVAILABLE",
        message: "the store is away",
        hint: "wait",
        atMs: Date.UTC(2026, 10, 21, 10, 0, 0),
      },
    });
    await expect(recorder.settled(AbortSignal.timeout(5))).rejects.toMatchObject({ name: "StopError" });
    bench.isAway = false;
    await recorder.settled(soon());
    expect(await bench.recorded(ORDERS)).toEqual(bench.lake.expected(ORDERS));
    expect(await bench.recorded(ITEM)).toEqual(bench.lake.expected(ITEM));
    expect(recorder.state()).toMatchObject({ state: "ok", queuedCommits: 0, oldestQueuedMs: null });
    expect(bench.lines[0]).toContain("WARN  counts cannot be recorded now; they wait in the commits");
    expect(bench.lines.at(-1)).toContain("INFO  counts are recorded again");
  });

  test("a commit that is announced while the lake is being listed is not forgotten", async () => {
    const bench = new Bench();
    let racing = 3;
    const recorder = bench.running({
      commits: async (table, after) => {
        const listed = await bench.lake.log(table, after);
        if (racing-- > 0) recorder.notify(table, bench.lake.commit(table));
        return listed;
      },
    });
    await recorder.settled(soon());
    expect(recorder.state().queuedCommits).toBe(0);
    for (const table of [ORDERS, ITEM]) {
      expect(await bench.recorded(table)).toEqual(bench.lake.expected(table));
    }
  });

  test("a store that comes back empty is filled again", async () => {
    const bench = new Bench();
    const recorder = bench.running();
    recorder.notify(ORDERS, bench.lake.commit(ORDERS));
    await recorder.settled(soon());
    bench.memory.records.clear();
    bench.memory.isMigrated = false;
    recorder.notify(ORDERS, bench.lake.commit(ORDERS));
    await recorder.settled(soon());
    expect(await bench.recorded(ORDERS)).toEqual(bench.lake.expected(ORDERS));
  });

  test("a lake restored from an older copy goes on from what the copy has", async () => {
    const bench = new Bench();
    for (let i = 0; i < 4; i++) bench.lake.commit(ORDERS);
    const old = bench.lake.expected(ORDERS);
    const before = bench.recorder();
    const stop = new AbortController();
    const run = before.run(stop.signal);
    await before.settled(soon());
    stop.abort();
    await run;
    bench.lake.forget(ORDERS, 2);
    bench.lake.commit(ORDERS);
    await bench.running().settled(soon());
    expect(await bench.recorded(ORDERS)).toEqual([...old, bench.lake.expected(ORDERS).at(-1)]);
    expect(bench.lake.expected(ORDERS).at(-1)?.fromGtids).toBe(old[1]?.toGtids);
  });

  test("without a store it is off and says so", async () => {
    const bench = new Bench();
    const recorder = bench.running({ open: null });
    recorder.notify(ORDERS, bench.lake.commit(ORDERS));
    await recorder.settled(soon());
    expect(recorder.state()).toEqual({
      state: "off",
      queuedCommits: null,
      oldestQueuedMs: null,
      lastError: null,
    });
    expect(bench.lines).toEqual([
      "1970-01-01T00:00:00.000Z INFO  no trace store is configured: counts stay in the commits of the lake\n",
    ]);
  });

  test("a defect ends it, and whoever waits", async () => {
    const bench = new Bench();
    const recorder = bench.recorder({
      commits: async () => {
        throw new InvariantError("a defect");
      },
    });
    const waiting = expect(recorder.settled(soon())).rejects.toThrow("the recorder has stopped");
    await expect(recorder.run(new AbortController().signal)).rejects.toThrow(InvariantError);
    await waiting;
  });

  // Crashes are runs that end at any call of the store, which has or has not done what it was asked for.
  const fault = fc.constantFrom<StoreFault>(null, null, null, "before", "after");
  const action = fc.oneof(
    fc.record({ kind: fc.constant("commit" as const), table: fc.constantFrom(ORDERS, ITEM) }),
    fc.record({ kind: fc.constant("silent" as const), table: fc.constantFrom(ORDERS, ITEM) }),
    fc.record({ kind: fc.constant("crash" as const) }),
    fc.record({ kind: fc.constant("pause" as const) }),
  );

  test("whatever fails and whenever it is killed, each commit is recorded once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 25 }),
        fc.array(fault, { maxLength: 30 }),
        async (actions, faults) => {
          const bench = new Bench();
          bench.faults.push(...faults);
          const start = (): { recorder: Recorder; end: () => Promise<void> } => {
            const recorder = bench.recorder({ delayMsMin: 0, delayMsMax: 0 });
            const stop = new AbortController();
            const run = recorder.run(stop.signal);
            return {
              recorder,
              end: async () => {
                stop.abort();
                await run;
              },
            };
          };
          let running = start();
          for (const next of actions) {
            if (next.kind === "pause") await new Promise((resolve) => setImmediate(resolve));
            if (next.kind === "commit") running.recorder.notify(next.table, bench.lake.commit(next.table));
            if (next.kind === "silent") bench.lake.commit(next.table);
            if (next.kind === "crash") {
              await running.end();
              running = start();
            }
          }
          await running.end();
          running = start();
          await running.recorder.settled(soon());
          expect(running.recorder.state().queuedCommits).toBe(0);
          await running.end();
          for (const table of [ORDERS, ITEM]) {
            expect(await bench.recorded(table)).toEqual(bench.lake.expected(table));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
