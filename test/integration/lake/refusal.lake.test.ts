import {
  appendFile,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HudiTableOptions } from "../../../src/lake/table-options.ts";
import { isSyncError } from "../../../src/types/errors.ts";
import { must } from "../../../src/util/assert.ts";
import { makeBatch, SIMPLE_SCHEMA } from "../../support/batch.ts";
import { ChangeWriter } from "../../support/change-writer.ts";
import { commitInfo, latestFiles, testLake, type TestLake } from "../../support/lake.ts";

/** A table with two commits, closed; every bucket has two slices. Made once, and copied by each test. */
let template: TestLake;
const written = new ChangeWriter(SIMPLE_SCHEMA);

beforeAll(async () => {
  template = await testLake();
  const table = await template.open(SIMPLE_SCHEMA);
  const rows = Array.from({ length: 10 }, (_, i) => [String(i), `"v${i}"`]);
  const chunk = await template.stage(table, SIMPLE_SCHEMA, { index: 0, rows });
  await table.load(SIMPLE_SCHEMA, [chunk], commitInfo(written));
  await table.append(written.batch([rows.map((row) => ({ op: "u" as const, row }))]));
  await table.commit(commitInfo(written));
  await table.close();
});
afterAll(() => template[Symbol.asyncDispose]());

async function twoCommits(lake: TestLake): Promise<ChangeWriter> {
  await cp(template.lakeDir, lake.lakeDir, { recursive: true });
  return new ChangeWriter(SIMPLE_SCHEMA, { seq: written.seq, gtid: written.gtidNumber });
}

/** Code and message, with the table's folder as `T`. */
async function refusal(lake: TestLake, work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return `${error.code}: ${error.message}`.replaceAll(lake.tableDir(SIMPLE_SCHEMA), "T");
  }
}

const openRefusal = (lake: TestLake, change: Partial<HudiTableOptions> = {}): Promise<string> =>
  refusal(lake, () => lake.open(SIMPLE_SCHEMA, change));

async function instants(lake: TestLake): Promise<readonly string[]> {
  const names = await readdir(join(lake.tableDir(SIMPLE_SCHEMA), ".hoodie"));
  return names
    .filter((name) => name.endsWith(".commit"))
    .map((name) => name.slice(0, 17))
    .sort();
}

const hoodie = (lake: TestLake, name: string): string => join(lake.tableDir(SIMPLE_SCHEMA), ".hoodie", name);

const edit = async (path: string, change: (text: string) => string): Promise<void> =>
  writeFile(path, change(await readFile(path, "utf8")));

describe("opening refuses, and leaves alone,", () => {
  test("a folder that holds something else", async () => {
    await using lake = await testLake();
    const dir = lake.tableDir(SIMPLE_SCHEMA);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "photo.jpg"), "x");
    expect(await openRefusal(lake)).toBe(
      "LAKE_NOT_EMPTY: the folder T holds something that is not a table of tallylake",
    );
    expect(await readdir(dir)).toEqual(["photo.jpg"]);
  });

  test("a Hudi table of another tool", async () => {
    await using lake = await testLake();
    const dir = lake.tableDir(SIMPLE_SCHEMA);
    await mkdir(join(dir, ".hoodie"), { recursive: true });
    await writeFile(hoodie(lake, "hoodie.properties"), "hoodie.table.name=t\nhoodie.table.version=6\n");
    const theirs =
      "LAKE_FOREIGN_TABLE: T is not a table that tallylake may write: it is a Hudi table that tallylake did not make";
    expect(await openRefusal(lake)).toBe(theirs);
    await writeFile(
      hoodie(lake, "20260101000000000.commit"),
      '{"partitionToWriteStats":{},"extraMetadata":{}}',
    );
    expect(await openRefusal(lake)).toBe(theirs);
    expect((await readdir(join(dir, ".hoodie"))).sort()).toEqual([
      "20260101000000000.commit",
      "hoodie.properties",
    ]);
  });

  test.each([
    [
      "hoodie.table.version=6",
      "hoodie.table.version=9",
      "it has table version 9, and tallylake writes version 6",
    ],
    ["COPY_ON_WRITE", "MERGE_ON_READ", "hoodie.table.type is MERGE_ON_READ and not COPY_ON_WRITE"],
    [
      "recordkey.fields=id",
      "recordkey.fields=v",
      "its record key is v, and the primary key of the source table id",
    ],
    [
      "#Written",
      "hoodie.table.metadata.partitions=files\n#",
      "it has a metadata table (files), which our commits would not keep up to date",
    ],
  ])("a table whose properties say %s → %s", async (from, to, reason) => {
    await using lake = await testLake();
    await twoCommits(lake);
    await edit(hoodie(lake, "hoodie.properties"), (text) => text.replace(from, to));
    expect(await openRefusal(lake)).toBe(
      `LAKE_FOREIGN_TABLE: T is not a table that tallylake may write: ${reason}`,
    );
  });

  test("a table without properties, and one with a metadata table that they do not name", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await mkdir(hoodie(lake, "metadata"));
    await writeFile(hoodie(lake, "metadata/x"), "");
    expect(await openRefusal(lake)).toBe(
      "LAKE_FOREIGN_TABLE: T is not a table that tallylake may write: it has a metadata table, which our commits would not keep up to date",
    );
    await rename(hoodie(lake, "hoodie.properties"), hoodie(lake, "hoodie.properties.backup"));
    expect(await openRefusal(lake)).toBe(
      "LAKE_FOREIGN_TABLE: T is not a table that tallylake may write: T/.hoodie/hoodie.properties is missing",
    );
  });

  test("a table of another source, of a later epoch, or of another policy for dates", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    expect(await openRefusal(lake, { identity: { source: "other", epoch: 1 } })).toBe(
      "LAKE_FOREIGN_TABLE: T is not a table that tallylake may write: it belongs to source shop, epoch 1, and not to other, epoch 1",
    );
    expect(await openRefusal(lake, { identity: { source: "shop", epoch: 0 } })).toMatch(
      /^LAKE_FOREIGN_TABLE/,
    );
    expect(await openRefusal(lake, { zeroDates: "text" })).toBe(
      "CONFIG_INVALID: shop.t was made with zeroDates: null, which cannot become text",
    );
    expect(await openRefusal(lake, { zeroDates: "stop", identity: { source: "shop", epoch: 2 } })).toBe(
      "none",
    );
  });

  test("another table under this table's name", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    const other = { ...SIMPLE_SCHEMA, id: { database: "shop", table: "u" } };
    await rename(lake.tableDir(SIMPLE_SCHEMA), lake.tableDir(other));
    const found = await refusal(lake, () => lake.open(other));
    expect(found).toMatch(/: it is the table shop\.t, and not shop\.u$/);
  });
});

