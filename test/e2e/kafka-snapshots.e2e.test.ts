import { randomUUID } from "node:crypto";
import { afterAll, expect } from "vitest";
import { TableReader } from "../../src/lake/table-reader.ts";
import { must } from "../../src/util/assert.ts";
import { BadDay, INIT } from "../support/bad-day.ts";
import { consoleRecords } from "../support/console-consumer.ts";
import { foldTopic, type FoldedTopic } from "../support/folded-topic.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { channelConfig } from "../support/kafka-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { snapshotRows } from "../support/snapshot-rows.ts";
import type { PlaceConfig } from "../support/tool-run.ts";
import { SourceFeed } from "../support/source-feed.ts";

/*
 * Whoever reads the topics from their beginning, with nothing at first, ends with the tables as MySQL has them: each
 * row of the snapshot once, then the changes. The reader is Kafka's own console consumer.
 */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const CAPTURE = ["capture", "--until-caught-up"];
const APPLY = ["apply", "--until-caught-up"];
const ROWS = 1500;
const SQL = `
  CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(40), w DECIMAL(20,4), f FLOAT, d DATETIME(3), j JSON, p BLOB);
  CREATE TABLE b (x INT, y VARCHAR(10), v TEXT, PRIMARY KEY (y, x));
  CREATE TABLE c (id INT PRIMARY KEY, v INT);
  SET SESSION cte_max_recursion_depth = 100000;
  INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
    SELECT i, CONCAT('"', i, '"\\n🐬'), i / 7, i / 3, '2024-02-29 01:02:03.4', JSON_OBJECT('i', i), CHAR(i) FROM n;
  INSERT INTO b VALUES (1, 'k', 'x'), (2, 'k', REPEAT('long ', 10000)), (3, 'l', NULL)`;

