import { afterAll, expect } from "vitest";
import { CATCH_UP, INIT } from "../support/bad-day.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { beginKafkaDay } from "../support/kafka-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* The whole path with Kafka in the middle: in one process, and in two. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const CAPTURE = ["capture", "--until-caught-up"];
const APPLY = ["apply", "--until-caught-up"];
const SQL = `
  CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20), w DECIMAL(20,4));
  CREATE TABLE b (x INT, y VARCHAR(10), v TEXT, PRIMARY KEY (y, x));
  INSERT INTO a VALUES (1, 'one', 1.5), (2, NULL, NULL), (3, 'drei 🐬', -0.0001);
  INSERT INTO b VALUES (1, 'k', 'x')`;
const CHANGES = `
  INSERT INTO a VALUES (4, 'four', 4);
  UPDATE a SET v = 'eins' WHERE id = 1;
  UPDATE a SET id = 30 WHERE id = 3;
  DELETE FROM a WHERE id = 2;
  INSERT INTO b VALUES (2, 'k', 'y'), (3, 'l', REPEAT('z', 3000));
  UPDATE b SET y = 'm' WHERE x = 1`;

const test = mysqlTest.extend("begin", ({ mysql }) => async (more = "") => {
  const { brokers } = await kafkaForTests();
  const options = { server: mysql, oracle: await oracle, sql: SQL, config: { more } };
  return beginKafkaDay(options, brokers);
});

test("in one process: every cell is MySQL's, and a second run has nothing to do", async ({ begin }) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("a", "b")).toEqual([]);
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  await day.sql("INSERT INTO a VALUES (5, 'five', 5); DELETE FROM b WHERE x = 2");
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different("a", "b")).toEqual([]);
});

test("in two processes, one after the other and side by side", async ({ begin }) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  expect(await day.outcome(APPLY)).toEqual([0]);
  expect(await day.different("a", "b")).toEqual([]);
  const capture = day.start(["capture"]);
  const apply = day.start(["apply"]);
  for (let i = 100; i < 130; i++)
    await day.sql(`INSERT INTO a VALUES (${i}, 'v${i}', ${i}); UPDATE b SET v = '${i}'`);
  await expect.poll(async () => day.different("a", "b"), { timeout: 30_000, interval: 200 }).toEqual([]);
  const ends = [await capture.stop(), await apply.stop()];
  expect(ends.map((end) => day.told(end))).toEqual([[0], [0]]);
  expect(await day.different("a", "b")).toEqual([]);
});

test("the report has the hops of Kafka, and they are equal", async ({ begin }) => {
  await using day = await begin("trace: {path: ./trace}\n");
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  const { exitCode, out } = await day.run(["report", "--format", "json"]);
  expect(exitCode).toBe(0);
  const equations = new Map<string, Set<string>>();
  for (const { name, verdict } of equationsIn(JSON.parse(out))) {
    equations.set(name, (equations.get(name) ?? new Set()).add(verdict));
  }
  expect(equations.get("capture = produce")).toEqual(new Set(["match"]));
  expect(equations.get("produce = consume")).toEqual(new Set(["match"]));
  expect(equations.get("source = capture")).toEqual(new Set(["match"]));
});

test("status tells changes that are not applied, by partition, and that there are none", async ({
  begin,
}) => {
  await using day = await begin();
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.outcome(CAPTURE)).toEqual([0]);
  const lagOf = async (): Promise<{
    readonly changes: number;
    readonly offsets: number;
    readonly text: string;
  }> => {
    const json = JSON.parse((await day.run(["status", "--format", "json"])).out) as StatusJson;
    const { out } = await day.run(["status"]);
    const partitions = json.channel.partitions.filter(({ topic }) => !topic.endsWith("-positions"));
    expect(partitions.every(({ stable, end }) => stable === end)).toBe(true);
    expect(json.channel.hangingTransactions).toEqual([]);
    const names = json.channel.partitions.map(({ topic, partition }) => `${topic}/${partition}`);
    expect(names).toEqual(names.toSorted());
    return {
      changes: partitions.reduce((sum, { records }) => sum + records, 0),
      offsets: partitions.filter(({ offsets }) => offsets > 0).length,
      text: /^channel .*?(\d+ changes? not applied)/m.exec(out)?.[1] ?? out,
    };
  };
  // A changed key is two changes: five of table a, and four of table b.
  expect(await lagOf()).toMatchObject({ changes: 9, text: "9 changes not applied" });
  expect(await day.outcome(APPLY)).toEqual([0]);
  expect(await lagOf()).toEqual({ changes: 0, offsets: 0, text: "0 changes not applied" });
});

interface StatusJson {
  readonly channel: {
    readonly partitions: readonly {
      readonly topic: string;
      readonly partition: number;
      readonly records: number;
      readonly offsets: number;
      readonly stable: number;
      readonly end: number;
    }[];
    readonly hangingTransactions: readonly unknown[];
  };
}

interface Equation {
  readonly name: string;
  readonly verdict: string;
}

/** All equations, wherever in the report they stand. */
function equationsIn(value: unknown): readonly Equation[] {
  if (typeof value !== "object" || value === null) return [];
  const here = "name" in value && "verdict" in value ? [value as Equation] : [];
  return [...here, ...Object.values(value).flatMap(equationsIn)];
}
