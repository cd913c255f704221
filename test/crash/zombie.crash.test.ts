import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { isThere } from "../../scripts/is-there.ts";
import { CRASH_CONFIG, CrashRig, seededWriter } from "../support/crash-rig.ts";
import { followStart } from "../support/crash-scenario.ts";
import { mysqlTest } from "../support/mysql.ts";
import { waitFor } from "../support/wait-for.ts";

let opened: Promise<CrashRig> | null = null;

const test = mysqlTest.extend("rig", ({ mysql }) => (opened ??= CrashRig.open(mysql)));

afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
});

const FOLLOW = ["follow"];
const CONFIG = CRASH_CONFIG.replace("every: 60s", "every: 200ms");

test("a stopped process keeps its tables: another one is refused by name, and it goes on when it wakes", async ({
  rig,
}) => {
  const { place, database } = await followStart(rig, { seed: 1, config: CONFIG });
  await using _database = database;
  // It stops in the middle of a commit, where a second writer would do the most harm.
  const gate = {
    ...{ step: "lake.file.written", nth: 2 },
    reached: join(place.dir, "reached"),
    open: join(place.dir, "open"),
  };
  await using first = rig.start(place, FOLLOW, { gates: [gate], unitRows: 25 });
  await waitFor("the middle of a commit", () => isThere(gate.reached));
  first.signal("SIGSTOP");
  await writeFile(gate.open, "");
  await seededWriter(database, { seed: 2 })(10);

  const second = await rig.run(place, { args: FOLLOW });
  expect(second.code).toBe(75);
  expect(second.stderr).toMatch(
    new RegExp(`the table is being written by the process with id ${first.pid} \\(.*\\) \\(LAKE_LOCKED\\)`),
  );

  first.signal("SIGCONT");
  await seededWriter(database, { seed: 3 })(10);
  await waitFor("the first process to catch up", () => rig.isExact(place, database), { intervalMs: 100 });
  first.signal("SIGTERM");
  expect(await first.ended).toMatchObject({ code: 0, signal: null });
  expect(await rig.judge(place, database)).toEqual([]);
});
