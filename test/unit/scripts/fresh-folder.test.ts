import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "../../../scripts/fresh-folder.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("the new folder takes the place of the old one and of what a killed call has left", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "deep/a");
  await mkdir(join(dir.path, "deep/a.new-x1/half"), { recursive: true });
  await mkdir(join(dir.path, "deep/ab.new-x1"), { recursive: true });
  for (const text of ["one", "two"]) {
    await makeFolder(path, (fresh) => writeFile(join(fresh, text), text));
    expect(await readdir(path)).toEqual([text]);
    expect(await readFile(join(path, text), "utf8")).toBe(text);
  }
  expect((await readdir(join(dir.path, "deep"))).sort()).toEqual(["a", "ab.new-x1"]);
});

test("a failure leaves the old folder as it was, and nothing new", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "a");
  await makeFolder(path, (fresh) => writeFile(join(fresh, "old"), ""));
  const failing = makeFolder(path, async (fresh) => {
    await writeFile(join(fresh, "new"), "");
    throw new Error("no space");
  });
  await expect(failing).rejects.toThrow("no space");
  expect(await readdir(dir.path)).toEqual(["a"]);
  expect(await readdir(path)).toEqual(["old"]);
});
