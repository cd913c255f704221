import { expect } from "vitest";
import type { KafkaChannel, KafkaChannelOptions } from "../../../src/channel/kafka-channel.ts";
import type { RoutingRule } from "../../../src/channel/kafka/routing/rule.ts";
import type { ChangeBatch } from "../../../src/types/change-batch.ts";
import type { ChannelWriter } from "../../../src/types/ports.ts";
import type { TableSchema } from "../../../src/types/table-schema.ts";
import { Log } from "../../../src/util/log.ts";
import { must } from "../../../src/util/assert.ts";
import { RECORD_SOURCE } from "../../support/batch-records.ts";
import { CHANNEL_START, changesOf, readThrough, unitEnd } from "../../support/channel-reading.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../../support/kafka-channel.ts";
import { kafkaTest } from "../../support/kafka.ts";
import { routedBatch, type RowChange } from "../../support/routed-batch.ts";
import { column, INT, oneOf, ruleOf, tableOf, VARCHAR } from "../../support/routing.ts";
import { topicHeaders } from "../../support/topic-records.ts";

/* Changes go to the topics that rules name, and come back out of the channel as they were. */

const ORDERS = tableOf("orders", [column("id", INT), column("status", VARCHAR), column("note", VARCHAR)]);
const ITEMS = tableOf("items", [column("id", INT), column("region", VARCHAR)]);
const identity = { source: RECORD_SOURCE, epoch: 1 };
const tables = [ORDERS, ITEMS].map((schema) => ({
  schema,
  checkpoint: { ...identity, serverUuid: "server", position: CHANNEL_START },
}));

interface Rig {
  /** A channel of the same topics; they are one pipeline. */
  readonly open: (
    routing: readonly RoutingRule[],
    more?: Partial<KafkaChannelOptions>,
  ) => Promise<KafkaChannel>;
  /** Transactions with changes in a topic of the rig, in order of `seq`; null when there is no such topic. */
  readonly seqs: (topic: string) => Promise<readonly number[] | null>;
  readonly rule: (...rule: Parameters<typeof ruleOf>) => RoutingRule;
  readonly log: string[];
}

const test = kafkaTest.extend("begin", ({ kafka }) => async (): Promise<Rig> => {
  const endpoint = endpointOf(kafka.brokers);
  const name = kafka.uniqueName();
  const log: string[] = [];
  const own = {
    topic: `${name}.{table}`,
    positionTopic: `${name}.positions`,
    transactionalId: name,
    tables,
    log: new Log({ level: "info", format: "text", write: (line) => void log.push(line), now: () => 0 }),
  };
  return {
    log,
    open: (routing, more = {}) =>
      kafkaChannel(endpoint, kafkajsDriver(endpoint), { ...own, routing, ...more }),
    rule: (table, where, topic) => ruleOf(table, where, `${name}.${topic}`),
    seqs: async (topic) => {
      const headers = await topicHeaders(endpoint, kafkajsDriver(endpoint), `${name}.${topic}`);
      return headers?.map((header) => Number(header.split(" ")[1])).sort((a, b) => a - b) ?? null;
    },
  };
});

/** An order; its `seq` is a thousand times its transaction's number and its place there. */
const order = (id: number, status: string, more: Partial<RowChange> = {}): RowChange => ({
  op: "c",
  gtid: 1,
  row: { id, status, note: '","status":"paid' },
  ...more,
});

const batchOf = (schema: TableSchema, number: number, changes: readonly RowChange[], from = 1): ChangeBatch =>
  routedBatch(
    schema,
    changes.map((change) => ({ ...change, gtid: number })),
    number * 1000 + from,
  );

async function write(
  writer: ChannelWriter,
  number: number,
  ...batches: readonly ChangeBatch[]
): Promise<void> {
  await writer.begin();
  for (const batch of batches) await writer.append(batch);
  await writer.commit(unitEnd(number));
}

const bySeq = (changes: readonly unknown[]): readonly unknown[] =>
  [...(changes as readonly { readonly seq: number }[])].sort((a, b) => a.seq - b.seq);

/** All changes up to there, in the order of the binlog. */
async function read(channel: KafkaChannel, offset: number): Promise<readonly unknown[]> {
  return bySeq((await readThrough(channel, offset)).flatMap(({ changes }) => changes));
}

const allOf = (...batches: readonly ChangeBatch[]): readonly unknown[] => bySeq(batches.flatMap(changesOf));

