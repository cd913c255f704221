import { expect } from "vitest";
import { prepareBenchServer } from "../../bench/data.ts";
import { TestConnection } from "../../support/mysql-connection.ts";
import { mysqlTest as test } from "../../support/mysql.ts";
import { missingMysql } from "../../support/mysql-shared.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SIZE = { rows: 3000, changes: 2000 };

test("bench data is made once, is always the same, and each run has its own copy", async ({ skip }) => {
  const missing = await missingMysql();
  skip(missing !== null, `no MySQL: ${missing ?? ""}`);
  await using cache = await tempDir();
  const said: string[] = [];
  const options = { cache: cache.path, progress: (line: string) => said.push(line) };
  const checksums = "CHECKSUM TABLE snap.orders, shop.orders";
  const facts: unknown[] = [];
  for (let run = 1; run <= 2; run++) {
    await using bench = await prepareBenchServer(SIZE, options);
    await using session = await TestConnection.open(bench.server.url);
    const executed = String(await session.value("SELECT @@gtid_executed"));
    facts.push([bench.workload, executed, await session.value("SELECT @@server_uuid")]);
    // Those of the tool that prepared the data on which others were measured.
    expect(await session.rows(checksums)).toEqual([
      ["snap.orders", "2044184219"],
      ["shop.orders", "2831160738"],
    ]);
    expect(bench.workload).toMatchObject({
      ...SIZE,
      updates: 1600,
      inserts: 300,
      deletes: 100,
      transactions: 19,
      binlogBytes: 375_249,
      start: { file: "binlog.000002", position: 198 },
      end: { file: "binlog.000002", position: 375_447 },
      final: { rows: "3200", quantity: "15953", price: "52943.31", crc: "6831307110842" },
    });
    expect(await session.rows("SHOW BINARY LOGS")).toContainEqual(["binlog.000002", "375767", "No"]);
    // A change in one run is not there in the next.
    await session.run("DELETE FROM shop.orders");
  }
  expect(facts[1]).toEqual(facts[0]);
  expect(said).toEqual(["loading two tables of 3000 rows", "making 2000 changes"]);
});
