import { expect } from "vitest";
import { eachMariadb } from "../../support/mariadb.ts";

eachMariadb((test, version) => {
  test("a killed or restarted server keeps its port and every commit", async ({ startMariadb }) => {
    await using mariadb = await startMariadb();
    const settings =
      "SELECT CONCAT_WS(' ', @@port, @@bind_address, @@log_bin, @@binlog_format, @@binlog_row_metadata)";
    const before: unknown[] = [];
    {
      await using session = await mariadb.connect();
      before.push(await session.value(settings));
      await session.run("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)");
      for (let id = 1; id <= 20; id++) await session.run(`INSERT INTO d.t VALUES (${id})`);
    }
    await mariadb.process.kill9();
    expect(mariadb.process.running).toBe(false);
    await mariadb.process.restart();
    await mariadb.process.restart(["--binlog-expire-logs-seconds=77"]);
    await using session = await mariadb.connect();
    expect(before[0]).toBe(`${mariadb.process.port} 127.0.0.1 ON ROW FULL`);
    expect(await session.value(settings)).toBe(before[0]);
    expect(await session.value("SELECT COUNT(*) FROM d.t")).toBe("20");
    expect(await session.value("SELECT @@binlog_expire_logs_seconds")).toBe("77");
    expect(await session.value("SELECT VERSION()")).toMatch(new RegExp(`^${version.replace(".", "\\.")}\\.`));
  });
});
