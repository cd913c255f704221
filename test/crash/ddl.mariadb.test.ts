import { expect } from "vitest";
import { CrashRig } from "../support/crash-rig.ts";
import { allWrong } from "../support/crash-scenario.ts";
import { ddlScenario } from "../support/ddl-scenario.ts";
import { inParallel } from "../support/in-parallel.ts";
import { eachMariadb } from "../support/mariadb.ts";

const HISTORIES = 10;
const AT_ONCE = 2;

eachMariadb((test) => {
  test("D146 D150: random histories of statements that change tables, under a follow that is killed", async ({
    mariadb,
  }) => {
    await using rig = await CrashRig.open(mariadb);
    const seeds = Array.from({ length: HISTORIES }, (_, i) => 800 + i);
    const outcomes = await inParallel(seeds, AT_ONCE, (seed) => ddlScenario(rig, { seed }));
    expect(allWrong(outcomes)).toEqual([]);
  });
});