describe("a table that somebody else wrote to is refused", () => {
  test("with a commit that is not ours", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await writeFile(
      hoodie(lake, "20990101000000000.commit"),
      '{"partitionToWriteStats":{"":[]},"extraMetadata":{}}',
    );
    expect(await openRefusal(lake)).toBe(
      "LAKE_FOREIGN_WRITE: T was changed by another program: the commit 20990101000000000 is not one that we know of",
    );
  });

  test.each([
    "20990101000000000.clean.requested",
    "20990101000000000.deltacommit",
    "20990101000000000.rollback",
  ])("with %s on its timeline", async (name) => {
    await using lake = await testLake();
    await twoCommits(lake);
    await writeFile(hoodie(lake, name), "");
    expect(await openRefusal(lake)).toBe(
      `LAKE_FOREIGN_WRITE: T was changed by another program: its timeline has ${name}`,
    );
  });

  test("with a pending instant that we did not begin", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await writeFile(hoodie(lake, "20990101000000000.commit.requested"), "");
    expect(await openRefusal(lake)).toBe(
      "LAKE_FOREIGN_WRITE: T was changed by another program: the instant 20990101000000000 is pending and not ours",
    );
  });

  test("without our last commit", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    const last = must((await instants(lake)).at(-1), "a commit");
    for (const suffix of [".commit", ".inflight", ".commit.requested"])
      await rm(hoodie(lake, `${last}${suffix}`));
    expect(await openRefusal(lake)).toBe(
      `LAKE_FOREIGN_WRITE: T was changed by another program: its timeline has lost our commit ${last}, and the checkpoint with it`,
    );
  });

  test("with files that are not ours", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    const dir = lake.tableDir(SIMPLE_SCHEMA);
    const [first] = await latestFiles(dir);
    const name = must(first, "a base file").slice(dir.length + 1);
    // A group of another index, then one with a bucket beyond the last, then a second group of a bucket.
    const strangers = [
      ["d7bb1f6c", name.slice(8), "there is d7bb1f6c.*, which is no base file of ours"],
      ["00000002", name.slice(8), "the bucket of 00000002.* is beyond the last or has two file groups"],
      [
        name.slice(0, 9),
        name.slice(9).replace(/^..../, "0000"),
        "the bucket of .* is beyond the last or has two file groups",
      ],
    ];
    for (const [start, rest, reason] of strangers) {
      const path = join(dir, `${start ?? ""}${rest ?? ""}`);
      await copyFile(join(dir, name), path);
      expect(await openRefusal(lake)).toMatch(
        new RegExp(`^LAKE_FOREIGN_WRITE: T was changed by another program: ${reason ?? ""}$`),
      );
      await rm(path);
    }
    await copyFile(join(dir, name), join(dir, name.replace(/\d{17}/, "20990101000000000")));
    expect(await openRefusal(lake)).toMatch(
      /: the base file .*_20990101000000000\.parquet belongs to no commit$/,
    );
  });
});

