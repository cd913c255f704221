import { expect } from "vitest";
import { GtidSet } from "../../../src/types/gtid.ts";
import { BinlogTape, rowsOf } from "../../support/binlog-tape.ts";
import { mysqlTest } from "../../support/mysql.ts";
import { sourceChanges } from "../../support/source-count.ts";

/* GTIDs of every form that a server gives them, and sets of them that are not one interval of one server. */

const TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v INT)";
const AWAY = "aaaaaaaa-0000-4000-8000-00000000000a";
const next = (gtid: string, sql: string): string =>
  `SET gtid_next = '${gtid}'; ${sql}; SET gtid_next = 'AUTOMATIC'`;
const tagged = (tag: string, sql: string): string => next(`AUTOMATIC:${tag}`, sql);

mysqlTest("A43: GTIDs with tags, beside others and beside each other", async ({ database }) => {
  await database.run(TABLE);
  const t = { database: database.name, table: "t" };
  const { url } = database.server;
  const from = await BinlogTape.prepare(url, [t]);
  const longest = `_${"x9".repeat(15)}z`;
  await using tape = await BinlogTape.start({ ...from, url });
  await database.run("INSERT INTO t VALUES (1, 0)");
  await database.run(tagged("billing", "INSERT INTO t VALUES (2, 0); UPDATE t SET v = 1"));
  await database.run(
    tagged(longest, "BEGIN; DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3, 0); COMMIT"),
  );
  await database.run("UPDATE t SET v = 2");
  await database.run(
    `SET binlog_transaction_compression = ON; ${tagged("billing", "UPDATE t SET v = 3")}; SET binlog_transaction_compression = OFF`,
  );
  await database.run(next(`${AWAY}:t:${2n ** 63n - 2n}`, "INSERT INTO t VALUES (4, 0)"));
  const beganUs = Date.now() * 1000;
  await tape.caughtUp(database.connection);
  expect(tape.rows(t)).toEqual(await rowsOf(database.connection, t));
  expect([tape.broken, tape.stops, tape.aborts]).toEqual([[], [], 0]);
  const tags = [...tape.transactions.keys()].map((gtid) => gtid.split(":").slice(1, -1).join(":"));
  expect(tags).toEqual(["", "billing", "billing", longest, "", "billing", "t"]);
  for (const us of tape.transactions.values()) expect(Math.abs(us - beganUs)).toBeLessThan(60_000_000);

  // What has a tag is asked for with it, also when the last transaction is one of those.
  await using again = await BinlogTape.start({
    ...from,
    url,
    start: { ...from.start, position: tape.position },
  });
  await database.run(tagged("other", "INSERT INTO t VALUES (5, 0)"));
  await again.caughtUp(database.connection);
  expect(again.rows(t)).toEqual(['{"id":5,"v":0}']);
  const range = { id: t, from: from.start.position.gtids, to: again.position.gtids };
  expect(await sourceChanges(url, range)).toEqual({ c: 5, u: 2 + 2 + 2, d: 1 });
});

mysqlTest(
  "A44 A45: a set with gaps and with many servers is kept as it is, and what fills a gap comes",
  async ({ database }) => {
    await database.run(TABLE);
    const t = { database: database.name, table: "t" };
    const { url } = database.server;
    const from = await BinlogTape.prepare(url, [t]);
    const origin = "bbbbbbbb-0000-4000-8000-00000000000b";
    {
      await using tape = await BinlogTape.start({ ...from, url });
      for (const [id, number] of [1, 2, 3, 5, 9].entries()) {
        await database.run(next(`${origin}:${number}`, `INSERT INTO t VALUES (${id}, ${number})`));
      }
      for (let i = 0; i < 40; i++) {
        const server = `cccccccc-0000-4000-8000-${String(i).padStart(12, "0")}`;
        await database.run(next(`${server}:${i + 1}`, `INSERT INTO t VALUES (${100 + i}, 0)`));
      }
      await tape.caughtUp(database.connection);
      expect(tape.rows(t)).toHaveLength(45);
      const start = { ...from.start, position: tape.position };
      expect(start.position.gtids.intersect(GtidSet.parse(`${origin}:1-100`)).toString()).toBe(
        `${origin}:1-3:5:9`,
      );
      // It stops before the gaps are filled, as a replica with several workers fills them.
      await tape.stop();
      await database.run(next(`${origin}:4`, "UPDATE t SET v = 44 WHERE id = 2"));
      await database.run(next(`${origin}:8`, "DELETE FROM t WHERE id = 4"));
      await using again = await BinlogTape.start({ ...from, url, start });
      await again.caughtUp(database.connection);
      expect([...again.transactions.keys()]).toEqual([`${origin}:4`, `${origin}:8`]);
      const range = { id: t, from: from.start.position.gtids, to: again.position.gtids };
      expect(await sourceChanges(url, range)).toEqual({ c: 45, u: 1, d: 1 });
    }
  },
);
