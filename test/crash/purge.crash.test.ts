import { expect } from "vitest";
import { CrashRig } from "../support/crash-rig.ts";
import { mysqlTest } from "../support/mysql.ts";

mysqlTest(
  "E173: binlogs that go while the snapshot is taken end it by name, and the next one begins anew",
  async ({ startMysql }) => {
    await using server = await startMysql();
    await using rig = await CrashRig.open(server);
    await using database = await rig.database();
    const place = await rig.place(database.name);
    const ended = await rig.run(place, {
      args: ["init"],
      gates: [{ step: "init.read-all", nth: 1 }],
      onGate: async () => {
        await database.run("CREATE TABLE _later (id INT PRIMARY KEY); DROP TABLE _later; FLUSH BINARY LOGS");
        const [[file] = []] = await database.rows("SHOW BINARY LOG STATUS");
        await database.run(`PURGE BINARY LOGS TO '${String(file)}'`);
      },
    });
    expect([ended.code, /SOURCE_PURGED/.test(ended.stderr)]).toEqual([69, true]);
    expect((await rig.run(place, { args: ["init"] })).code).toBe(0);
    expect((await rig.run(place, { args: ["follow", "--until-caught-up"] })).code).toBe(0);
    expect(await rig.judge(place, database)).toEqual([]);
  },
);
