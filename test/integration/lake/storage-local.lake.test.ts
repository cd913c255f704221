import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { processFolder } from "../../../src/lake/process-folder.ts";
import { LocalStorage } from "../../../src/lake/storage-local.ts";
import { tempDir } from "../../support/temp-dir.ts";

const text = async (storage: LocalStorage, path: string): Promise<string | null> => {
  const bytes = await storage.read(path);
  return bytes === null ? null : new TextDecoder().decode(bytes);
};

test("a file is created once, whole, and replaced whole", async () => {
  await using dir = await tempDir();
  const temp = join(dir.path, "temp");
  const storage = new LocalStorage(temp);
  await storage.createFolder(temp);
  const path = join(dir.path, "file");
  expect(await text(storage, path)).toBeNull();
  expect(await storage.createIfAbsent(path, "first")).toBe(true);
  expect(await storage.createIfAbsent(path, "second")).toBe(false);
  expect(await storage.createEmpty(path)).toBe(false);
  expect(await text(storage, path)).toBe("first");
  await storage.replace(path, "third");
  expect(await text(storage, path)).toBe("third");
  expect(await storage.size(path)).toBe(5);
  expect(await storage.createEmpty(join(dir.path, "empty"))).toBe(true);
  expect(await storage.size(join(dir.path, "empty"))).toBe(0);
  expect(await readdir(temp)).toEqual([]);
});

test("of many who create a file at once, one does", async () => {
  await using dir = await tempDir();
  const storage = new LocalStorage(dir.path);
  const path = join(dir.path, "file");
  const contents = Array.from({ length: 20 }, (_, i) => `content ${i}`);
  const created = await Promise.all(contents.map((content) => storage.createIfAbsent(path, content)));
  expect(created.filter(Boolean)).toHaveLength(1);
  expect(await text(storage, path)).toBe(contents[created.indexOf(true)]);
  expect(await readdir(dir.path)).toEqual(["file"]);
});

test("a file that another library wrote moves into place", async () => {
  await using dir = await tempDir();
  const storage = new LocalStorage(dir.path);
  await writeFile(join(dir.path, "from"), "12345");
  expect(await storage.adopt(join(dir.path, "from"), join(dir.path, "to"))).toBe(5);
  expect(await readdir(dir.path)).toEqual(["to"]);
  await expect(storage.adopt(join(dir.path, "from"), join(dir.path, "to"))).rejects.toMatchObject({
    code: "LAKE_IO",
    message: `cannot move into place "${join(dir.path, "to")}": ENOENT`,
  });
  expect(await readFile(join(dir.path, "to"), "utf8")).toBe("12345");
});

test("removing and listing what is not there is no error, and folders are made with those above them", async () => {
  await using dir = await tempDir();
  const storage = new LocalStorage(dir.path);
  const folder = join(dir.path, "a/b/c");
  expect(await storage.list(folder)).toEqual([]);
  await storage.remove(join(folder, "x"));
  await storage.removeFolder(folder);
  await storage.createFolder(folder);
  await storage.createFolder(folder);
  await writeFile(join(folder, "x"), "");
  expect(await storage.list(folder)).toEqual(["x"]);
  expect(await storage.size(join(folder, "y"))).toBeNull();
  await storage.removeFolder(join(dir.path, "a"));
  expect(await storage.list(dir.path)).toEqual([]);
});

test("a process gets a folder of its own, and those of dead processes go", async () => {
  await using dir = await tempDir();
  // Process ids end below 2^22. Our own id with another start is that of an earlier life in a container.
  const dead = ["lake-4194305-1700000000000-00000000", `lake-${process.pid}-1700000000000-00000000`];
  const alive = `lake-${process.ppid}-1700000000000-00000000`;
  for (const name of [...dead, alive, "something-else"]) await mkdir(join(dir.path, name));
  const first = await processFolder(dir.path);
  const second = await processFolder(dir.path);
  expect(first).not.toBe(second);
  const left = (await readdir(dir.path)).map((name) => join(dir.path, name)).sort();
  expect(left).toEqual([first, second, join(dir.path, alive), join(dir.path, "something-else")].sort());
});
