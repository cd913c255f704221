import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder } from "../../../../scripts/quickstart-steps/folder.ts";
import { tempDir } from "../../../support/temp-dir.ts";

test("only what a quickstart made is emptied", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "a", "b");
  await emptyFolder(path);
  const fresh = await readdir(path);
  await mkdir(join(path, "lake", "shop"), { recursive: true });
  await writeFile(join(path, "follow-1.log"), "");
  await emptyFolder(path);
  expect(await readdir(path)).toEqual(fresh);
  await expect(emptyFolder(dir.path)).rejects.toThrow(`${dir.path} is not empty, and no quickstart made it`);
  expect(await readdir(dir.path)).toEqual(["a"]);
});
