import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { SnapshotRecords } from "../../../src/capture/snapshot-records.ts";
import type { KafkaChannel, KafkaChannelOptions } from "../../../src/channel/kafka-channel.ts";
import type { ChangeBatch } from "../../../src/types/change-batch.ts";
import type { SnapshotSink } from "../../../src/types/ports.ts";
import { tableKey } from "../../../src/types/table-id.ts";
import { must } from "../../../src/util/assert.ts";
import { makeBatch, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { RECORD_SOURCE, RECORD_VERSION } from "../../support/batch-records.ts";
import { changesOf, readThrough, unitEnd } from "../../support/channel-reading.ts";
import { kafkaTest } from "../../support/kafka.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../../support/kafka-channel.ts";
import { oneOf, ruleOf } from "../../support/routing.ts";
import { tempDir, type TempDir } from "../../support/temp-dir.ts";
import { topicRecords, type TopicRecord } from "../../support/topic-records.ts";

/* Rows of snapshots beside changes in one channel: who reads the topics sees both, and our own reader the changes. */

const FIRST = "20260101000000000";
const INSTANT = "20260102000000000";
const { id } = SIMPLE_SCHEMA;
const firsts = new Map([[tableKey(id), FIRST]]);
const source = { source: RECORD_SOURCE, epoch: 1, version: RECORD_VERSION };
const change = makeBatch([[{ op: "c", id: 1000, v: "later" }]], {
  firstGtid: 1,
  firstSeq: 1000,
  form: "records",
});

interface Rig extends AsyncDisposable {
  readonly open: (more?: Partial<KafkaChannelOptions>) => Promise<KafkaChannel>;
  readonly records: (topic?: string) => Promise<readonly TopicRecord[]>;
  /** What the position topic holds. */
  readonly positions: () => Promise<readonly Position[]>;
  readonly large: () => Promise<readonly string[]>;
  readonly name: string;
}

interface Position {
  readonly kind: "plan" | "unit";
  readonly id: string;
  readonly parent?: { readonly id: string } | null;
  readonly plan?: { readonly id: string };
  readonly ranges?: readonly unknown[];
  readonly snapshots?: readonly unknown[];
}

const test = kafkaTest.extend("begin", ({ kafka }) => async (): Promise<Rig> => {
  const endpoint = endpointOf(kafka.brokers);
  const name = kafka.uniqueName();
  const dir: TempDir = await tempDir();
  const largeDir = join(dir.path, "large");
  const read = async (topic: string) =>
    must(await topicRecords(endpoint, kafkajsDriver(endpoint), `${name}.${topic}`), `the topic ${topic}`);
  return {
    name,
    open: (more = {}) =>
      kafkaChannel(endpoint, kafkajsDriver(endpoint), {
        topic: `${name}.{table}`,
        positionTopic: `${name}.positions`,
        transactionalId: name,
        snapshots: firsts,
        largeDir,
        ...more,
      }),
    records: (topic = "t") => read(topic),
    positions: async () => (await read("positions")).map(({ value }) => JSON.parse(value) as Position),
    large: async () => {
      const names = (await readdir(largeDir).catch(() => [])).sort();
      return Promise.all(names.map((file) => readFile(join(largeDir, file), "utf8")));
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
});

/** Rows with the numbers from `first` on, as records. */
function rows(
  texts: readonly string[],
  { first, seq }: { readonly first: number; readonly seq: number },
): ChangeBatch {
  const pieces = texts.map((v, i) => [`{"id":${first + i}}`, JSON.stringify({ id: first + i, v })] as const);
  const ends: number[] = [];
  for (const text of pieces.flat()) ends.push((ends.at(-1) ?? 0) + Buffer.byteLength(text));
  const keyed = {
    count: texts.length,
    bytes: Buffer.from(pieces.flat().join("")),
    keyEnd: Uint32Array.from(ends.filter((_, i) => i % 2 === 0)),
    rowEnd: Uint32Array.from(ends.filter((_, i) => i % 2 === 1)),
  };
  return new SnapshotRecords(SIMPLE_SCHEMA, source, { name: INSTANT, commitUs: 5_000_000, seq }).batch(
    keyed,
    first,
  );
}

async function add(sink: SnapshotSink, texts: readonly string[], first: number): Promise<void> {
  await sink.add(rows(texts, { first, seq: sink.seq }), { instant: INSTANT, rows: first + texts.length });
}

const ids = (records: readonly TopicRecord[]): readonly string[] =>
  records.map(({ header }) => header.split(" ").at(-1) ?? "").sort();
const idsTo = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${RECORD_SOURCE}/1/snapshot:${INSTANT}#shop.t#${n}`).sort();

async function snapshotsOf(channel: KafkaChannel) {
  const writer = await channel.writer();
  return { writer, sink: must(writer.snapshots, "a sink of snapshots") };
}

test("rows stand in front of the changes, and our reader gets the changes alone", async ({ begin }) => {
  await using rig = await begin();
  const channel = await rig.open({ limits: { ...LIMITS, rowsMax: 10 } });
  const { writer, sink } = await snapshotsOf(channel);
  expect(sink.due).toEqual([{ schema: SIMPLE_SCHEMA, begun: null }]);
  for (const first of [0, 4, 8]) await add(sink, ["a", "b", "c", "d"], first);
  // Twelve are as many as a Kafka transaction may hold, and more.
  expect(ids(await rig.records())).toEqual(idsTo(12));
  await add(sink, ["a", "b", "c", "d"], 12);
  await sink.finish(id, { instant: INSTANT, rows: 16 });
  await sink.settle();
  await writer.begin();
  await writer.append(change);
  await writer.commit(unitEnd(1));
  await writer.close();

  const records = await rig.records();
  expect(ids(records)).toEqual(
    [...idsTo(16), ...ids(records.filter(({ header }) => header.startsWith("c ")))].sort(),
  );
  const one = must(
    records.find(({ key }) => key === '{"id":7}'),
    "a record",
  );
  expect(one.value).toBe(
    `{"op":"r","ts_ms":5000,"source":{"version":"${RECORD_VERSION}","connector":"mysql","name":"${RECORD_SOURCE}",` +
      `"ts_ms":5000,"ts_us":5000000,"snapshot":"true","db":"shop","table":"t","gtid":null,"row":7},"before":null,"after":{"id":7,"v":"d"}}`,
  );
  expect(await readThrough(channel, 1)).toEqual([
    { changes: [], offset: 4 },
    { changes: [], offset: 4 },
    { changes: changesOf(change), offset: 1 },
  ]);
  await channel.close();

  const positions = await rig.positions();
  const done = { instant: INSTANT, rows: 16, isDone: true, table: ["shop", "t"] };
  expect(positions.map(({ kind, ranges, snapshots }) => [kind, ranges?.length ?? snapshots])).toEqual([
    ["plan", [{ ...done, rows: 12, isDone: false }]],
    ["unit", 0],
    ["plan", [done]],
    ["unit", 0],
    ["unit", 1],
  ]);
  const units = positions.filter(({ kind }) => kind === "unit");
  expect(units.map(({ parent }) => parent?.id ?? null)).toEqual([null, units[0]?.id, units[1]?.id]);
  expect(units.map(({ plan }) => plan?.id)).toEqual([positions[0]?.id, positions[2]?.id, positions[2]?.id]);
});

test("a writer goes on behind the last row, whether the one before was closed or fenced off", async ({
  begin,
}) => {
  await using rig = await begin();
  const channel = await rig.open();
  const first = await snapshotsOf(channel);
  await add(first.sink, ["a", "b"], 0);
  await first.writer.close();
  const second = await snapshotsOf(channel);
  expect(second.sink.due).toEqual([{ schema: SIMPLE_SCHEMA, begun: { instant: INSTANT, rows: 2 } }]);
  await add(second.sink, ["c"], 2);
  // What was not settled is gone with its writer.
  const third = await snapshotsOf(channel);
  await expect(second.sink.settle()).rejects.toMatchObject({ code: "KAFKA_FENCED" });
  await second.writer.close();
  expect(third.sink.due).toEqual([{ schema: SIMPLE_SCHEMA, begun: { instant: INSTANT, rows: 2 } }]);
  await add(third.sink, ["c", "d"], 2);
  await third.sink.finish(id, { instant: INSTANT, rows: 4 });
  await third.writer.close();
  const last = await snapshotsOf(channel);
  expect(last.sink.due).toEqual([]);
  await last.writer.close();
  expect(ids(await rig.records())).toEqual(idsTo(4));
  await channel.close();
});

test("rows that are slow in coming do not let their transaction expire", async ({ begin }) => {
  await using rig = await begin();
  const channel = await rig.open({ limits: { ...LIMITS, openMsMax: 300, idleMs: 100 } });
  const { writer, sink } = await snapshotsOf(channel);
  await add(sink, ["a"], 0);
  await expect.poll(async () => ids(await rig.records()), { timeout: 10_000 }).toEqual(idsTo(1));
  await writer.close();
  await channel.close();
});

test("rows go by the rules in force, and a large one by a file", async ({ begin }) => {
  await using rig = await begin();
  const topics = {
    partitions: 3,
    replication: 1,
    retentionMs: 3_600_000,
    minInSync: 1,
    messageBytes: 20_000,
  };
  const routing = [ruleOf("shop.t", { v: oneOf("paid") }, `${rig.name}.paid`)];
  const channel = await rig.open({ topics, routing });
  const { writer, sink } = await snapshotsOf(channel);
  const large = "x".repeat(50_000);
  await add(sink, ["new", "paid", large, "paid"], 0);
  await writer.close();
  await channel.close();
  expect((await rig.records("paid")).map(({ key }) => key).sort()).toEqual(['{"id":1}', '{"id":3}']);
  const others = await rig.records();
  expect(others.map(({ key }) => key).sort()).toEqual(['{"id":0}', '{"id":2}']);
  const stub = others.find(({ key }) => key === '{"id":2}')?.value ?? "";
  expect(stub).toMatch(
    /^\{"op":"r",.*"snapshot":"true".*"large":\{"file":"[0-9a-f]{64}\.json",.*"before":null,"after":null\}$/,
  );
  expect(await rig.large()).toEqual([expect.stringContaining(`"after":{"id":2,"v":"${large}"}`)]);
});

test("where nobody asks for snapshots, nothing is due and the plan says nothing of them", async ({
  begin,
}) => {
  await using rig = await begin();
  const channel = await rig.open({ snapshots: null });
  const { writer, sink } = await snapshotsOf(channel);
  expect(sink.due).toEqual([]);
  await writer.begin();
  await writer.append(change);
  await writer.commit(unitEnd(1));
  await writer.close();
  await channel.close();
  const [plan] = await rig.positions();
  expect(plan).toMatchObject({ kind: "plan" });
  expect(plan).not.toHaveProperty("snapshots");
});

const LIMITS = {
  rowsMax: 400,
  bytesMax: 1 << 20,
  openMsMax: 15_000,
  holdMs: 200,
  idleMs: 60_000,
  planMs: 60_000,
};
