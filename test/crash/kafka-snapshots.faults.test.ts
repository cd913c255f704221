import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { TableReader } from "../../src/lake/table-reader.ts";
import { must } from "../../src/util/assert.ts";
import { BadDay, INIT } from "../support/bad-day.ts";
import { countSteps } from "../support/crash-points.ts";
import { foldTopic, type FoldedTopic } from "../support/folded-topic.ts";
import { inParallel } from "../support/in-parallel.ts";
import { missingKafka } from "../support/kafka-shared.ts";
import { channelConfig } from "../support/kafka-day.ts";
import { endpointOf, kafkajsDriver } from "../support/kafka-channel.ts";
import { topicRecords } from "../support/topic-records.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { snapshotRows } from "../support/snapshot-rows.ts";
import { SourceFeed } from "../support/source-feed.ts";
import { formatPoint, withSteps, type StepPoint } from "../support/step-plan.ts";
import { runTallylake } from "../support/tallylake-process.ts";

/*
 * Capture is killed at every step while it publishes snapshots, at its first passing, in the middle, and at its last;
 * others finish it. A consumer of committed records sees each row of a snapshot once, and ends with MySQL's tables.
 * Capture changes nothing in the lake, so one lake serves all scenarios, each with topics of its own.
 */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const AT_ONCE = 2;
const CAPTURE = ["capture", "--until-caught-up"];
const TABLES = ["a", "b", "c"];
/** Each file of a table ends a Kafka transaction, so that there are some twenty of them. */
const SQL = `
  CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(40));
  CREATE TABLE b (x INT, y VARCHAR(10), v TEXT, PRIMARY KEY (y, x));
  CREATE TABLE c (id INT PRIMARY KEY, v INT);
  INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, i FROM n;
  INSERT INTO b SELECT id, id % 7, REPEAT('b', id) FROM a WHERE id < 600`;
const CHANGES = `
  UPDATE a SET v = 'changed' WHERE id % 3 = 0;
  DELETE FROM b WHERE x % 2 = 0;
  INSERT INTO c VALUES (1, 1), (2, 2);
  UPDATE b SET y = 'moved' WHERE x = 1`;
const LAKE = 'overrides: [{tables: ["*.*"], buckets: 9}]\n';

interface Scenario {
  readonly name: string;
  readonly missed: boolean;
  readonly ends: readonly (number | null)[];
  readonly topics: readonly FoldedTopic[];
}

/** First, middle and last passing of each step up to the end of the publication. */
function points(steps: readonly string[]): readonly StepPoint[] {
  const last = steps.indexOf("kafka.committed", steps.lastIndexOf("kafka.snapshot"));
  const passed = countSteps(steps.slice(0, last + 1).filter((step) => step.startsWith("kafka.")));
  return [...passed].flatMap(([step, count]) =>
    [...new Set([1, Math.ceil(count / 2), count])].map((nth) => ({ step, nth })),
  );
}

mysqlTest.for(["kafkajs"] as const)(
  "capture killed while it publishes, %s",
  async (client, { mysql, skip }) => {
    const missing = await missingKafka();
    if (missing !== null) skip(`no Kafka: ${missing}`);
    const { brokers } = await kafkaForTests();
    await using day = await BadDay.begin({
      server: mysql,
      oracle: await oracle,
      sql: SQL,
      config: { more: LAKE },
    });
    expect(await day.outcome(INIT)).toEqual([0]);
    await day.sql(CHANGES);
    const base = await readFile(join(day.place.dir, "tallylake.yaml"), "utf8");

    const endpoint = endpointOf(brokers);
    const driver = kafkajsDriver(endpoint);
    const scenario = async (kills: readonly StepPoint[], record?: string): Promise<Scenario> => {
      const id = randomUUID();
      const file = `${id}.yaml`;
      const names = {
        topic: `${id}.{database}.{table}`,
        positionTopic: `${id}-positions`,
        transactionalId: id,
      };
      const kafka = channelConfig(brokers, { ...names, client, snapshots: true, transaction: { rows: 50 } });
      await writeFile(join(day.place.dir, file), `${base}\n${kafka}stateDir: ./state-${id}\n`);
      const run = (plan: Parameters<typeof withSteps>[0]) =>
        // Units stay smaller than a Kafka transaction, so that none has parts.
        runTallylake(day.place.dir, [...CAPTURE, "--config", file], withSteps({ unitRows: 25, ...plan }));
      let missed = false;
      for (const kill of kills) missed ||= (await run({ kill })).signal !== "SIGKILL";
      const end = await run(record === undefined ? {} : { record });
      const topics: FoldedTopic[] = [];
      for (const table of TABLES)
        topics.push(
          foldTopic(must(await topicRecords(endpoint, driver, `${id}.${day.database}.${table}`), "a topic")),
        );
      return { name: kills.map(formatPoint).join(" "), missed, ends: [end.code], topics };
    };

    const expected: FoldedTopic[] = [];
    await using feed = await SourceFeed.open(mysql.url, { source: "test", epoch: 1 });
    for (const table of TABLES) {
      const id = { database: day.database, table };
      const [schema] = await feed.schemas([id]);
      const commit = must(await new TableReader(day.place.lakeDir, id).latest(), "a commit");
      const name = `${commit.checkpoint.source}/1/snapshot:${commit.instant}#${day.database}.${table}`;
      expected.push({
        rows: [...(await snapshotRows(feed.connection, must(schema, "a schema")))].sort(),
        snapshot: Array.from({ length: commit.rowsAfter }, (_, n) => `${name}#${n}`).sort(),
        repeated: [],
        isSnapshotFirst: true,
      });
    }

    const record = join(day.place.dir, "steps");
    expect(await scenario([], record)).toEqual({ name: "", missed: false, ends: [0], topics: expected });
    const steps = (await readFile(record, "utf8")).trim().split("\n");
    expect(steps.filter((step) => step === "kafka.snapshot").length).toBeGreaterThan(15);
    const kills = points(steps);
    const seven = kills.filter(({ nth }) => nth > 1);
    const lives = [...kills.map((kill) => [kill]), seven.slice(0, 4).map(({ step }) => ({ step, nth: 2 }))];
    const outcomes = await inParallel(lives, AT_ONCE, (some) => scenario(some));
    const wrong = outcomes.filter(
      ({ missed, ends, topics }) =>
        missed || ends[0] !== 0 || JSON.stringify(topics) !== JSON.stringify(expected),
    );
    expect(wrong).toEqual([]);
    expect(outcomes.length).toBeGreaterThan(12);
  },
);
