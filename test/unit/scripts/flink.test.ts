import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findFlink, installFlink } from "../../../scripts/engines/flink.ts";
import { messageOf } from "../../../src/util/errors.ts";
import { tempDir } from "../../support/temp-dir.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A machine with an empty cache and nothing on its search path but a Java 17 that has these modules. */
async function machine(folder: string, modules: string): Promise<void> {
  const java = join(folder, "java");
  await mkdir(folder, { recursive: true });
  await writeFile(java, `#!/bin/sh\necho '    java.specification.version = 17' >&2\necho '${modules}'\n`);
  await chmod(java, 0o755);
  vi.stubEnv("PATH", folder);
  vi.stubEnv("JAVA_HOME", "");
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
}

const rejection = (promise: Promise<unknown>): Promise<string> => promise.then(() => "no error", messageOf);

test("a Flink that is not installed is named, with what brings it", async () => {
  await using dir = await tempDir();
  await machine(dir.path, "jdk.compiler@17");
  expect(await rejection(findFlink())).toBe("Flink 2.2.1 is not there: run `node scripts/engines.ts`");
});

test("the install names what only the operating system can provide, and installs nothing", async () => {
  await using dir = await tempDir();
  await machine(dir.path, "jdk.compiler@17");
  const lines: string[] = [];
  expect(await rejection(installFlink((line) => lines.push(line)))).toBe(
    "mvn is not installed, or finds no Java: apt-get install maven",
  );
  expect(lines).toEqual([]);
});

test("a Java without a compiler is refused", async () => {
  await using dir = await tempDir();
  await machine(dir.path, "java.base@17");
  expect(await rejection(findFlink())).toBe("java has no compiler, which Flink's tests need");
});
