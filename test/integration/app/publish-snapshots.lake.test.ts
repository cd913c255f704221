import { join } from "node:path";
import { expect, test } from "vitest";
import { publishSnapshots, type PublishContext } from "../../../src/app/publish-snapshots.ts";
import type { LakeTable, SnapshotProgress, SnapshotSink } from "../../../src/types/ports.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { isSyncError, syncError } from "../../../src/types/errors.ts";
import { StopError } from "../../../src/util/abort.ts";
import { Log } from "../../../src/util/log.ts";
import { headersOf, recordsOf } from "../../support/batch-records.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { parseConfigText } from "../../support/config-text.ts";
import { commitInfo, testLake, type TestLake } from "../../support/lake.ts";
import { INT, lakeSchema, VARCHAR } from "../../support/lake-schemas.ts";

/* Publishing from a lake that changes meanwhile, into a sink that writes down what it gets. */

const ROWS = 12;
const SCHEMA = lakeSchema(
  [
    ["id", INT],
    ["v", VARCHAR],
  ],
  ["id"],
);

interface Prepared {
  readonly table: LakeTable;
  readonly instant: string;
  /** Changes all rows, and the files with them. */
  readonly rewrite: (v: string) => Promise<string>;
}

/** A table of several files. */
async function prepared(lake: TestLake, schema: TableSchema = SCHEMA): Promise<Prepared> {
  const table = await lake.open(schema, { buckets: 4 });
  const writer = new ChangeWriter(schema);
  const all = (op: "c" | "u", v: string) =>
    writer.batch([Array.from({ length: ROWS }, (_, id) => ({ op, row: [String(id), JSON.stringify(v)] }))]);
  await table.append(all("c", "first"));
  const { instant } = await table.load(schema, [], commitInfo(writer));
  return {
    table,
    instant,
    rewrite: async (v) => {
      await table.append(all("u", v));
      return (await table.commit(commitInfo(writer))).instant;
    },
  };
}

class WrittenSink implements SnapshotSink {
  readonly due: SnapshotSink["due"];
  readonly seq = 7;
  readonly events: string[] = [];
  readonly rows: string[] = [];
  readonly progress: SnapshotProgress[] = [];
  readonly #onAdd: (nth: number) => Promise<void>;

  constructor(
    begun: SnapshotProgress | null,
    onAdd: (nth: number) => Promise<void> = async () => undefined,
    schema: TableSchema = SCHEMA,
  ) {
    this.due = [{ schema, begun }];
    this.#onAdd = onAdd;
  }

  async add(...[batch, reached]: Parameters<SnapshotSink["add"]>): Promise<void> {
    this.events.push(...headersOf(batch).map((header) => header.split(" ").at(-1) ?? ""));
    this.rows.push(...recordsOf(batch).map(({ value }) => /"v":"([^"]*)"/.exec(value)?.[1] ?? ""));
    this.progress.push(reached);
    await this.#onAdd(this.progress.length);
  }

  async finish(...[table, reached]: Parameters<SnapshotSink["finish"]>): Promise<void> {
    this.progress.push(reached);
    this.events.push(`finished ${table.table}`);
  }

  async settle(): Promise<void> {
    this.events.push("settled");
  }
}

function contextOf(lake: TestLake, signal = new AbortController().signal) {
  const lines: string[] = [];
  const log = new Log({ level: "info", format: "json", write: (line) => lines.push(line), now: () => 0 });
  const config = parseConfigText(
    'source: {url: "mysql://u@db:3306", name: shop}\ntables: ["shop.*"]\nlake: ./lake\n',
    {
      file: join(lake.dir, "tallylake.yaml"),
    },
  );
  const context: PublishContext = { config, log, signal, now: () => performance.now() };
  const told = () =>
    lines.map((line) => JSON.parse(line) as { level: string; message: string; rows?: number });
  return { context, told };
}

const ids = (instant: string, from = 0): readonly string[] =>
  Array.from({ length: ROWS - from }, (_, i) => `shop/1/snapshot:${instant}#shop.t#${from + i}`);

