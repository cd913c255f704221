import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findEngines, installEngines } from "../../../scripts/engines.ts";
import { tempDir } from "../../support/temp-dir.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A machine with nothing on its search path but these programs, and with an empty cache. */
async function machine(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(folder, "bin"));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, "bin", name), 0o755);
  }
  vi.stubEnv("PATH", join(folder, "bin"));
  vi.stubEnv("JAVA_HOME", "");
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
}

const messageOfRejection = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

test("what is not installed is named, all at once", async () => {
  await using dir = await tempDir();
  await machine(dir.path, { java: "echo '    java.specification.version = 17' >&2" });
  expect(await messageOfRejection(findEngines())).toBe(
    [
      "Spark and hudi-rs are not complete:",
      "  - Spark and hudi-rs for Python: run `node scripts/engines.ts`",
      "  - Hudi's Spark bundle 0.15.0: run `node scripts/engines.ts`",
      "  - Hudi's Spark bundle 1.2.0: run `node scripts/engines.ts`",
    ].join("\n"),
  );
});

test("the install names every tool that only the operating system can provide, and installs nothing", async () => {
  await using dir = await tempDir();
  await machine(dir.path, {});
  const lines: string[] = [];
  expect(await messageOfRejection(installEngines((line) => lines.push(line)))).toBe(
    [
      "Spark and hudi-rs are not complete:",
      "  - python3 is not installed: apt-get install python3 python3-venv",
      "  - mvn is not installed, or finds no Java: apt-get install maven",
      "  - no Java runs as java: apt-get install openjdk-17-jre-headless, or set JAVA_HOME to such a Java",
    ].join("\n"),
  );
  expect(lines).toEqual([]);
});

test("tools of a version that cannot do are refused", async () => {
  await using dir = await tempDir();
  await machine(dir.path, {
    java: "echo '    java.specification.version = 21' >&2",
    python3: "echo 3 9",
    mvn: "exit 0",
  });
  expect(await messageOfRejection(installEngines(() => undefined))).toBe(
    [
      "Spark and hudi-rs are not complete:",
      "  - python3 is 3.9, hudi-rs needs 3.10 or later: apt-get install python3 python3-venv",
      "  - java is Java 21, and Spark 3.5 runs on 11 or 17: apt-get install openjdk-17-jre-headless, or set JAVA_HOME to such a Java",
    ].join("\n"),
  );
});

test("a Python that cannot make virtual environments is refused", async () => {
  await using dir = await tempDir();
  await machine(dir.path, {
    java: "echo '    java.specification.version = 11' >&2",
    python3: 'case "$2" in *venv*) exit 1;; *) echo 3 12;; esac',
    mvn: "exit 0",
  });
  expect(await messageOfRejection(installEngines(() => undefined))).toBe(
    [
      "Spark and hudi-rs are not complete:",
      "  - python3 cannot make virtual environments: apt-get install python3 python3-venv",
    ].join("\n"),
  );
});
