import { afterAll, expect } from "vitest";
import { CrashRig } from "../support/crash-rig.ts";
import { allWrong } from "../support/crash-scenario.ts";
import { ddlScenario } from "../support/ddl-scenario.ts";
import { inParallel } from "../support/in-parallel.ts";
import { mysqlTest } from "../support/mysql.ts";

const HISTORIES = 10;
const AT_ONCE = 2;

let opened: Promise<CrashRig> | null = null;
const test = mysqlTest.extend("rig", ({ mysql }) => (opened ??= CrashRig.open(mysql)));
afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
});

test("D146 D150: random histories of statements that change tables, under a follow that is killed", async ({
  rig,
}) => {
  const seeds = Array.from({ length: HISTORIES }, (_, i) => 700 + i);
  const outcomes = await inParallel(seeds, AT_ONCE, (seed) => ddlScenario(rig, { seed }));
  expect(allWrong(outcomes)).toEqual([]);
});
