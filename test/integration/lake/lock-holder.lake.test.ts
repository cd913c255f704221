import { readlink } from "node:fs/promises";
import { expect, test } from "vitest";
import { lockHolder } from "../../../src/lake/lock-holder.ts";
import { testLake } from "../../support/lake.ts";
import { INT, lakeSchema } from "../../support/lake-schemas.ts";

const SCHEMA = lakeSchema([["id", INT]], ["id"]);
const OTHER = lakeSchema([["id", INT]], ["id"], "other");

/** Elsewhere nobody can tell that there is no other process. */
async function seesAll(): Promise<boolean> {
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return namespace === "pid:[4026531836]";
}

test("the process that writes a table is seen without touching its lock", async () => {
  await using lake = await testLake();
  const ids = [OTHER.id, SCHEMA.id];
  expect(await lockHolder(lake.lakeDir, ids)).toEqual({ state: "free" });
  const table = await lake.open(SCHEMA);
  const isLinux = process.platform === "linux";
  const held = isLinux ? { state: "held", pid: process.pid } : { state: "unknown" };
  expect(await lockHolder(lake.lakeDir, ids)).toEqual(held);
  expect(await lockHolder(lake.lakeDir, ids)).toEqual(held);
  expect(await lockHolder(lake.lakeDir, [OTHER.id])).toEqual({ state: "free" });
  await table.close();
  expect(await lockHolder(lake.lakeDir, ids)).toEqual({ state: (await seesAll()) ? "free" : "unknown" });
});
