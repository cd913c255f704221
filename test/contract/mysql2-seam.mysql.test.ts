import { expect } from "vitest";
import type { PacketHandler } from "../../src/capture/connection.ts";
import { CaptureSession } from "../support/capture-session.ts";
import { mysqlTest } from "../support/mysql.ts";
import { binaryTexts } from "../support/text-packet.ts";

/*
 * What `capture/connection.ts` takes from the driver beside its documented interface: of the commands that
 * `query` and a statement's `execute` return the method `execute`, the state `row` and the state `next`, and a
 * packet's buffer, offset and end. The driver's version is pinned; these
 * tests say whether another one still has the seam.
 */

/** A packet of the protocol holds fewer bytes than this; a longer payload goes on in the next one. */
const PACKET_BYTES = 2 ** 24 - 1;

/** Lengths of the texts in each row of two. */
async function lengthsOf(session: CaptureSession, sql: string): Promise<(number | undefined)[][]> {
  const rows: (number | undefined)[][] = [];
  await session.connection.readPackets(sql, (packet, from, to) => {
    rows.push(binaryTexts(packet, from, to, 2).map((value) => value?.length));
    return null;
  });
  return rows;
}

mysqlTest("every row is seen once, in order, as it was sent", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  const seen: string[] = [];
  const sql =
    "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT CONVERT(n, CHAR), REPEAT('x', n), NULL FROM s";
  await session.connection.readPackets(sql, (packet, from, to) => {
    const [n, text, none] = binaryTexts(packet, from, to, 3);
    seen.push(`${n ?? ""} ${text?.length ?? ""} ${String(none)}`);
    return null;
  });
  expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => `${i + 1} ${i + 1} null`));
});

mysqlTest("rows around and over 16 MiB come whole", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  // The length in front of such a value takes four bytes, and nine from 2^24 on.
  for (const length of [PACKET_BYTES - 5, PACKET_BYTES - 4, PACKET_BYTES - 3, 2 ** 24, 2 ** 25 + 7]) {
    const sql = `SELECT REPEAT('x', ${length}), 'behind' UNION ALL SELECT 'next', 'row'`;
    expect(await lengthsOf(session, sql)).toEqual([
      [length, 6],
      [4, 3],
    ]);
  }
});

mysqlTest("a result without rows, and a statement without a result, end", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  expect(await lengthsOf(session, "SELECT 1 LIMIT 0")).toEqual([]);
  expect(await lengthsOf(session, "DO 0")).toEqual([]);
  expect(await session.connection.query("SELECT 'still here'")).toEqual([["still here"]]);
});

mysqlTest("a statement that was prepared for its rows is closed", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  const counts = async (): Promise<readonly (string | null | undefined)[]> =>
    (
      await session.connection.query(
        "SHOW SESSION STATUS WHERE Variable_name IN ('Com_stmt_prepare', 'Com_stmt_execute', 'Com_stmt_close')",
      )
    ).map(([, count]) => count);
  for (let i = 0; i < 3; i++) expect(await lengthsOf(session, `SELECT 'x', '${i}'`)).toEqual([[1, 1]]);
  await expect(lengthsOf(session, "SELECT")).rejects.toThrow();
  // Closed, executed, prepared: the last one was refused.
  expect(await counts()).toEqual(["3", "3", "4"]);
});

mysqlTest("column names do not matter", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  const sql = "SELECT 'a' AS `__proto__`, 'b' AS `constructor`, 'c' AS x, 'd' AS x, 'e' AS `'\\`\"`".replace(
    "\\`",
    "``",
  );
  expect(await session.connection.query(sql)).toEqual([["a", "b", "c", "d", "e"]]);
});

mysqlTest("no row comes while the handler waits, and none is lost", async ({ mysql }) => {
  await using session = await CaptureSession.open(mysql.url);
  let waiting = false;
  let rows = 0;
  const onPacket: PacketHandler = () => {
    expect(waiting).toBe(false);
    if (++rows % 1000 !== 0) return null;
    waiting = true;
    return new Promise((resolve) => {
      setImmediate(() => {
        waiting = false;
        resolve();
      });
    });
  };
  await session.connection.query("SET SESSION cte_max_recursion_depth = 1000000");
  await session.connection.readPackets(
    "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50000) SELECT n, REPEAT('x', 100) FROM s",
    onPacket,
  );
  expect(rows).toBe(50_000);
});
