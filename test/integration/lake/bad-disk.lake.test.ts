import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tempDir } from "../../support/temp-dir.ts";

const SCRIPT = join(import.meta.dirname, "../../support/bad-disk.ts");

/** In a mount namespace of their own even ordinary users may mount, where the machine allows it at all. */
const canMount =
  spawnSync("unshare", ["-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]).status === 0;

/** Runs the scenario with the lake on a file system of 4 MB; its words, line by line. */
async function onSmallDisk(mode: string): Promise<readonly string[]> {
  await using dir = await tempDir();
  const lake = join(dir.path, "lake");
  await mkdir(lake);
  const command = `mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" "$4" "$1" "$5"`;
  const args = ["sh", lake, process.execPath, SCRIPT, mode, join(dir.path, "temp")];
  return run("unshare", ["-rm", "sh", "-c", command, ...args]);
}

function run(command: string, args: readonly string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return `${stdout}${stderr}`.trim().split("\n");
}

describe("a bad disk is named, and nothing is lost", () => {
  test.runIf(canMount || process.env["CI"] === "true")("when it is full", async () => {
    expect(await onSmallDisk("full")).toEqual([
      "commit on a disk that it fills: LAKE_DISK_FULL",
      "again without opening anew: LAKE_DISK_FULL",
      "read: done",
      "commit of what fits: done",
      "read: done",
      "filler: ENOSPC",
      "commit on a full disk: LAKE_DISK_FULL",
      "open on a full disk: LAKE_DISK_FULL",
      "read: done",
      "commit with room again: done",
    ]);
  });

  test.runIf(canMount || process.env["CI"] === "true")("when it cannot be written", async () => {
    expect(await onSmallDisk("read-only")).toEqual([
      "read: done",
      "open: LAKE_READ_ONLY",
      "commit when it can be written: done",
    ]);
  });

  test("when there are too few file handles", async () => {
    await using dir = await tempDir();
    const command = 'ulimit -n 80 && exec "$0" "$1" files "$2/lake" "$2/temp"';
    expect(run("sh", ["-c", command, process.execPath, SCRIPT, dir.path])).toEqual([
      "commit: TOO_MANY_OPEN_FILES",
      "open: TOO_MANY_OPEN_FILES",
      "read: done",
      "commit with handles: done",
    ]);
  });
});
