/**
 * The proof that our Kafka topics are what they say they are: consumers that have nothing to do with us read them, and
 * must come to the rows that MySQL has, value by value. The topics hold inserts, updates, deletes, changed keys and the
 * boundary values of every type in several partitions, and the records of a transaction that was aborted.
 */
import { join } from "node:path";
import { Session } from "chdb";
import { afterAll, describe, expect } from "vitest";
import type { Flink } from "../../scripts/engines/flink.ts";
import type { Column } from "../../src/types/table-schema.ts";
import { must } from "../../src/util/assert.ts";
import type { EngineRow } from "../support/canonical-row.ts";
import { consoleRecords, type ConsoleOptions, type ConsoleRecord } from "../support/console-consumer.ts";
import {
  flinkForTests,
  runFlink,
  type FlinkChange,
  type FlinkResult,
  type FlinkStep,
} from "../support/flink.ts";
import { missingKafka } from "../support/kafka-shared.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { mysqlTest } from "../support/mysql.ts";
import { rowDifferences } from "../support/row-difference.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { foldRecords, headerOf } from "./console-records.ts";
import { KafkaTopics, REPEATED, TOPIC_TABLES, type TopicTable } from "./kafka-topics.ts";
import { clickHouseSelect, clickHouseTables, flinkSelect, flinkTable, flinkTypes } from "./topic-types.ts";

const found = await flinkForTests();
let begun: Promise<KafkaTopics> | null = null;
let printed: Promise<readonly ConsoleRecord[]> | null = null;

/** Of the topics that were captured once. */
const recordsOf = ({ bootstrap, once }: KafkaTopics, isolation: ConsoleOptions["isolation"]) =>
  consoleRecords(bootstrap, { topics: once, isolation });

const test = mysqlTest
  .extend("topics", async ({ mysql, skip }) => {
    const missing = await missingKafka();
    if (missing !== null) return skip(missing);
    return (begun ??= kafkaForTests().then(({ brokers }) => KafkaTopics.begin(mysql, brokers)));
  })
  /** All committed records of the topics that were captured once. */
  .extend("records", ({ topics }) => {
    return (printed ??= recordsOf(topics, "read_committed"));
  });

afterAll(async () => {
  await (await begun)?.[Symbol.asyncDispose]();
});

const differences = ({ schema, rows }: TopicTable, actual: readonly EngineRow[]): readonly string[] =>
  rowDifferences(schema.columns, schema.primaryKey, { expected: rows, actual });

const ofTable = (records: readonly ConsoleRecord[], { name }: TopicTable): readonly ConsoleRecord[] =>
  records.filter((record) => headerOf(record).eventId.split("#").at(-2)?.endsWith(`.${name}`));

describe("Kafka's console consumer", () => {
  for (const name of TOPIC_TABLES) {
    test(`shows each change of ${name} once, and in order for each key`, ({ topics, records }) => {
      const table = topics.table(name);
      const { problems, rows } = foldRecords(table.schema, ofTable(records, table));
      expect([...problems, ...differences(table, rows)]).toEqual([]);
    });
  }

  test("shows what was aborted to those who ask for it, and nothing else is hidden", async ({
    topics,
    records,
  }) => {
    const all = await recordsOf(topics, "read_uncommitted");
    const place = ({ partition, offset, key }: ConsoleRecord): string => `${partition}/${offset} ${key}`;
    const seen = new Set(records.map(place));
    const hidden = all.filter((record) => !seen.has(place(record)));
    expect(new Set(hidden.map(({ key }) => key))).toEqual(new Set(['{"id":"aborted"}']));
    expect(all.length - records.length).toBe(hidden.length);
    expect(new Set(hidden.map(({ partition }) => partition)).size).toBe(3);
  });
});

/** What Flink is asked, in one JVM for all tests: starting it costs more than all that it does here. */
class FlinkAnswers {
  readonly #results: readonly FlinkResult[];
  readonly #names: readonly string[];

  private constructor(names: readonly string[], results: readonly FlinkResult[]) {
    this.#names = names;
    this.#results = results;
  }

