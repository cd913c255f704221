import { randomUUID } from "node:crypto";
import { afterAll, expect } from "vitest";
import { CATCH_UP, INIT } from "../support/bad-day.ts";
import { consoleRecords } from "../support/console-consumer.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { beginKafkaDay } from "../support/kafka-day.ts";
import { mysqlTest as test } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";

/* Keys and names of all kinds through Kafka: what Kafka's own consumer shows, the lake, and the report's arms. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const SQL = `
  CREATE TABLE uniq (\`__proto__\` YEAR, \`a "b\` INT NOT NULL, k VARCHAR(9) NOT NULL, UNIQUE KEY u (k, \`a "b\`));
  CREATE TABLE prefix (n INT, txt TEXT, _tl_seq INT, PRIMARY KEY (n, txt(3)));
  CREATE TABLE folded (k VARCHAR(9) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY, v INT);
  CREATE TABLE floating (f DOUBLE PRIMARY KEY, v INT);
  INSERT INTO uniq VALUES (2000, 1, 'x'), (0, 2, 'y');
  INSERT INTO prefix VALUES (1, 'abcd', 1), (2, 'abcd', 2);
  INSERT INTO folded VALUES ('abc', 1), ('b', 2);
  INSERT INTO floating VALUES (0, 1), (1.5, 2)`;
const CHANGES = `
  UPDATE uniq SET k = 'X' WHERE k = 'x'; DELETE FROM uniq WHERE k = 'y'; INSERT INTO uniq VALUES (2155, -1, '');
  UPDATE prefix SET txt = 'abce' WHERE n = 1; UPDATE prefix SET _tl_seq = 9 WHERE n = 2;
  UPDATE folded SET k = 'ABC' WHERE k = 'abc'; DELETE FROM folded WHERE k = 'B'; INSERT INTO folded VALUES ('B', 3);
  UPDATE floating SET f = -0.0e0 WHERE f = 0; UPDATE floating SET v = 5 WHERE f = 0; UPDATE floating SET f = 1e-7 WHERE f = 1.5`;

const TABLES = ["floating", "folded", "prefix", "uniq"];

/** Operation and key of each change of a table, in the order of the binlog. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  floating: ['d {"f":0}', 'c {"f":-0.0}', 'u {"f":-0.0}', 'd {"f":1.5}', 'c {"f":1e-7}'],
  folded: ['d {"k":"abc"}', 'c {"k":"ABC"}', 'd {"k":"b"}', 'c {"k":"B"}'],
  prefix: ['d {"n":1,"txt":"abcd"}', 'c {"n":1,"txt":"abce"}', 'u {"n":2,"txt":"abcd"}'],
  uniq: [
    'd {"a \\"b":1,"k":"x"}',
    'c {"a \\"b":1,"k":"X"}',
    'd {"a \\"b":2,"k":"y"}',
    'c {"a \\"b":-1,"k":""}',
  ],
};

test("C119 C122 C124 C126 C127 C129 B116 B117: keys and names of all kinds through Kafka", async ({
  mysql,
}) => {
  const { brokers } = await kafkaForTests();
  const id = randomUUID();
  const more = "trace: {path: ./trace}\noverrides: [{tables: ['*.uniq'], withoutPrimaryKey: unique}]\n";
  await using day = await beginKafkaDay(
    { server: mysql, oracle: await oracle, sql: SQL, config: { more } },
    brokers,
    { topic: `${id}.{database}.{table}` },
  );
  expect(await day.outcome(INIT)).toEqual([0]);
  await day.sql(CHANGES);
  expect(await day.outcome(CATCH_UP)).toEqual([0]);
  expect(await day.different(...TABLES)).toEqual([]);
  for (const table of TABLES) {
    const records = await consoleRecords(brokers.join(","), {
      topics: `${id}\\.${day.database}\\.${table}`,
      isolation: "read_committed",
    });
    const changes = records.map(({ key, headers }) => {
      const [operation = "", seq = ""] = headers.slice("tallylake:".length).split(" ");
      return { seq: Number(seq), text: `${operation} ${key}` };
    });
    expect(changes.sort((a, b) => a.seq - b.seq).map(({ text }) => text)).toEqual(EXPECTED[table]);
  }
  const { exitCode, out } = await day.run(["report", "--deep", "--format", "json"]);
  const report = JSON.parse(out) as {
    readonly tables: readonly { table: string; verdict: string; deep: { verdict: string } }[];
  };
  expect(exitCode).toBe(0);
  expect(report.tables.map(({ table, verdict, deep }) => [table, verdict, deep.verdict])).toEqual(
    TABLES.map((table) => [table, "match", "match"]),
  );
});
