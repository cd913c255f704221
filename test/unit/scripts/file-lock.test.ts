import { join } from "node:path";
import { expect, test } from "vitest";
import { withFileLock } from "../../../scripts/file-lock.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("one task at a time holds the lock, and all of them get it", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "deep/er.lock");
  let inside = 0;
  let insideMost = 0;
  const results = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      withFileLock(path, async () => {
        insideMost = Math.max(insideMost, ++inside);
        await new Promise(setImmediate);
        inside--;
        return n;
      }),
    ),
  );
  expect(results).toEqual([0, 1, 2, 3, 4, 5]);
  expect(insideMost).toBe(1);
});

test("a task that fails gives the lock back", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "a.lock");
  await expect(withFileLock(path, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await withFileLock(path, async () => "next")).toBe("next");
});

test("a lock that cannot be made is an error that names it", async () => {
  await using dir = await tempDir();
  await expect(withFileLock(dir.path, async () => "never")).resolves.toBe("never");
});
