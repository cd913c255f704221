import { expect, test } from "vitest";
import { CountLedger } from "../../../src/dedup/count-ledger.ts";
import { countLakeRows } from "../../../src/lake/lake-arm.ts";
import { TableReader } from "../../../src/lake/table-reader.ts";
import { openTraceStore } from "../../../src/trace/clickhouse-store.ts";
import { reconcileTable, type TableInput } from "../../../src/trace/reconcile.ts";
import { Recorder } from "../../../src/trace/recorder.ts";
import { countBatch } from "../../../src/types/batch-count.ts";
import { sliceBatch, type ChangeBatch } from "../../../src/types/change-batch.ts";
import { DigestSum, snapshotTransactionId, transactionLanes } from "../../../src/types/event-hash.ts";
import { GtidSet } from "../../../src/types/gtid.ts";
import type { HopCount } from "../../../src/types/hop-count.ts";
import type { CommitInfo, TraceRecord } from "../../../src/types/ports.ts";
import { ChangeWriter, type RowChange } from "../../support/change-writer.ts";
import { commitInfo, IDENTITY, QUIET, READ_AT_MS, testLake, type TestLake } from "../../support/lake.ts";
import { INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SCHEMA = lakeSchema(
  [
    ["id", INT],
    ["v", VARCHAR],
  ],
  ["id"],
);

const row = (id: number, v: string): readonly string[] => [String(id), JSON.stringify(v)];
const put = (op: "c" | "u" | "d", id: number, v = "x"): RowChange => ({ op, row: row(id, v) });

/** What of a counted batch reaches the lake: all of it, unless a test loses something. */
type Take = (batch: ChangeBatch) => ChangeBatch;

/** One table through its first commit, two more and one without changes, with what the source had. */
async function history(lake: TestLake, take: Take): Promise<readonly TraceRecord[]> {
  const table = await lake.open(SCHEMA);
  const writer = new ChangeWriter(SCHEMA, { gtid: 10 });
  const source: TraceRecord[] = [];
  const snapshotFrom = GtidSet.parse(writer.gtids);
  let fromGtids = snapshotFrom.toString();
  let ledger = new CountLedger(IDENTITY);

  const capture = async (batch: ChangeBatch): Promise<void> => {
    ledger.captured(countBatch(batch, { identity: IDENTITY, hop: "capture", class: null, content: true }));
    ledger.fresh(batch);
    await table.append(take(batch));
    const counts = countBatch(batch, { identity: IDENTITY, hop: "source", class: null, content: false });
    const commit = "arm";
    source.push({
      ...{ source: "shop", table: SCHEMA.id, commit, committedAtMs: 0, fromGtids },
      ...{ toGtids: writer.gtids, snapshotGtids: null, counts },
    });
    fromGtids = writer.gtids;
  };
  const takeInfo = (): CommitInfo => {
    const info = { ...commitInfo(writer), counts: ledger.counts() };
    ledger = new CountLedger(IDENTITY);
    return info;
  };

  const rows = Array.from({ length: 50 }, (_, i) => row(i, "snapshot"));
  const chunk = await lake.stage(table, SCHEMA, { index: 0, rows });
  await capture(writer.batch([[put("u", 1), put("d", 2)], [put("c", 100)], [put("u", 1, "again")]]));
  const { counts, ...first } = takeInfo();
  await table.load(SCHEMA, [chunk], {
    ...first,
    counts: [readRows(rows.length), ...counts],
    snapshotFrom,
  });

  const second = writer.batch([
    [put("c", 200), put("u", 3), { op: "move", from: row(4, "x"), row: row(400, "moved") }],
    [put("d", 999), put("d", 200)],
  ]);
  await capture(second);
  await table.commit(takeInfo());

  // The second batch is read again after a restart, and its transactions are in the table.
  ledger.captured(countBatch(second, { identity: IDENTITY, hop: "capture", class: null, content: true }));
  ledger.duplicate(second);
  await capture(writer.batch([[put("u", 400, "later"), put("c", 2), put("d", 5)]]));
  await table.commit(takeInfo());
  writer.gtidNumber += 7;
  await table.commit(takeInfo());
  await table.close();
  return source;
}

function readRows(count: number): HopCount {
  const sum = new DigestSum();
  sum.addEach(Array(count).keys(), "r", transactionLanes(snapshotTransactionId(0), SCHEMA.id));
  return {
    ...{ hop: "capture", class: "r", minute: Math.floor(READ_AT_MS / 60_000) },
    ...{ rows: sum.rows, ids: sum.ids, content: null },
  };
}

/** Through the recorder and ClickHouse, with both arms. */
async function recorded(lake: TestLake, source: readonly TraceRecord[]): Promise<TableInput> {
  await using dir = await tempDir();
  const open = () => openTraceStore({ target: { kind: "path", path: dir.path }, now: () => Date.now() });
  const reader = new TableReader(lake.lakeDir, SCHEMA.id);
  const recorder = new Recorder({
    ...{ source: "shop", tables: [SCHEMA.id], open, log: QUIET },
    ...{ commits: (_table, after) => reader.commits(after), now: Date.now, random: () => 0 },
  });
  const stop = new AbortController();
  const run = recorder.run(stop.signal);
  await recorder.settled(AbortSignal.timeout(20_000));
  stop.abort();
  await run;
  const store = await open();
  const window = { sinceMs: 0 };
  const records = await store.records({ source: "shop", tables: [SCHEMA.id], ...window });
  await store.close();
  const inLake: TraceRecord[] = [];
  for (const record of records) {
    const arm = await countLakeRows(lake.db, reader, record.commit);
    if (arm.state === "available") inLake.push({ ...record, counts: arm.counts });
  }
  return {
    ...{ table: SCHEMA.id, records },
    source: { state: "available", records: source },
    lake: { state: "available", records: inLake },
  };
}

test("what the real stages count balances, in every equation", async () => {
  await using lake = await testLake();
  const input = await recorded(lake, await history(lake, (batch) => batch));
  const { verdict, windows } = reconcileTable(input, { windowMs: null });
  expect(windows.flatMap((window) => window.findings)).toEqual([]);
  expect(verdict).toBe("match");
  expect(windows[0]?.equations.map(({ name, checked, unchecked }) => [name, checked, unchecked])).toEqual([
    ["positions join", 3, 1],
    ["source = capture", 3, 1],
    ["capture = consume", 4, 0],
    ["consume = dedup", 4, 0],
    ["dedup = apply", 4, 0],
    ["apply = commit", 4, 0],
    ["commit = rows written", 4, 0],
    ["rows join", 4, 0],
    ["rows add up", 4, 0],
    ["commit = lake", 4, 0],
    // Of the newest commit alone all files are sure to be there.
    ["rows = lake", 1, 3],
  ]);
});

test("a change that is counted and does not reach the lake is missed at apply", async () => {
  await using lake = await testLake();
  // Of the second batch, the only one with so many changes.
  const loseOne: Take = (batch) => (batch.count < 5 ? batch : sliceBatch(batch, 0, batch.count - 1));
  const input = await recorded(lake, await history(lake, loseOne));
  const { verdict, windows } = reconcileTable(input, { windowMs: null });
  expect(verdict).toBe("missing");
  expect(windows.flatMap((window) => window.findings.map(({ result }) => [result.name, result.hop]))).toEqual(
    [["dedup = apply", "apply"]],
  );
});