  static async ask(flink: Flink, topics: KafkaTopics): Promise<FlinkAnswers> {
    const steps: (FlinkStep & { readonly name: string })[] = [];
    const tell = (sql: string): void => void steps.push({ name: sql, sql, isQuery: false });
    const ask = (name: string, sql: string, settings = {}): void =>
      void steps.push({ name, sql, isQuery: true, settings });
    const { bootstrap } = topics;
    for (const table of topics.tables) {
      const { name, schema, topic, late } = table;
      const types = flinkTypes(hasZeroDates(table));
      tell(flinkTable(name, schema, { bootstrap, topic, types, more: METADATA }));
      ask(name, flinkSelect(name, schema));
      tell(flinkTable(`${name}_late`, schema, { bootstrap, topic: late, types }));
      ask(`${name} late`, flinkSelect(`${name}_late`, schema));
    }
    ask("sums", "SELECT tenant, COUNT(*), SUM(amount) FROM order_line GROUP BY tenant");
    ask("metadata", "SELECT CAST(headers['tallylake'] AS STRING), source_table, source_time FROM order_line");
    const { schema, repeated } = topics.table(REPEATED);
    tell(flinkTable("repeated", schema, { bootstrap, topic: repeated, types: flinkTypes(() => false) }));
    ask("repeated", flinkSelect("repeated", schema));
    const mayRepeat = { "table.exec.source.cdc-events-duplicate": "true" };
    ask("once of repeated", flinkSelect("repeated", schema), mayRepeat);
    const names = steps.map(({ name }) => name);
    return new FlinkAnswers(names, await runFlink(flink, steps));
  }

  /** The changes that a query gave. */
  changes(name: string): readonly FlinkChange[] {
    const { error, changes } = must(this.#results[this.#names.indexOf(name)], name);
    expect(error).toBeNull();
    return changes;
  }
}

const METADATA = [
  "headers MAP<STRING, BYTES> METADATA VIRTUAL",
  "source_table STRING METADATA FROM 'value.source.table' VIRTUAL",
  "source_time TIMESTAMP_LTZ(3) METADATA FROM 'value.source.timestamp' VIRTUAL",
];

/** Whether a column holds dates that Flink's own types do not know. */
const hasZeroDates =
  ({ schema, rows }: TopicTable) =>
  ({ name }: Column): boolean => {
    const i = schema.columns.findIndex((column) => column.name === name);
    return rows.some((row) => /^(\d{4}-00|\d{4}-\d\d-00|0000|2020-02-3)/.test(row[i] ?? ""));
  };

/**
 * Flink reads all numbers of a table that has a DECIMAL column by way of Java's decimals, which know no minus zero. It is
 * equal to zero, but not the same bits.
 */
function withoutMinusZero(table: TopicTable): TopicTable {
  const { columns } = table.schema;
  const isFloat = columns.map(({ type }) => type.kind === "float" || type.kind === "double");
  const plain = (row: EngineRow): EngineRow =>
    row.map((text, i) => (isFloat[i] === true && text !== null ? text.replace(/^8(?=0+$)/, "0") : text));
  return { ...table, rows: table.rows.map(plain) };
}

/** The rows that are left when each change is carried out; one that takes away what is not there is a problem. */
function foldChanges(changes: readonly FlinkChange[]): {
  readonly rows: readonly EngineRow[];
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const { kind, row } of changes) {
    const text = JSON.stringify(row);
    const count = (counts.get(text) ?? 0) + (kind.startsWith("+") ? 1 : -1);
    if (count < 0) problems.push(`${kind} of a row that is not there: ${text.slice(0, 200)}`);
    counts.set(text, count);
  }
  const rows = [...counts].flatMap(([text, count]) =>
    Array.from({ length: Math.max(0, count) }, () => JSON.parse(text) as EngineRow),
  );
  return { rows, problems };
}