test("a table in several topics and several tables in one come back exact, in the order of the binlog", async ({
  begin,
}) => {
  const { open, rule, seqs } = await begin();
  const channel = await open([
    rule("shop.orders", { status: oneOf("paid") }, "paid"),
    rule("shop.*", { id: oneOf(7) }, "sevens"),
    rule("shop.items", {}, "items-{column:region}"),
  ]);
  const first = batchOf(ORDERS, 1, [
    order(1, "new"),
    order(2, "paid"),
    order(7, "new"),
    order(1, "paid", { op: "u", before: { id: 1, status: "new", note: "" } }),
    order(7, "new", { op: "d" }),
    order(2, "paid", { op: "d" }),
  ]);
  const second = batchOf(
    ITEMS,
    1,
    [
      { op: "c", gtid: 1, row: { id: 7, region: "eu" } },
      { op: "c", gtid: 1, row: { id: 8, region: "eu" } },
      { op: "c", gtid: 1, row: { id: 9, region: null } },
    ],
    101,
  );
  const writer = await channel.writer();
  await write(writer, 1, first, second);
  await writer.close();
  expect(
    await Promise.all(["orders", "paid", "sevens", "items", "items-eu", "items-_null"].map(seqs)),
  ).toEqual([[1001], [1002, 1004, 1006], [1003, 1005, 1101], null, [1102], [1103]]);
  expect(await read(channel, 1)).toEqual(allOf(first, second));
  await channel.close();
});

test("a row that is too large for a message is routed by what it holds", async ({ begin }) => {
  const { open, rule, seqs } = await begin();
  const channel = await open([rule("shop.orders", { status: oneOf("paid") }, "paid")], {
    topics: { partitions: 2, replication: 1, retentionMs: 3_600_000, minInSync: 1, messageBytes: 20_000 },
  });
  const large = order(1, "paid", { row: { id: 1, status: "paid", note: "x".repeat(50_000) } });
  const batch = batchOf(ORDERS, 1, [large, order(2, "new")]);
  const writer = await channel.writer();
  await write(writer, 1, batch);
  await writer.close();
  expect(await Promise.all(["paid", "orders"].map(seqs))).toEqual([[1001], [1002]]);
  expect(await read(channel, 1)).toEqual(allOf(batch));
  await channel.close();
});

test("changed rules apply behind the transaction that is being written, and the position record says so", async ({
  begin,
}) => {
  const { open, rule, seqs, log } = await begin();
  const channel = await open([]);
  const batches = [1, 2, 3].map((number) => batchOf(ORDERS, number, [order(1, "paid"), order(2, "new")]));
  const [one, two, three] = batches as [ChangeBatch, ChangeBatch, ChangeBatch];
  const writer = await channel.writer();
  await write(writer, 1, one);
  await writer.begin();
  await writer.append(two);
  await channel.reroute([rule("shop.orders", { status: oneOf("paid") }, "paid")]);
  expect(log.join("")).not.toContain("changed routing rules");
  await writer.append(batchOf(ORDERS, 2, [order(3, "paid")], 11));
  await writer.commit(unitEnd(2));
  expect(log.join("")).toMatch(/changed routing rules apply rules=1 behind=\S+:1-2 at=binlog.000001:2\n$/);
  await write(writer, 3, three);
  await writer.close();
  expect(await Promise.all(["orders", "paid"].map(seqs))).toEqual([
    [1001, 1002, 2001, 2002, 2011, 3002],
    [3001],
  ]);
  expect(await read(channel, 3)).toEqual(allOf(one, two, batchOf(ORDERS, 2, [order(3, "paid")], 11), three));
  await channel.close();
});

test("rules that do not fit the tables are refused with their number and column, and the ones before stay", async ({
  begin,
}) => {
  const { open, rule, seqs } = await begin();
  const channel = await open([rule("shop.orders", {}, "first")]);
  const writer = await channel.writer();
  const wrong = [rule("shop.*", { status: oneOf("paid") }, "paid")];
  await expect(channel.reroute(wrong)).rejects.toMatchObject({
    code: "KAFKA_ROUTING",
    message: "rule 1 of channel.kafka.routing: shop.items has no column `status`",
  });
  await write(writer, 1, batchOf(ORDERS, 1, [order(1, "paid")]));
  await writer.close();
  expect(await seqs("first")).toEqual([1001]);
  await channel.close();
  const other = await open(wrong);
  await expect(other.writer()).rejects.toMatchObject({ code: "KAFKA_ROUTING", exitCode: 64 });
  await other.close();
});

test("rules that changed while capture was away apply behind its newest position", async ({ begin }) => {
  const { open, rule, seqs, log } = await begin();
  const before = await open([rule("shop.orders", {}, "before")]);
  const first = await before.writer();
  await write(first, 1, batchOf(ORDERS, 1, [order(1, "new")]));
  // It dies inside a transaction: what it wrote of it is aborted, and comes again.
  await first.begin();
  await first.append(batchOf(ORDERS, 2, [order(2, "new")]));
  const after = await open([rule("shop.orders", {}, "after")]);
  const second = await after.writer();
  expect(second.resume?.from.offset).toBe(1);
  expect(log.join("")).toMatch(/changed routing rules apply rules=1 behind=\S+:1 /);
  await write(second, 2, batchOf(ORDERS, 2, [order(2, "new")]));
  await second.close();
  expect(await Promise.all(["before", "after"].map(seqs))).toEqual([[1001], [2001]]);
  expect(await read(after, 2)).toEqual(
    allOf(batchOf(ORDERS, 1, [order(1, "new")]), batchOf(ORDERS, 2, [order(2, "new")])),
  );
  await before.close();
  await after.close();
});

