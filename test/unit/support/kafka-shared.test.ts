import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { missingKafka, startSharedKafka } from "../../support/kafka-shared.ts";
import { tempDir, type TempDir } from "../../support/temp-dir.ts";

let cache: TempDir;

// A machine without a Kafka in the cache and without the programs that would get one.
beforeEach(async () => {
  cache = await tempDir();
  vi.stubEnv("XDG_CACHE_HOME", cache.path);
  vi.stubEnv("PATH", cache.path);
  vi.stubEnv("JAVA_HOME", "");
  vi.stubEnv("TEST_KAFKA_BROKERS", undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await cache[Symbol.asyncDispose]();
});

test("without a way to a broker the reason is told, with the remedy", async () => {
  vi.stubEnv("CI", undefined);
  const missing =
    "no Java runs as java; apt-get install openjdk-17-jre-headless, or set JAVA_HOME to a Java 17 or later";
  expect(await missingKafka()).toBe(missing);
  expect(await startSharedKafka()).toEqual({ shared: { missing }, server: null });
});

test("under CI that is an error, so that nothing is skipped", async () => {
  vi.stubEnv("CI", "true");
  await expect(missingKafka()).rejects.toThrow("no Java runs as java");
  await expect(startSharedKafka()).rejects.toThrow("no Java runs as java");
});

test("brokers that the user names are taken as they are", async () => {
  vi.stubEnv("TEST_KAFKA_BROKERS", "127.0.0.1:1, b:2");
  expect(await startSharedKafka()).toEqual({ shared: { brokers: ["127.0.0.1:1", "b:2"] }, server: null });
});
