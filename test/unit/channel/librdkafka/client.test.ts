import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { loadClient, type LoadClient } from "../../../../src/channel/librdkafka/client.ts";

const Anything = EventEmitter;
const LIBRARY = { Producer: Anything, KafkaConsumer: Anything, features: ["lz4"] };
const load = (by: LoadClient): Promise<unknown> => loadClient(by, true);

test("the package is taken as an ES module or as what it exports", async () => {
  expect(await load(async () => LIBRARY)).toBe(LIBRARY);
  expect(await load(async () => ({ default: LIBRARY }))).toBe(LIBRARY);
});

test("a package that is not installed says how to install it", async () => {
  const name = "@confluentinc/kafka-javascript";
  const absent = Object.assign(new Error(`Cannot find package '${name}' imported from here`), {
    code: "ERR_MODULE_NOT_FOUND",
  });
  await expect(load(() => Promise.reject(absent))).rejects.toMatchObject({
    code: "KAFKA_CLIENT_MISSING",
    message: "the package @confluentinc/kafka-javascript, which is librdkafka for Node, is not installed",
    hint: expect.stringContaining("npm install @confluentinc/kafka-javascript@1.10.1") as string,
  });
});

test("one that was built for another Node says so, without the paths it looked at", async () => {
  const failure = new Error("Could not locate the bindings file. Tried:\n → /a\n → /b");
  await expect(load(() => Promise.reject(failure))).rejects.toMatchObject({
    code: "KAFKA_CLIENT_MISSING",
    message: expect.stringMatching(
      /does not load here: Could not locate the bindings file. Tried:$/,
    ) as string,
  });
});

test("another module, and another thread than the main one, are refused", async () => {
  await expect(load(async () => ({ Producer: 1 }))).rejects.toMatchObject({ code: "KAFKA_CLIENT_MISSING" });
  await expect(loadClient(async () => LIBRARY, false)).rejects.toMatchObject({
    code: "KAFKA_CLIENT_MISSING",
    message: expect.stringContaining("main thread") as string,
  });
});
