import { setTimeout as delay } from "node:timers/promises";
import { afterAll, expect } from "vitest";
import { BadDay, CATCH_UP, INIT } from "../support/bad-day.ts";
import { kafkaForTests } from "../support/kafka.ts";
import { beginKafkaDay } from "../support/kafka-day.ts";
import { eachMariadb } from "../support/mariadb.ts";
import { Oracle } from "../support/oracle.ts";
import { TallylakeProcess } from "../support/tallylake-process.ts";
import { readmeGrants } from "../support/readme-grants.ts";
import { waitFor } from "../support/wait-for.ts";

/* The whole path on MariaDB: the lake equals the source after each kill, and the report proves it. */

const oracle = Oracle.open();
afterAll(async () => {
  await (await oracle)[Symbol.asyncDispose]();
});

const TABLES = `
  CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20), d DECIMAL(10,2), f DOUBLE, t DATETIME(6), b BLOB);
  INSERT INTO a SELECT seq, CONCAT('v', seq), seq / 3, seq / 7, '2024-02-29 01:02:03.4', REPEAT(X'00FF', seq % 9) FROM seq_1_to_20000;
  CREATE TABLE own (u UUID PRIMARY KEY, i4 INET4, i6 INET6, j JSON, z TEXT COMPRESSED);
  INSERT INTO own VALUES ('123e4567-e89b-12d3-a456-426655440000', '10.0.0.1', '2001:db8::1', '{"a": 1.0}', REPEAT('z', 500))`;

eachMariadb((test, version) => {
  test("E157 E166: init while a session writes, follow, three kills, report: the lake is the source", async ({
    startMariadb,
  }) => {
    await using server = await startMariadb();
    await using day = await BadDay.begin({
      ...{ server, oracle: await oracle, sql: TABLES },
      config: { more: "trace: {path: ./trace}\n" },
    });
    const checked = await day.run(["check"]);
    expect([checked.exitCode, checked.out]).toEqual([
      0,
      expect.stringMatching(/, MariaDB 1\d\.\d+\.\d+.*, no TLS/) as string,
    ]);
    // A session of its own goes on writing, so that the snapshot and each kill come in the middle of something.
    let isWriting = true;
    const writing = (async () => {
      await using session = await server.connect(day.database);
      for (let i = 30_000; isWriting; i++) {
        await session.run(`BEGIN; INSERT INTO a (id, v, f) VALUES (${i}, 'new', ${i}e-3);
          UPDATE a SET v = 'x', d = d + 1 WHERE id % 50 = ${i % 50}; DELETE FROM a WHERE id = ${i - 29_990};
          INSERT INTO own (u, i6, z) VALUES (UUID(), CONCAT('::', ${i % 10}), REPEAT('y', ${i % 300})); COMMIT`);
      }
    })();
    expect(await day.outcome(INIT)).toEqual([0]);
    for (const afterMs of [700, 1500, 2500]) {
      await using follow = TallylakeProcess.start(day.place.dir, ["follow", "--config", "tallylake.yaml"]);
      await waitFor("the first line of the log", () => follow.stderr !== "");
      await delay(afterMs);
      expect(follow.isRunning).toBe(true);
      follow.signal("SIGKILL");
      await follow.ended;
    }
    isWriting = false;
    await writing;
    expect(await day.outcome(CATCH_UP)).toEqual([0]);
    expect(await day.different("a", "own")).toEqual([]);
    // The source's own arm counts as well: it reads the binlog again, apart from capture.
    const report = await day.run(["report"]);
    expect([report.exitCode, report.out]).toEqual([
      0,
      expect.stringMatching(/^match: exact up to .*, 2 of 2 tables\n/) as string,
    ]);
    expect(await day.outcome(["report", "--deep"])).toEqual([0]);
    const status = await day.run(["status"]);
    expect(status.out).toContain("0-1-");
  });

  test("the documented grants suffice for every command", async ({ mariadb }) => {
    await using day = await BadDay.begin({
      ...{ server: mariadb, oracle: await oracle, sql: TABLES },
      config: { more: "trace: {path: ./trace}\n" },
    });
    const user = `grants_${process.pid.toString(36)}`;
    const grants = readmeGrants("MariaDB");
    expect(grants).toHaveLength(2);
    await day.sql(`CREATE OR REPLACE USER ${user}`);
    for (const grant of grants)
      await day.sql(grant.replace("shop.*", `${day.database}.*`).replace("TO tallylake", `TO ${user}`));
    await day.configure({ url: mariadb.url.replace("root@", `${user}@`) });
    for (const args of [["check"], INIT, CATCH_UP, ["report"], ["report", "--deep"], ["status"]])
      expect([args, await day.outcome(args)]).toEqual([args, [0]]);
    await day.sql(`DROP USER ${user}`);
  });

  // One version is enough: what lies behind capture does not know which server it was.
  if (version === "11.4") {
    test("through Kafka: capture, apply and report", async ({ mariadb }) => {
      const { brokers } = await kafkaForTests();
      const options = { server: mariadb, oracle: await oracle, sql: TABLES };
      const config = { more: "trace: {path: ./trace}\n" };
      await using day = await beginKafkaDay({ ...options, config }, brokers);
      expect(await day.outcome(INIT)).toEqual([0]);
      await day.sql(
        "UPDATE a SET v = 'x' WHERE id % 5 = 0; UPDATE a SET id = id + 90000 WHERE id < 5; DELETE FROM own",
      );
      expect(await day.outcome(CATCH_UP)).toEqual([0]);
      await day.sql("INSERT INTO own (u) VALUES (UUID())");
      expect(await day.outcome(CATCH_UP)).toEqual([0]);
      expect(await day.different("a", "own")).toEqual([]);
      expect(await day.outcome(["report", "--deep"])).toEqual([0]);
    });
  }
});
