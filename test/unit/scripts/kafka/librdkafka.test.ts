import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { installLibrdkafka } from "../../../../scripts/kafka/librdkafka.ts";
import { tempDir } from "../../../support/temp-dir.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const { versions, platform, arch } = process;
const NAME = `1.10.1-node-${versions.modules}-${platform}-${arch}`;
const PROGRAMS = ["flock", "sh", "cat", "env"];

/** A machine with these programs only, this npm, and an empty cache. */
async function machine(folder: string, npm: string): Promise<void> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  for (const name of PROGRAMS) await symlink(join("/usr/bin", name), join(bin, name));
  await writeFile(join(bin, "npm"), `#!/bin/sh\n${npm}\n`);
  await chmod(join(bin, "npm"), 0o755);
  vi.stubEnv("PATH", bin);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
}

test("what is there is found, without a word and without npm", async () => {
  await using dir = await tempDir();
  await machine(dir.path, "exit 1");
  const folder = join(dir.path, "cache", "tallylake", "librdkafka", NAME);
  await mkdir(folder, { recursive: true });
  const notices: string[] = [];
  const module = join(folder, "node_modules/@confluentinc/kafka-javascript/lib/index.js");
  expect(await installLibrdkafka((line) => notices.push(line))).toBe(pathToFileURL(module).href);
  expect(notices).toEqual([]);
});

test("an installation that fails says what to do, and leaves nothing behind", async () => {
  await using dir = await tempDir();
  await machine(dir.path, "echo no such registry >&2; exit 1");
  const notices: string[] = [];
  await expect(installLibrdkafka((line) => notices.push(line))).rejects.toMatchObject({
    code: "SETUP",
    message: expect.stringContaining("no such registry") as string,
    hint: expect.stringContaining("apt-get install build-essential") as string,
  });
  expect(notices.length).toBe(1);
  expect(await readdir(join(dir.path, "cache", "tallylake", "librdkafka"))).toEqual([]);
});