describe("what is corrupt is named", () => {
  test("a commit", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    const last = must((await instants(lake)).at(-1), "a commit");
    const path = hoodie(lake, `${last}.commit`);
    const whole = await readFile(path);
    await truncate(path, whole.length - 40);
    expect(await openRefusal(lake)).toMatch(
      new RegExp(`^LAKE_CORRUPT: T/\\.hoodie/${last}\\.commit is corrupt: `),
    );
    await truncate(path, 0);
    expect(await openRefusal(lake)).toMatch(
      new RegExp(`^LAKE_CORRUPT: T/\\.hoodie/${last}\\.commit is corrupt: `),
    );
    await writeFile(path, whole);
    expect(await openRefusal(lake)).toBe("none");
  });

  test("the writer's record", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await writeFile(hoodie(lake, ".aux/tallylake.json"), "{}");
    expect(await openRefusal(lake)).toBe(
      "LAKE_CORRUPT: T/.hoodie/.aux/tallylake.json is not the record that tallylake keeps of its commits",
    );
  });

  test("the footer of a base file", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    const path = must((await latestFiles(lake.tableDir(SIMPLE_SCHEMA))).at(-1), "a base file");
    const whole = await readFile(path);
    await truncate(path, whole.length - 1);
    expect(await openRefusal(lake)).toBe(
      `LAKE_CORRUPT: the base file ${path.replace(lake.tableDir(SIMPLE_SCHEMA), "T")} cannot be read`,
    );
    await appendFile(path, whole.subarray(-1));
    expect(await openRefusal(lake)).toBe("none");
  });

  test("the data of a base file, when it is merged", async () => {
    await using lake = await testLake();
    const writer = await twoCommits(lake);
    const path = must((await latestFiles(lake.tableDir(SIMPLE_SCHEMA))).at(-1), "a base file");
    const bytes = await readFile(path);
    bytes.fill(0xff, 4, 200);
    await writeFile(path, bytes);
    const table = await lake.open(SIMPLE_SCHEMA);
    const rows = Array.from({ length: 10 }, (_, i) => [String(i), '"again"']);
    await table.append(writer.batch([rows.map((row) => ({ op: "u" as const, row }))]));
    expect(await refusal(lake, () => table.commit(commitInfo(writer)))).toBe(
      `LAKE_CORRUPT: the base file ${path.replace(lake.tableDir(SIMPLE_SCHEMA), "T")} cannot be read`,
    );
    await table.close();
  });

  test("a base file that is gone, so that an older slice would pass for the latest", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await rm(must((await latestFiles(lake.tableDir(SIMPLE_SCHEMA))).at(-1), "a base file"));
    expect(await openRefusal(lake)).toBe(
      "LAKE_CORRUPT: T is corrupt: its base files are not those of the last commit; some are missing or were replaced",
    );
  });

  test("the lock file", async () => {
    await using lake = await testLake();
    await twoCommits(lake);
    await writeFile(hoodie(lake, ".aux/tallylake.lock"), "x");
    expect(await openRefusal(lake)).toMatch(
      /^LAKE_CORRUPT: the lock file T\/\.hoodie\/\.aux\/tallylake\.lock is damaged: /,
    );
  });
});

test("a record that is gone is made anew from the commits", async () => {
  await using lake = await testLake();
  const writer = await twoCommits(lake);
  await rm(hoodie(lake, ".aux"), { recursive: true });
  const table = await lake.open(SIMPLE_SCHEMA);
  expect(table.checkpoint).toEqual(commitInfo(writer).checkpoint);
  await table.commit(commitInfo(writer));
  await table.close();
});

test("changes of another schema are refused", async () => {
  await using lake = await testLake();
  const writer = await twoCommits(lake);
  const table = await lake.open(SIMPLE_SCHEMA);
  const batch = makeBatch([[{ op: "c", id: 99, v: "x" }]], {
    firstGtid: 99,
    firstSeq: writer.seq + 1,
    schema: { ...SIMPLE_SCHEMA, version: "0000000000000000" },
  });
  expect(await refusal(lake, () => table.append(batch))).toBe(
    `TABLE_SCHEMA_CHANGED: shop.t: the table in the lake has schema ${SIMPLE_SCHEMA.version}, and the changes have 0000000000000000`,
  );
  await table.close();
});

test("rows as records are refused, since they are for Kafka", async () => {
  await using lake = await testLake();
  const writer = await twoCommits(lake);
  const table = await lake.open(SIMPLE_SCHEMA);
  const batch = makeBatch([[{ op: "c", id: 99, v: "x" }]], {
    firstGtid: 99,
    firstSeq: writer.seq + 1,
    form: "records",
  });
  await expect(table.append(batch)).rejects.toThrow("a lake takes rows as columns or lines, not as records");
  expect(table.pendingRows).toBe(0);
  await table.close();
});
