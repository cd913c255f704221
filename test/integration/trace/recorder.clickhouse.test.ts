import { expect, test } from "vitest";
import { openTraceStore } from "../../../src/trace/clickhouse-store.ts";
import { Recorder } from "../../../src/trace/recorder.ts";
import type { TraceStore } from "../../../src/types/ports.ts";
import { Log } from "../../../src/util/log.ts";
import { Secret } from "../../../src/util/secret.ts";
import { ClickHouseBridge } from "../../support/clickhouse-bridge.ts";
import { CommitLists } from "../../support/commit-lists.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { ORDERS } from "../../support/trace-record.ts";
import { waitFor } from "../../support/wait-for.ts";

const EVER = { source: "src", tables: [ORDERS], sinceMs: 0 };

test("a server that goes away and comes back has every commit once", async () => {
  await using dir = await tempDir();
  await using bridge = await ClickHouseBridge.start(dir.path);
  const lake = new CommitLists();
  const open = (): Promise<TraceStore> =>
    openTraceStore({
      target: { kind: "url", url: bridge.url, user: bridge.user, password: new Secret(bridge.password) },
      now: () => Date.now(),
      timeoutMs: 500,
    });
  const recorder = new Recorder({
    ...{ source: "src", tables: [ORDERS], open, commits: lake.log, now: () => Date.now(), random: () => 0 },
    log: new Log({ level: "error", format: "text", write: () => {}, now: () => 0 }),
    ...{ delayMsMin: 5, delayMsMax: 20, lingerMs: 1 },
  });
  const stop = new AbortController();
  const run = recorder.run(stop.signal);
  lake.commit(ORDERS);
  await recorder.settled(AbortSignal.timeout(20_000));

  await bridge.pause();
  for (let i = 0; i < 5; i++) recorder.notify(ORDERS, lake.commit(ORDERS));
  await waitFor("the loss of the store", () => recorder.state().state === "away");
  expect(recorder.state()).toMatchObject({ queuedCommits: 5, lastError: { code: "TRACE_UNAVAILABLE" } });

  bridge.failNext("lose-answer", /INTO {database:Identifier}.commit \(/);
  bridge.failNext("hang", /INTO {database:Identifier}.commit_count/);
  await bridge.resume();
  await recorder.settled(AbortSignal.timeout(20_000));
  expect(recorder.state()).toMatchObject({ state: "ok", queuedCommits: 0 });
  const reader = await open();
  expect(await reader.records(EVER)).toEqual(lake.expected(ORDERS));
  await reader.close();
  stop.abort();
  await run;
});

test("stopping does not wait for a store that hangs", async () => {
  await using dir = await tempDir();
  await using bridge = await ClickHouseBridge.start(dir.path);
  const recorder = new Recorder({
    ...{ source: "src", tables: [ORDERS], now: () => Date.now(), random: () => 0 },
    commits: new CommitLists().log,
    open: () =>
      openTraceStore({
        target: { kind: "url", url: bridge.url, user: bridge.user, password: new Secret(bridge.password) },
        now: () => Date.now(),
      }),
    log: new Log({ level: "error", format: "text", write: () => {}, now: () => 0 }),
  });
  const stop = new AbortController();
  bridge.failNext("hang");
  const run = recorder.run(stop.signal);
  await waitFor("the statement that hangs", () => bridge.statements > 0);
  stop.abort();
  await run;
});
