import { expect, test } from "vitest";
import { isSyncError } from "../../../src/types/errors.ts";
import { SIMPLE_SCHEMA } from "../../support/batch.ts";
import { testLake } from "../../support/lake.ts";
import { LakeHolder } from "../../support/lake-process.ts";

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return `${error.code}: ${error.message.replace(/ \(.*\)$/, "")}`;
  }
}

test("a table has one writer among processes, named by its id, and none once it is dead", async () => {
  await using lake = await testLake();
  await using holder = await LakeHolder.start(lake);
  expect(holder.says).toBe("open");
  const locked = `LAKE_LOCKED: the table is being written by the process with id ${holder.pid}`;
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);

  // A process that is stopped may go on at any time.
  process.kill(holder.pid, "SIGSTOP");
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);

  await holder.end("SIGKILL");
  const table = await lake.open(SIMPLE_SCHEMA);
  await using second = await LakeHolder.start(lake);
  expect(second.says).toMatch(new RegExp(`^LAKE_LOCKED .* by the process with id ${process.pid} `));
  await table.close();
  await using third = await LakeHolder.start(lake);
  expect(third.says).toBe("open");
  await third.end("close");
  await (await lake.open(SIMPLE_SCHEMA)).close();
});

test("a table has one writer inside a process", async () => {
  await using lake = await testLake();
  const table = await lake.open(SIMPLE_SCHEMA);
  const locked = "LAKE_LOCKED: the table is being written by this process";
  expect(await refusal(() => lake.open(SIMPLE_SCHEMA))).toBe(locked);
  await table.close();
  await table.close();
  await (await lake.open(SIMPLE_SCHEMA)).close();
});

test("an attempt that was refused does not loosen the lock of the one who holds it", async () => {
  await using lake = await testLake();
  const table = await lake.open(SIMPLE_SCHEMA);
  await refusal(() => lake.open(SIMPLE_SCHEMA));
  await using holder = await LakeHolder.start(lake);
  expect(holder.says).toMatch(/^LAKE_LOCKED /);
  await table.close();
});