test("all rows of the newest commit, in order; and from a row on, those behind it", async () => {
  await using lake = await testLake();
  const { table, rewrite } = await prepared(lake);
  const instant = await rewrite("second");
  await table.close();
  const { context, told } = contextOf(lake);
  const whole = new WrittenSink(null);
  await publishSnapshots(whole, context);
  expect(whole.events).toEqual([...ids(instant), "finished t", "settled"]);
  expect(new Set(whole.rows)).toEqual(new Set(["second"]));
  expect(whole.progress.length).toBeGreaterThan(3);
  expect(whole.progress.at(-1)).toEqual({ instant, rows: ROWS });
  expect(told().map(({ message, rows }) => `${message}: ${rows ?? ""}`)).toEqual([
    `publishing the rows of a table: ${ROWS}`,
    `the rows of a table are published: ${ROWS}`,
  ]);
  for (const rows of [1, 5, ROWS - 1, ROWS]) {
    const rest = new WrittenSink({ instant, rows });
    await publishSnapshots(rest, context);
    expect(rest.events).toEqual([...ids(instant, rows), "finished t", "settled"]);
  }
});

test("the commit that was begun with is gone on with, though there is a newer one", async () => {
  await using lake = await testLake();
  const { table, instant, rewrite } = await prepared(lake);
  await rewrite("second");
  await table.close();
  const sink = new WrittenSink({ instant, rows: 5 });
  await publishSnapshots(sink, contextOf(lake).context);
  expect(sink.events).toEqual([...ids(instant, 5), "finished t", "settled"]);
  expect(new Set(sink.rows)).toEqual(new Set(["first"]));
});

test("files that are cleaned away before a restart, or meanwhile, make the table begin anew", async () => {
  await using lake = await testLake();
  const { table, instant, rewrite } = await prepared(lake);
  const clean = async (): Promise<string> => {
    let newest = "";
    for (const v of ["second", "third", "fourth"]) newest = await rewrite(v);
    expect((await table.clean(Date.now() + 3_600_000)).filesRemoved).toBeGreaterThan(0);
    return newest;
  };
  let newest = "";
  const meanwhile = new WrittenSink(null, async (nth) => {
    if (nth === 1) newest = await clean();
  });
  const { context, told } = contextOf(lake);
  await publishSnapshots(meanwhile, context);
  const first = meanwhile.progress[0]?.rows ?? 0;
  expect(first).toBeGreaterThan(0);
  expect(meanwhile.events).toEqual([
    ...ids(instant).slice(0, first),
    ...ids(newest),
    "finished t",
    "settled",
  ]);
  expect(
    told()
      .filter(({ level }) => level === "warn")
      .map(({ message }) => message),
  ).toEqual(["the rows of a table are published anew: files of its commit were cleaned away"]);

  await clean();
  const later = await clean();
  const restarted = new WrittenSink({ instant: newest, rows: 5 });
  await publishSnapshots(restarted, context);
  expect(restarted.events).toEqual([...ids(later), "finished t", "settled"]);
  await table.close();
});

test("a stop comes through between two pieces, and what it cost is none of ours to settle", async () => {
  await using lake = await testLake();
  const { table } = await prepared(lake);
  await table.close();
  const stop = new AbortController();
  const sink = new WrittenSink(null, async () => {
    stop.abort();
  });
  await expect(publishSnapshots(sink, contextOf(lake, stop.signal).context)).rejects.toThrow(StopError);
  expect(sink.progress).toHaveLength(1);
  expect(sink.events).not.toContain("settled");
});

test("an error of Kafka, and a table with other columns, end it", async () => {
  await using lake = await testLake();
  const { table } = await prepared(lake);
  await table.close();
  const { context } = contextOf(lake);
  const away = syncError("KAFKA_UNREACHABLE", "away", { hint: "wait" });
  const failing = new WrittenSink(null, () => Promise.reject(away));
  await expect(publishSnapshots(failing, context)).rejects.toBe(away);

  const changed = new WrittenSink(null, undefined, { ...SCHEMA, version: "another" });
  const error: unknown = await publishSnapshots(changed, context).catch((reason: unknown) => reason);
  expect(isSyncError(error, "TABLE_SCHEMA_CHANGED")).toBe(true);
  expect(changed.events).toEqual([]);
});
