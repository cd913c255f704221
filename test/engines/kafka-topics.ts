import { randomUUID } from "node:crypto";
import type { TableSchema } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import { WIDE_DECIMALS } from "../support/boundary-table.ts";
import { INIT, type BadDay } from "../support/bad-day.ts";
import { canonicalRow, canonicalSelect, type EngineRow } from "../support/canonical-row.ts";
import { endpointOf, kafkajsDriver } from "../support/kafka-channel.ts";
import { beginKafkaDay, channelConfig } from "../support/kafka-day.ts";
import { Oracle } from "../support/oracle.ts";
import { recordBlock, type PlainRecord } from "../support/record-block.ts";
import { SourceFeed } from "../support/source-feed.ts";
import type { TestMysql } from "../support/test-mysql.ts";
import { TABLE_SPECS, type TableSpec } from "./table-specs.ts";

export const ZERO_DATES = "text";
export const PARTITIONS = 3;
const CAPTURE = ["capture", "--until-caught-up"];
const SESSION = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'";
/** Of every type, with keys of several columns, and with keys whose text is not what MySQL prints. */
export const TOPIC_TABLES = ["every_type", "order_line", "coupon", "keyed"];

/** The table whose second topic is read again: it holds two generations, and tombstones between them. */
export const REPEATED = "order_line";

const specOf = (name: string): TableSpec =>
  must(
    TABLE_SPECS.find((spec) => spec.name === name),
    name,
  );

/** A table, its topics, and the rows that MySQL says it has. */
export interface TopicTable {
  readonly name: string;
  readonly schema: TableSchema;
  readonly topic: string;
  /** The topic of two generations. */
  readonly repeated: string;
  /** The topic of those who came late: it has the rows as they were then, and no change. */
  readonly late: string;
  /** In the form of `canonicalRow`. */
  readonly rows: readonly EngineRow[];
}

/** By this the records are known that stand in the topics and were never committed. */
const ABORTED = "aborted";