describe("Flink SQL", () => {
  let asked: Promise<FlinkAnswers> | null = null;
  const flinkTest = test.extend("answers", ({ topics, skip }) => {
    if (found.flink === null) return skip(found.missing);
    return (asked ??= FlinkAnswers.ask(found.flink, topics));
  });

  for (const name of TOPIC_TABLES) {
    flinkTest(`makes of the changes of ${name} what MySQL has`, ({ topics, answers }) => {
      const { rows, problems } = foldChanges(answers.changes(name));
      expect([...problems, ...differences(withoutMinusZero(topics.table(name)), rows)]).toEqual([]);
    });
  }

  for (const name of TOPIC_TABLES) {
    flinkTest(`has from the snapshot of ${name} the rows from before its changes`, ({ topics, answers }) => {
      const { rows, problems } = foldChanges(answers.changes(`${name} late`));
      expect([...problems, ...differences(withoutMinusZero(topics.table(name)), rows)]).toEqual([]);
      expect(rows.length).toBeGreaterThan(0);
    });
  }

  flinkTest("takes back in its sums what updates and deletes take back", ({ topics, answers }) => {
    const { rows, problems } = foldChanges(answers.changes("sums"));
    const { schema, rows: expected } = topics.table("order_line");
    const [tenant, amount] = ["tenant", "amount"].map((name) =>
      schema.columns.findIndex((column) => column.name === name),
    );
    const cents = (row: EngineRow): bigint | null => {
      const text = row[must(amount, "amount")] ?? null;
      return text === null ? null : BigInt(text.replace(".", ""));
    };
    const sums = [...Map.groupBy(expected, (row) => row[must(tenant, "tenant")])].map(([of, group]) => {
      const amounts = group.map(cents).filter((value) => value !== null);
      const sum = amounts.reduce((a, b) => a + b, 0n);
      return [of, group.length, amounts.length === 0 ? null : sum];
    });
    const shown = rows.map(([of, count, sum]) => [
      of,
      Number(count),
      sum === null ? null : BigInt(must(sum, "a sum").replace(".", "")),
    ]);
    expect(problems).toEqual([]);
    expect(new Map(shown.map((row) => [row[0], row]))).toEqual(new Map(sums.map((row) => [row[0], row])));
  });

  flinkTest("shows the header, the table and the time of each change", ({ topics, records, answers }) => {
    const shown = answers.changes("metadata").map(({ row }) => row.join(" "));
    const expected = ofTable(records, topics.table("order_line")).map((record) => {
      const { commitUs } = headerOf(record);
      return `${record.headers.slice("tallylake:".length)} order_line ${Math.floor(commitUs / 1000)}`;
    });
    expect(new Set(shown)).toEqual(new Set(expected));
  });

  flinkTest(
    "takes a second generation for changes, unless it is told that they may come again",
    ({ topics, answers }) => {
      const table = topics.table(REPEATED);
      const twice = foldChanges(answers.changes("repeated")).rows;
      const once = foldChanges(answers.changes("once of repeated"));
      expect(twice.length).toBe(2 * table.rows.length);
      expect([...once.problems, ...differences(table, once.rows)]).toEqual([]);
    },
  );
});

describe("ClickHouse", () => {
  test("follows the topics with its Kafka engine to what MySQL has", async ({ topics, records }) => {
    await using dir = await tempDir();
    const session = new Session(join(dir.path, "clickhouse"));
    const ask = async (sql: string): Promise<string> =>
      Buffer.from((await session.queryAsync(sql)).bytes()).toString();
    try {
      await ask("CREATE DATABASE d ENGINE = Atomic");
      await ask("USE d");
      const { bootstrap } = topics;
      for (const table of topics.tables) {
        const { name, schema, topic } = table;
        for (const sql of clickHouseTables(name, schema, { bootstrap, topic, group: topic })) await ask(sql);
      }
      for (const table of topics.tables) {
        const { name, schema } = table;
        const events = ofTable(records, table).map((record) => record.headers.slice("tallylake:".length));
        const seen = async (): Promise<readonly string[]> =>
          (await ask(`SELECT event FROM ${name}_events FORMAT TSVRaw`)).split("\n").slice(0, -1);
        await waitFor(`ClickHouse to read ${name}`, async () => (await seen()).length >= events.length);
        expect([...(await seen())].sort()).toEqual([...events].sort());
        const rows = async (): Promise<readonly EngineRow[]> =>
          (await ask(clickHouseSelect(name, schema)))
            .split("\n")
            .slice(0, -1)
            .map((row) => JSON.parse(row) as EngineRow);
        // A block of records reaches one of the two tables before the other.
        await waitFor(`the rows of ${name}`, async () => (await rows()).length >= table.rows.length);
        await expect.poll(async () => differences(table, await rows()), { timeout: 10_000 }).toEqual([]);
      }
    } finally {
      session.close();
    }
  });
});