interface Snapshots {
  readonly day: BadDay;
  /** Writes the config anew, with the same topics. */
  readonly configure: (
    kafka: Readonly<Record<string, unknown>>,
    more?: Partial<PlaceConfig>,
  ) => Promise<void>;
  /** A table as a reader of its topic has it. */
  readonly fold: (table: string) => Promise<FoldedTopic>;
  /** As MySQL has it. */
  readonly rows: (table: string) => Promise<readonly string[]>;
  /** Ids of all rows that a commit of a table holds, the newest or the first. */
  readonly idsOf: (table: string, which: "first" | "newest") => Promise<readonly string[]>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

const test = mysqlTest.extend("begin", ({ mysql }) => async (kafka: Readonly<Record<string, unknown>>) => {
  const { brokers } = await kafkaForTests();
  const id = randomUUID();
  const names = { topic: `${id}.{database}.{table}`, positionTopic: `${id}-positions`, transactionalId: id };
  const config = (more: Readonly<Record<string, unknown>>) => ({
    more: `${channelConfig(brokers, { ...names, ...more })}trace: {path: ./trace}\n`,
  });
  const day = await BadDay.begin({ server: mysql, oracle: await oracle, sql: SQL, config: config(kafka) });
  const feed = await SourceFeed.open(mysql.url, { source: "test", epoch: 1 });
  const tableId = (table: string) => ({ database: day.database, table });
  const snapshots: Snapshots = {
    day,
    configure: (more, place = {}) => day.configure({ ...config(more), ...place }),
    fold: async (table) => {
      const topics = `${id}\\.${day.database}\\.${table}`;
      const records = await consoleRecords(brokers.join(","), {
        topics,
        isolation: "read_committed",
      });
      return foldTopic(
        records.map(({ headers, ...record }) => ({ ...record, header: headers.slice("tallylake:".length) })),
      );
    },
    rows: async (table) => {
      const [schema] = await feed.schemas([tableId(table)]);
      return [...(await snapshotRows(feed.connection, must(schema, "a schema")))].sort();
    },
    idsOf: async (table, which) => {
      const commits = await new TableReader(day.place.lakeDir, tableId(table)).commits(null);
      const { instant, checkpoint } = must(which === "first" ? commits[0] : commits.at(-1), "a commit");
      const reader = new TableReader(day.place.lakeDir, tableId(table));
      const { rowsAfter } = await reader.commit(instant);
      const name = `${checkpoint.source}/1/snapshot:${instant}#${day.database}.${table}`;
      return Array.from({ length: rowsAfter }, (_, n) => `${name}#${n}`).sort();
    },
    [Symbol.asyncDispose]: async () => {
      await feed[Symbol.asyncDispose]();
      await day[Symbol.asyncDispose]();
    },
  };
  return snapshots;
});

/** Changes rows of both tables, old ones and new ones, until it is told to stop. */
function writing(day: BadDay): { readonly stop: () => Promise<number> } {
  let isOver = false;
  const work = async (): Promise<number> => {
    let i = 0;
    for (; !isOver; i++) {
      await day.sql(`
        UPDATE a SET v = 'changed ${i}', w = ${i} WHERE id % 50 = ${i % 50};
        INSERT INTO a (id, v) VALUES (${ROWS + 1 + i}, 'new');
        DELETE FROM a WHERE id = ${ROWS - i};
        INSERT INTO b VALUES (${i}, 'new', NULL);
        UPDATE b SET y = 'moved' WHERE y = 'new' AND x = ${i - 3}`);
    }
    return i;
  };
  const running = work();
  return {
    stop: async () => {
      isOver = true;
      return await running;
    },
  };
}

test("under writes: every row of the snapshot once, and then the changes", async ({ begin }) => {
  await using snapshots = await begin({ snapshots: true });
  const { day, fold, rows, idsOf } = snapshots;
  expect(await day.outcome(INIT)).toEqual([0]);
  const writer = writing(day);
  const capture = day.start(["capture"]);
  await expect
    .poll(() => capture.log.filter(({ message }) => message === "the rows of a table are published").length, {
      timeout: 30_000,
    })
    .toBe(3);
  const told = capture.log.filter(({ message }) => message === "publishing the rows of a table");
  expect(told.map(({ table }) => table)).toEqual(["a", "b", "c"].map((table) => `${day.database}.${table}`));
  await expect.poll(async () => (await day.run(["status"])).out, { timeout: 30_000 }).toMatch(/not applied/);
  expect(await writer.stop()).toBeGreaterThan(2);
  expect(day.told(await capture.stop())).toEqual([0]);
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  for (const table of ["a", "b", "c"]) {
    expect(await fold(table)).toEqual({
      rows: await rows(table),
      snapshot: await idsOf(table, "first"),
      repeated: [],
      isSnapshotFirst: true,
    });
  }
  expect(await day.outcome(APPLY)).toEqual([0]);
  expect(await day.different("a", "b", "c")).toEqual([]);
  expect((await day.run(["report"])).exitCode).toBe(0);
});

test("asked for later, while the tables lag: no row is left as it was before a change", async ({ begin }) => {
  await using snapshots = await begin({ snapshots: false });
  const { day, configure, fold, rows, idsOf } = snapshots;
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(
    "UPDATE a SET v = 'before' WHERE id < 20; DELETE FROM b WHERE x = 1; INSERT INTO c VALUES (1, 1)",
  );
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  expect((await fold("a")).snapshot).toEqual([]);
  await configure({ snapshots: true });
  await day.sql("UPDATE a SET v = 'behind' WHERE id < 10");
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  for (const table of ["a", "b", "c"]) {
    const found = await fold(table);
    expect(found).toMatchObject({ rows: await rows(table), snapshot: await idsOf(table, "newest") });
  }
  // What the tables have applied by then is not to be published once more: there is nothing to do.
  expect(await day.outcome(APPLY)).toEqual([0]);
  const before = await fold("a");
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  expect(await fold("a")).toEqual(before);
  // Off and on again is how to have them published once more.
  await configure({ snapshots: false });
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  await configure({ snapshots: true });
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  const after = await fold("a");
  expect(after).toMatchObject({ rows: await rows("a") });
  expect(after.snapshot).toEqual([...before.snapshot, ...(await idsOf("a", "newest"))].sort());
});

test("of a table that is added, in one process: its rows alone", async ({ begin }) => {
  await using snapshots = await begin({ snapshots: true });
  const { day, configure, fold, rows, idsOf } = snapshots;
  const follow = ["follow", "--until-caught-up"];
  const without = { tables: ["a", "b"].map((table) => `${day.database}.${table}`) };
  await configure({ snapshots: true }, without);
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("DELETE FROM a WHERE id > 5");
  expect(await day.outcome(follow)).toEqual([0]);
  const first = await fold("a");
  expect(first).toMatchObject({ rows: await rows("a"), snapshot: await idsOf("a", "first"), repeated: [] });
  await configure({ snapshots: true });
  await day.sql("INSERT INTO c VALUES (1, 1), (2, 2); UPDATE a SET v = 'late'");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql("INSERT INTO c VALUES (3, 3); UPDATE c SET v = 0 WHERE id = 1");
  expect(await day.outcome(follow)).toEqual([0]);
  const added = await fold("c");
  expect(added).toMatchObject({ rows: await rows("c"), repeated: [] });
  expect(added.snapshot).toEqual(await idsOf("c", "first"));
  expect(added.snapshot).toHaveLength(2);
  expect(await fold("a")).toMatchObject({ rows: await rows("a"), snapshot: first.snapshot, repeated: [] });
  // A table that is taken anew is another one.
  expect((await day.takeAnew("c")).exitCode).toBe(0);
  await day.sql("INSERT INTO c VALUES (4, 4)");
  expect(await day.outcome(follow)).toEqual([0]);
  const anew = await fold("c");
  expect(anew.rows).toEqual(await rows("c"));
  expect(anew.snapshot).toEqual([...added.snapshot, ...(await idsOf("c", "first"))]);
  expect(anew.snapshot).toHaveLength(2 + 3);
  expect((await fold("a")).snapshot).toEqual(first.snapshot);
  expect(await day.different("a", "b", "c")).toEqual([]);
});
