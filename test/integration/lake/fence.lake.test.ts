import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { isSyncError } from "../../../src/types/errors.ts";
import type { LakeTable } from "../../../src/types/ports.ts";
import { setStepHook } from "../../../src/util/step.ts";
import { SIMPLE_SCHEMA } from "../../support/batch.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, testLake, type TestLake } from "../../support/lake.ts";
import { LakeHolder } from "../../support/lake-process.ts";

afterEach(() => setStepHook(null));

const hoodie = (lake: TestLake, name: string): string => join(lake.tableDir(SIMPLE_SCHEMA), ".hoodie", name);

interface Loaded {
  readonly table: LakeTable;
  readonly writer: ChangeWriter;
}

async function loaded(lake: TestLake): Promise<Loaded> {
  const writer = new ChangeWriter(SIMPLE_SCHEMA);
  const table = await lake.open(SIMPLE_SCHEMA);
  const chunk = await lake.stage(table, SIMPLE_SCHEMA, {
    index: 0,
    rows: [
      ["1", '"a"'],
      ["2", '"b"'],
    ],
  });
  await table.load(SIMPLE_SCHEMA, [chunk], commitInfo(writer));
  return { table, writer };
}

/** The message of the refusal that a commit ends with, with the table's folder as `T`. */
async function commitRefusal(lake: TestLake, { table, writer }: Loaded): Promise<string> {
  try {
    await table.append(writer.batch([[{ op: "u", row: ["1", '"x"'] }]]));
    await table.commit(commitInfo(writer));
    return "none";
  } catch (error) {
    if (!isSyncError(error, "LAKE_FENCED")) throw error;
    return error.message.replaceAll(lake.tableDir(SIMPLE_SCHEMA), "T");
  } finally {
    setStepHook(null);
  }
}

const completed = async (lake: TestLake): Promise<readonly string[]> =>
  (await readdir(hoodie(lake, ""))).filter((name) => name.endsWith(".commit")).sort();

function at(step: string, act: () => void): void {
  setStepHook((name) => {
    if (name !== step) return;
    setStepHook(null);
    act();
  });
}

const replaceWriter = (lake: TestLake): void => {
  const path = hoodie(lake, ".aux/tallylake.json");
  writeFileSync(path, readFileSync(path, "utf8").replace(/"fence":\d+/, '"fence":99'));
};

describe("a writer that lost its place in spite of the lock", () => {
  test("stops before it begins a commit, and the one who took it goes on", async () => {
    await using lake = await testLake();
    const first = await loaded(lake);
    // Without its file the lock is on nothing that anybody else could find.
    await rm(hoodie(lake, ".aux/tallylake.lock"));
    await using second = await LakeHolder.start(lake);
    expect(second.says).toBe("open");
    const before = await readdir(hoodie(lake, ""));
    expect(await commitRefusal(lake, first)).toBe(
      "another writer has changed the table: T/.hoodie/.aux/tallylake.json",
    );
    expect(await readdir(hoodie(lake, ""))).toEqual(before);
    expect(await second.ask("commit")).toMatch(/^committed \d{17}$/);
    expect(await completed(lake)).toHaveLength(2);
    await first.table.close();
  });

  test("stops before it completes a commit", async () => {
    await using lake = await testLake();
    const first = await loaded(lake);
    at("lake.files.durable", () => replaceWriter(lake));
    expect(await commitRefusal(lake, first)).toBe(
      "another writer has changed the table: T/.hoodie/.aux/tallylake.json",
    );
    expect(await completed(lake)).toHaveLength(1);
    await first.table.close();
  });

  test("stops when its instant is taken", async () => {
    await using lake = await testLake();
    const first = await loaded(lake);
    at("lake.files.durable", () => {
      const inflight = readdirSync(hoodie(lake, ""))
        .filter((name) => name.endsWith(".inflight"))
        .sort();
      writeFileSync(hoodie(lake, (inflight.at(-1) ?? "").replace("inflight", "commit")), "theirs");
    });
    expect(await commitRefusal(lake, first)).toMatch(
      /^another writer has changed the table: T\/\.hoodie\/\d{17}\.commit$/,
    );
    const [, taken = ""] = await completed(lake);
    expect(await readFile(hoodie(lake, taken), "utf8")).toBe("theirs");
    await first.table.close();
  });

  test("stops behind a commit that was not alone", async () => {
    await using lake = await testLake();
    const first = await loaded(lake);
    at("lake.commit.completed", () => {
      writeFileSync(hoodie(lake, "20990101000000000.commit.requested"), "");
    });
    expect(await commitRefusal(lake, first)).toBe(
      "another writer has changed the table: T/.hoodie/20990101000000000",
    );
    // It takes nothing more, whatever comes: whether the commit counts is for the next opening to say.
    await rm(hoodie(lake, "20990101000000000.commit.requested"));
    expect(await commitRefusal(lake, first)).toMatch(/^another writer/);
    expect(await completed(lake)).toHaveLength(2);
    await first.table.close();
  });

  test("stops when the table became another kind of table", async () => {
    await using lake = await testLake();
    const { table, writer } = await loaded(lake);
    const path = hoodie(lake, "hoodie.properties");
    const text = readFileSync(path, "utf8").replace("hoodie.table.version=6", "hoodie.table.version=9");
    writeFileSync(path, text);
    await expect(table.commit(commitInfo(writer))).rejects.toMatchObject({ code: "LAKE_FOREIGN_TABLE" });
    expect(await completed(lake)).toHaveLength(1);
    await table.close();
  });

  test("does not clean either", async () => {
    await using lake = await testLake();
    const { table } = await loaded(lake);
    replaceWriter(lake);
    await expect(table.clean(Date.now())).rejects.toMatchObject({ code: "LAKE_FENCED" });
    await table.close();
  });
});

test("every opening takes a higher fence, which its commits carry", async () => {
  await using lake = await testLake();
  const { table, writer } = await loaded(lake);
  await table.commit(commitInfo(writer));
  await table.close();
  await (await lake.open(SIMPLE_SCHEMA)).close();
  const again = await lake.open(SIMPLE_SCHEMA);
  await again.commit(commitInfo(writer));
  await again.close();
  const fences: unknown[] = [];
  for (const name of await completed(lake)) {
    const { extraMetadata } = JSON.parse(await readFile(hoodie(lake, name), "utf8")) as {
      extraMetadata: Record<string, string>;
    };
    fences.push(extraMetadata["tallylake.fence"]);
  }
  expect(fences).toEqual(["1", "1", "3"]);
});
