import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findJava } from "../../../../scripts/kafka/java.ts";
import { tempDir, type TempDir } from "../../../support/temp-dir.ts";

let dir: TempDir;

// A machine with an empty search path.
beforeEach(async () => {
  dir = await tempDir();
  vi.stubEnv("PATH", join(dir.path, "bin"));
  vi.stubEnv("JAVA_HOME", "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await dir[Symbol.asyncDispose]();
});

async function java(home: string, version: string, build = "1"): Promise<void> {
  const path = join(dir.path, home, "java");
  await mkdir(join(path, ".."), { recursive: true });
  const lines = [`    java.specification.version = ${version}`, `    java.vm.version = ${version}+${build}`];
  await writeFile(path, `#!/bin/sh\n${lines.map((line) => `echo '${line}' >&2`).join("\n")}\n`);
  await chmod(path, 0o755);
}

test("JAVA_HOME comes before the search path, and each build has a fingerprint of its own", async () => {
  await java("bin", "17");
  const found = await findJava();
  expect(found.command).toBe("java");
  expect(await findJava()).toEqual(found);
  await java("bin", "17", "2");
  expect((await findJava()).fingerprint).not.toBe(found.fingerprint);
  await java("home/bin", "25");
  vi.stubEnv("JAVA_HOME", join(dir.path, "home"));
  expect((await findJava()).command).toBe(join(dir.path, "home/bin/java"));
});

test.each(["1.8", "11"])("Java %s is too old", async (version) => {
  await java("bin", version);
  await expect(findJava()).rejects.toThrow(`java is Java ${version}, and Kafka needs 17 or later`);
});

test("none at all", async () => {
  await expect(findJava()).rejects.toThrow("no Java runs as java");
});