test("a transaction of which parts are there is ended by the rules that it was begun with", async ({
  begin,
}) => {
  const { open, rule, seqs } = await begin();
  const limits = {
    rowsMax: 3,
    bytesMax: 1 << 20,
    openMsMax: 15_000,
    holdMs: 200,
    idleMs: 60_000,
    planMs: 60_000,
  };
  const rows = (from: number): readonly RowChange[] =>
    [0, 1, 2].map((i) => order(from + i, i === 1 ? "paid" : "new"));
  const parts = [batchOf(ORDERS, 2, rows(1)), batchOf(ORDERS, 2, rows(4), 4)] as const;
  const begun = await open([rule("shop.orders", { status: oneOf("paid") }, "paid")], { limits });
  const first = await begun.writer();
  await write(first, 1, batchOf(ORDERS, 1, [order(1, "new")]));
  await first.begin();
  await first.append(parts[0]);
  expect(await seqs("paid")).toEqual([2002]);
  const next = await open([rule("shop.orders", {}, "next")], { limits });
  const second = await next.writer();
  await second.begin();
  for (const part of parts) await second.append(part);
  await second.commit(unitEnd(2));
  await write(second, 3, batchOf(ORDERS, 3, [order(1, "paid")]));
  await second.close();
  expect(await Promise.all(["orders", "paid", "next"].map(seqs))).toEqual([
    [1001, 2001, 2003, 2004, 2006],
    [2002, 2005],
    [3001],
  ]);
  expect(await read(next, 3)).toEqual(
    allOf(batchOf(ORDERS, 1, [order(1, "new")]), ...parts, batchOf(ORDERS, 3, [order(1, "paid")])),
  );
  await begun.close();
  await next.close();
});

test("a new generation routes what it repeats by the rules of then, and the rest by those of now", async ({
  begin,
}) => {
  const { open, rule, seqs } = await begin();
  const batches = [1, 2, 3, 4].map((number) => batchOf(ORDERS, number, [order(number, "new")]));
  const at = (i: number): ChangeBatch => must(batches[i - 1], "a batch");
  const old = await open([rule("shop.orders", {}, "old")], { tables: tables.slice(0, 1) });
  const writer = await old.writer();
  await write(writer, 1, at(1));
  await old.reroute([rule("shop.orders", {}, "middle")]);
  await write(writer, 2, at(2));
  await write(writer, 3, at(3));
  await writer.close();
  await old.close();
  // A table that was not captured until now is behind: everything is published again from there on.
  const now = await open([rule("shop.orders", {}, "now")]);
  const again = await now.writer();
  expect(again.resume?.from.offset).toBe(4);
  expect(again.resume?.from.gtids.isEmpty).toBe(true);
  for (let number = 1; number <= 4; number++) await write(again, number, at(number));
  await again.close();
  expect(await Promise.all(["old", "middle", "now"].map(seqs))).toEqual([
    [1001, 1001],
    [2001, 2001, 3001, 3001],
    [4001],
  ]);
  await now.close();
});

test("more than 1000 topics made by values end capture, and other rules let it go on with that transaction", async ({
  begin,
}) => {
  const { open, rule, seqs } = await begin();
  const one = {
    partitions: 1,
    replication: 1,
    retentionMs: 3_600_000,
    minInSync: 1,
    messageBytes: 1_000_000,
  };
  const channel = await open([rule("shop.orders", {}, "o-{column:id}")], { topics: one });
  const writer = await channel.writer();
  await write(writer, 1, batchOf(ORDERS, 1, [order(1, "new")]));
  const many = batchOf(
    ORDERS,
    2,
    Array.from({ length: 999 }, (_, i) => order(i + 2, "new")).concat(order(0, "new")),
  );
  await writer.begin();
  await expect(writer.append(many)).rejects.toMatchObject({
    code: "KAFKA_ROUTING",
    message: expect.stringContaining("values have made 1000 topics already") as string,
  });
  await channel.close();
  const mended = await open([], { topics: one });
  const next = await mended.writer();
  await write(next, 2, batchOf(ORDERS, 2, [order(0, "new")]));
  await next.close();
  expect(await Promise.all(["o-1", "orders", "o-2"].map(seqs))).toEqual([[1001], [2001], null]);
  await mended.close();
});
