import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { isThere } from "../../scripts/is-there.ts";
import { KAFKA_CLIENTS } from "../../src/channel/kafka/driver.ts";
import { endText, logOf } from "../support/kafka-log.ts";
import { kafkaRigTest, needClient } from "../support/kafka-rig-test.ts";
import type { KafkaPath } from "../support/kafka-rig.ts";
import type { TallylakeProcess } from "../support/tallylake-process.ts";
import { waitFor } from "../support/wait-for.ts";

/* One writer, whatever becomes of it: processes that stand still, are overtaken, die between two parts. */

const TIMEOUT = { transactionTimeout: "2s" };
const TIMEOUT_MS = 2000;
/** The broker looks for transactions that have expired twice in a second. */
const LOOKED_MS = 1500;
const FENCED_MS_MAX = 60_000;

const test = kafkaRigTest();

/** A capture that stands still inside a Kafka transaction, with records of it on the broker. */
async function stopped(
  path: KafkaPath,
  nth = 2,
): Promise<{ capture: TallylakeProcess; wake: () => Promise<void> }> {
  const open = join(path.place.dir, `open-${nth}`);
  const reached = join(path.place.dir, `reached-${nth}`);
  const capture = path.start("capture", { gates: [{ step: "kafka.commit", nth, reached, open }] });
  await path.write(30);
  await waitFor("the middle of a Kafka transaction", () => isThere(reached));
  capture.signal("SIGSTOP");
  await writeFile(open, "");
  return {
    capture,
    wake: async () => {
      capture.signal("SIGCONT");
    },
  };
}

test.concurrent.for(KAFKA_CLIENTS)(
  "%s: F183 K4: a capture that was stopped wakes up fenced off, and writes nothing more",
  async (client, { rig, skip }) => {
    await needClient(client, skip);
    const path = await rig.path({ name: `${client} zombie`, seed: 11, client, channel: TIMEOUT });
    const { capture: zombie, wake } = await stopped(path);
    const second = path.start("capture");
    const apply = path.start("apply");
    await path.write(10);
    await path.settled();
    await delay(TIMEOUT_MS);
    await path.write(5);
    await wake();
    await path.write(5);
    await waitFor("the first capture to end", () => !zombie.isRunning, { timeoutMs: FENCED_MS_MAX });
    const end = await zombie.ended;
    expect(end.code, endText(end)).toBe(69);
    expect(logOf(zombie).at(-1)).toMatchObject({ code: "KAFKA_FENCED", level: "error" });
    expect(await path.finish(second, apply)).toEqual([]);
  },
);

test.concurrent.for(KAFKA_CLIENTS)(
  "%s: F184: a transaction that expires while capture stands still is begun anew, and is no fence",
  async (client, { rig, skip }) => {
    await needClient(client, skip);
    const path = await rig.path({ name: `${client} expired`, seed: 12, client, channel: TIMEOUT });
    const { capture, wake } = await stopped(path);
    const apply = path.start("apply");
    await delay(TIMEOUT_MS + LOOKED_MS);
    await wake();
    await path.write(10);
    expect(await path.finish(capture, apply)).toEqual([]);
    const expired = logOf(capture).find(({ code }) => code === "KAFKA_TRANSACTION_EXPIRED");
    expect(expired, capture.stderr).toMatchObject({
      message: expect.stringMatching(/^capture begins anew/) as string,
    });
  },
);

test.concurrent("F184 F190: killed between the parts of a large transaction, and again, and again", async ({
  rig,
}) => {
  const path = await rig.path({ name: "parts", seed: 13, channel: { transaction: { rows: 60 } } });
  const { database } = path;
  await database.run("SET SESSION cte_max_recursion_depth = 100000");
  await database.run(
    "INSERT INTO label SELECT CONCAT('large ', n), n, REPEAT('x', n % 90), NOW(6) FROM " +
      "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 2000) SELECT n FROM s) AS s",
  );
  for (const kill of [
    { step: "kafka.committed", nth: 3 },
    { step: "kafka.flush", nth: 2 },
    { step: "kafka.commit", nth: 4 },
    { step: "kafka.begin", nth: 1 },
  ]) {
    const end = await path.start("capture", { kill }).ended;
    expect(end.signal, endText(end)).toBe("SIGKILL");
  }
  const capture = path.start("capture");
  const apply = path.start("apply");
  await path.write(5);
  expect(await path.finish(capture, apply)).toEqual([]);
});

test.concurrent.for([
  ["capture", ["kafka.flush", "kafka.commit", "kafka.committed"]],
  ["apply", ["apply.unit"]],
] as const)(
  "F204: SIGTERM ends %s at %s, in the middle of a transaction, with 0, and the next one goes on",
  async ([half, steps], { rig }) => {
    const path = await rig.path({ name: `stopped ${half}`, seed: 14 });
    const other = path.start(half === "capture" ? "apply" : "capture");
    for (const step of steps) {
      const reached = join(path.place.dir, `${step} reached`);
      const open = join(path.place.dir, `${step} open`);
      const stopped = path.start(half, { gates: [{ step, nth: 3, reached, open }] });
      await path.write(30);
      await waitFor(`the ${half} to be at ${step}`, () => isThere(reached));
      stopped.signal("SIGTERM");
      await writeFile(open, "");
      const end = await stopped.ended;
      expect([end.code, end.signal], endText(end)).toEqual([0, null]);
    }
    const next = path.start(half);
    await path.write(5);
    expect(await path.finish(next, other)).toEqual([]);
  },
);

test("F188 K9: a consumer of committed records sees each change once, and in the order of its key", async ({
  rig,
}) => {
  expect(await rig.topicsWrong()).toEqual([]);
});
