import { randomUUID } from "node:crypto";
import { afterAll, expect } from "vitest";
import { BadDay, INIT } from "../support/bad-day.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { endpointOf, kafkajsDriver } from "../support/kafka-channel.ts";
import { channelConfig } from "../support/kafka-day.ts";
import { mysqlTest } from "../support/mysql.ts";
import { Oracle } from "../support/oracle.ts";
import { topicHeaders } from "../support/topic-records.ts";
import { waitFor } from "../support/wait-for.ts";

/* Rules in the config that change while capture runs. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const SQL = `
  CREATE TABLE a (id INT PRIMARY KEY, status ENUM('new', 'paid'), amount DECIMAL(10,2));
  CREATE TABLE b (id INT PRIMARY KEY, region VARCHAR(10))`;

mysqlTest(
  "rules that change while capture runs apply, wrong ones do not, and the tables stay MySQL's",
  async ({ mysql }) => {
    const { brokers } = await kafkaForTests();
    const name = randomUUID();
    const ids = {
      topic: `${name}.{database}.{table}`,
      positionTopic: `${name}-positions`,
      transactionalId: name,
    };
    const config = (routing: unknown, more = "") => ({
      more: channelConfig(brokers, { ...ids, routing }) + more,
    });
    await using day = await BadDay.begin({
      server: mysql,
      oracle: await oracle,
      sql: SQL,
      config: config([]),
    });
    const endpoint = endpointOf(brokers);
    const changesIn = async (topic: string): Promise<number | null> =>
      (await topicHeaders(endpoint, kafkajsDriver(endpoint), `${name}.${topic}`))?.length ?? null;
    const here = (table: string): string => `${day.database}.${table}`;

    expect(await day.outcome(INIT)).toEqual([0]);
    const capture = day.start(["capture"]);
    const apply = day.start(["apply"]);
    const told = (message: string) =>
      waitFor(`"${message}"`, () => capture.log.filter((line) => line.message === message).at(-1));
    await day.sql("INSERT INTO a VALUES (1, 'paid', 5), (2, 'new', 500)");
    await waitFor("the first changes", async () => (await changesIn(here("a"))) === 2);

    await day.configure(
      config([
        { tables: [here("a")], where: { status: "paid", amount: { min: 10 } }, topic: `${name}.paid` },
        { tables: [here("*")], where: { id: [7, 8] }, topic: `${name}.some` },
        { tables: [here("b")], topic: `${name}.b-{column:region}` },
      ]),
    );
    expect(await told("changed routing rules apply")).toMatchObject({ level: "info", rules: 3 });
    await day.sql(`
    INSERT INTO a VALUES (3, 'paid', 9.99), (4, 'paid', 10), (7, 'new', 1);
    INSERT INTO b VALUES (8, 'eu'), (9, 'eu'), (10, NULL);
    UPDATE a SET status = 'paid' WHERE id = 2;
    DELETE FROM a WHERE id IN (1, 4)`);
    await day.same("a", "b");
    const topics = [here("a"), "paid", "some", here("b"), "b-eu", "b-_null"];
    expect(await Promise.all(topics.map(changesIn))).toEqual([4, 3, 2, 0, 1, 1]);

    await day.configure(config([{ tables: [here("*")], where: { sttaus: "paid" }, topic: `${name}.wrong` }]));
    expect(await told("the config has mistakes; the routing rules stay as they are")).toMatchObject({
      level: "error",
      code: "KAFKA_ROUTING",
    });
    await day.sql("INSERT INTO b VALUES (11, 'eu')");
    await day.same("a", "b");
    expect(await Promise.all(topics.map(changesIn))).toEqual([4, 3, 2, 0, 2, 1]);

    expect(await capture.stop()).toMatchObject({ exitCode: 0 });
    expect(await apply.stop()).toMatchObject({ exitCode: 0 });
    // Now that they are in force from the start, they are an error.
    const [exitCode, error] = await day.outcome(["capture", "--until-caught-up"]);
    expect([exitCode, error]).toEqual([64, expect.stringContaining("KAFKA_ROUTING")]);
    await day.configure(config([]));
    await day.sql("INSERT INTO a VALUES (20, 'paid', 100)");
    expect(await day.outcome(["capture", "--until-caught-up"])).toEqual([0]);
    expect(await day.outcome(["apply", "--until-caught-up"])).toEqual([0]);
    expect(await day.different("a", "b")).toEqual([]);
    expect(await Promise.all(topics.map(changesIn))).toEqual([5, 3, 2, 0, 2, 1]);
  },
);