/** The topics of one history: each table begins empty, so that its topic holds all that ever happened to it. */
export class KafkaTopics implements AsyncDisposable {
  readonly tables: readonly TopicTable[];
  readonly bootstrap: string;
  /** An expression for the names of all topics of changes that were captured once. */
  readonly once: string;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<KafkaTopics, "tables" | "bootstrap" | "once">,
    stack: AsyncDisposableStack,
  ) {
    this.tables = parts.tables;
    this.bootstrap = parts.bootstrap;
    this.once = parts.once;
    this.#stack = stack;
  }

  static async begin(server: TestMysql, brokers: readonly string[]): Promise<KafkaTopics> {
    await using stack = new AsyncDisposableStack();
    const oracle = stack.use(await Oracle.open());
    const specs = TOPIC_TABLES.map(specOf);
    const sql = `${SESSION}; ${specs.map(({ create }) => create).join("; ")}`;
    const prefix = randomUUID();
    const config = (chain: string, generation: number, channel = {}, table = {}): string => {
      const override = { tables: ["*.*"], decimalsAsText: WIDE_DECIMALS, ...table };
      const text = channelConfig(brokers, {
        ...channel,
        partitions: PARTITIONS,
        topic: `${prefix}-${chain}.{database}.{table}`,
        positionTopic: `${prefix}-${chain}-positions-${generation}`,
        transactionalId: prefix,
      });
      return `overrides: ${JSON.stringify([override])}\n${text}`;
    };
    const day = stack.use(await beginKafkaDay({ server, oracle, sql }, brokers));
    const capture = async (more: string): Promise<void> => {
      await day.configure({ more });
      expectDone(await day.outcome(CAPTURE));
    };
    await day.configure({ more: config("once", 1) });
    expectDone(await day.outcome(INIT));

    for (const { snapshot } of specs) await run(day, snapshot);
    await capture(config("once", 1));
    const topicOf = (chain: string, { name }: TableSpec): string =>
      `${prefix}-${chain}.${day.database}.${name}`;
    await abortedRecords(
      brokers,
      specs.map((spec) => topicOf("once", spec)),
    );
    for (const { duringSnapshot, commits } of specs) await run(day, [...duringSnapshot, ...commits.flat()]);
    await capture(config("once", 1));
    // Positions that are gone begin a new generation at the checkpoints of the tables, which nothing has moved.
    await capture(config("twice", 1));
    await tombstones(brokers, topicOf("twice", specOf(REPEATED)));
    await capture(config("twice", 2));
    // A lake that holds all rows, with dates of no calendar as MySQL has them.
    const late = config("late", 1, { snapshots: true }, { zeroDates: "text" });
    await day.configure({ more: late });
    expectDone(day.told(await day.takeAnew(...TOPIC_TABLES)));
    await capture(late);

    const schemas = await schemasOf(server, day.database);
    const tables = await Promise.all(
      specs.map(async (spec, i) => {
        const schema = must(schemas[i], spec.name);
        const rows = await rowsOf(server, schema);
        return {
          name: spec.name,
          schema,
          topic: topicOf("once", spec),
          repeated: topicOf("twice", spec),
          late: topicOf("late", spec),
          rows,
        };
      }),
    );
    return new KafkaTopics(
      { tables, bootstrap: brokers.join(","), once: `${prefix}-once[.].*` },
      stack.move(),
    );
  }

  table(name: string): TopicTable {
    return must(
      this.tables.find((table) => table.name === name),
      name,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function expectDone([exitCode, ...errors]: readonly (number | string)[]): void {
  if (exitCode !== 0) throw new Error(`the program ended with ${String(exitCode)}: ${errors.join(" | ")}`);
}

async function run(day: BadDay, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await day.sql(`${SESSION}; ${statement}`);
}

async function schemasOf(server: TestMysql, database: string): Promise<readonly TableSchema[]> {
  await using feed = await SourceFeed.open(server.url, { source: "s", epoch: 1 });
  return await feed.schemas(TOPIC_TABLES.map((table) => ({ database, table })));
}

async function rowsOf(server: TestMysql, schema: TableSchema): Promise<readonly EngineRow[]> {
  await using session = await server.connect();
  await session.run(SESSION);
  const [rows] = await session.raw.execute({ sql: canonicalSelect(schema), rowsAsArray: true });
  return (rows as unknown[][]).map((row) => canonicalRow(schema, ZERO_DATES, row));
}

/** Changes that every consumer would take for one of the table's, in a transaction that ends badly. */
const abortedRecords = (brokers: readonly string[], topics: readonly string[]): Promise<void> => {
  const value = '{"op":"c","ts_ms":1,"source":{"table":"aborted"},"before":null,"after":{}}';
  const header = `c 1 78 1000 0 shop/1/x:1#d.${ABORTED}#0`;
  const record = { key: `{"id":"${ABORTED}"}`, value, header };
  return foreignRecords(brokers, { topics, record, isCommitted: false });
};

const tombstones = (brokers: readonly string[], topic: string): Promise<void> =>
  foreignRecords(brokers, {
    topics: [topic],
    record: { key: '{"tenant":2,"code":"line 2"}', value: null, header: null },
    isCommitted: true,
  });

/** Puts a record into every partition. */
async function foreignRecords(
  brokers: readonly string[],
  {
    topics,
    record,
    isCommitted,
  }: { readonly topics: readonly string[]; readonly record: PlainRecord; readonly isCommitted: boolean },
): Promise<void> {
  const driver = kafkajsDriver(endpointOf(brokers));
  try {
    const producer = await driver.openProducer({
      transactionalId: randomUUID(),
      transactionTimeoutMs: 30_000,
      compression: "none",
      batchBytesMax: 1_000_000,
      deliveryTimeoutMs: 20_000,
    });
    await producer.begin();
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS; partition++)
        await producer.send({ topic, partition }, recordBlock([record]));
    await producer.flush();
    await (isCommitted ? producer.commit() : producer.abort());
    await producer.close();
  } finally {
    await driver.close();
  }
}
