import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { missingMysql, startSharedMysql } from "../../support/mysql-shared.ts";
import { tempDir, type TempDir } from "../../support/temp-dir.ts";

let cache: TempDir;

// A machine without a MySQL in the cache and without the programs that would get one.
beforeEach(async () => {
  cache = await tempDir();
  vi.stubEnv("XDG_CACHE_HOME", cache.path);
  vi.stubEnv("PATH", cache.path);
  vi.stubEnv("TEST_MYSQL_URL", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await cache[Symbol.asyncDispose]();
});

test("without a way to a server the reason is told, with the remedy", async () => {
  vi.stubEnv("CI", undefined);
  const missing = "the program flock is missing; install util-linux";
  expect(await missingMysql()).toBe(missing);
  expect(await startSharedMysql()).toEqual({ shared: { missing }, server: null });
});

test("under CI that is an error, so that nothing is skipped", async () => {
  vi.stubEnv("CI", "true");
  await expect(missingMysql()).rejects.toThrow("the program flock is missing");
  await expect(startSharedMysql()).rejects.toThrow("the program flock is missing");
});

test("a server that the user names is taken as it is", async () => {
  vi.stubEnv("TEST_MYSQL_URL", "mysql://u:p@127.0.0.1:1");
  expect(await startSharedMysql()).toEqual({ shared: { url: "mysql://u:p@127.0.0.1:1" }, server: null });
});
