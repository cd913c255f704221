import { join } from "node:path";
import { expect } from "vitest";
import { must } from "../../src/util/assert.ts";
import { CRASH_TABLES } from "../support/crash-tables.ts";
import {
  addPartitions,
  deleteRecords,
  deleteTopics,
  makeTopic,
  newestUnit,
  produceForeign,
  withControl,
} from "../support/kafka-admin.ts";
import { endText, lastError, logOf } from "../support/kafka-log.ts";
import { kafkaRigTest } from "../support/kafka-rig-test.ts";
import type { KafkaPath, KafkaRig } from "../support/kafka-rig.ts";
import type { TallylakeProcess } from "../support/tallylake-process.ts";
import { waitFor } from "../support/wait-for.ts";

/*
 * Somebody takes away what is not applied yet, or writes where nobody but us may: both halves say so by name and stop,
 * nothing is skipped in silence, and what their remedies say mends it.
 */

/** Retention is looked after once in a second, and finds closed segments. */
const test = kafkaRigTest({
  properties: {
    "log.initial.task.delay.ms": "1000",
    "log.retention.check.interval.ms": "1000",
    "log.roll.ms": "10000",
  },
});

/** A path of which everything so far is applied, with both halves running. */
async function running(rig: KafkaRig, name: string, seed: number) {
  const path = await rig.path({ name, seed, isForeign: true });
  const halves = { path, capture: path.start("capture"), apply: path.start("apply") };
  await path.write(10);
  await path.settled();
  return halves;
}

/** The same with both halves stopped. */
async function carried(rig: KafkaRig, name: string, seed: number): Promise<KafkaPath> {
  const { path, capture, apply } = await running(rig, name, seed);
  expect(await path.finish(capture, apply)).toEqual([]);
  return path;
}

/** It ends by itself, with this error. */
async function stopsWith(process: TallylakeProcess, code: string): Promise<string> {
  const end = await process.ended;
  expect([end.code, lastError(process)?.code], endText(end)).toEqual([69, code]);
  return lastError(process)?.message ?? "";
}

/** What the remedies say: capture again, and then apply. */
async function mended(path: KafkaPath): Promise<readonly string[]> {
  const capture = path.start("capture");
  await path.write(5);
  await path.captured();
  return path.finish(capture, path.start("apply"));
}

/** Waits until nothing is left in the topics of a path but the newest positions. */
async function emptied(path: KafkaPath): Promise<void> {
  await withControl(path.rig.admin, (control) =>
    waitFor(
      "retention to have removed all changes and the first positions",
      async () => {
        const tables = await Promise.all(CRASH_TABLES.map((table) => control.offsets(path.topicOf(table))));
        const positions = await control.offsets(path.positionTopic);
        return (
          tables.flat().every(({ start, end }) => start === end) && positions.every(({ start }) => start > 0)
        );
      },
      { timeoutMs: 240_000, intervalMs: 1000 },
    ),
  );
}

test.concurrent("F194: a source that is idle for longer than the retention loses nothing", async ({
  rig,
}) => {
  const path = await rig.path({ name: "idle", seed: 29, isForeign: true, channel: { retention: "1m" } });
  const halves = [path.start("capture"), path.start("apply")];
  await path.write(10);
  await path.settled();
  await emptied(path);
  await path.write(10);
  // The first two go on as if nothing had been, and so do others in their place.
  expect(await path.finish(...halves)).toEqual([]);
  const others = [path.start("capture"), path.start("apply")];
  await path.write(10);
  expect(await path.finish(...others)).toEqual([]);
  const stops = [...halves, ...others].flatMap((half) =>
    logOf(half).filter(({ level }) => level === "error"),
  );
  expect(stops).toEqual([]);
});

test.concurrent("F194: retention has removed what the positions that are left refer to", async ({ rig }) => {
  const path = await carried(rig, "plan", 30);
  const capture = path.start("capture");
  await path.write(10);
  await path.captured();
  capture.signal("SIGTERM");
  expect((await capture.ended).code).toBe(0);
  const { plan } = must(await newestUnit(rig.admin, path.positionTopic), "a position").unit;
  await deleteRecords(rig.admin, [path.positionTopic], plan.offset + 1);
  await stopsWith(path.start("apply"), "KAFKA_OFFSET_GONE");
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F194 K10: retention has removed what was not applied", async ({ rig }) => {
  const path = await carried(rig, "retention", 21);
  const capture = path.start("capture");
  await path.write(20);
  await path.captured();
  await deleteRecords(
    rig.admin,
    CRASH_TABLES.map((table) => path.topicOf(table)),
  );
  const apply = path.start("apply");
  expect(await stopsWith(apply, "KAFKA_OFFSET_GONE")).toMatch(/at offset \d+/);
  capture.signal("SIGTERM");
  await capture.ended;
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F194: retention has removed what was read and not committed", async ({ rig }) => {
  const path = await carried(rig, "retention of what waits", 22);
  // Long enough for everything below to come between reading and committing.
  await path.changeConfig("every: 2s", "every: 60s");
  const record = join(path.place.dir, "steps");
  const apply = path.start("apply", { record });
  let capture = path.start("capture");
  await path.write(20);
  await path.captured();
  await path.delivered(record);
  await deleteRecords(
    rig.admin,
    CRASH_TABLES.map((table) => path.topicOf(table)),
  );
  capture.signal("SIGTERM");
  await capture.ended;
  await path.write(10);
  capture = path.start("capture");
  await path.captured();
  await path.delivered(record);
  apply.signal("SIGTERM");
  const end = await apply.ended;
  expect(end.code, endText(end)).toBe(0);
  expect(await path.finish(capture)).toEqual([]);
});

test.concurrent("F193: a topic is deleted while both run", async ({ rig }) => {
  const { path, capture, apply } = await running(rig, "deleted", 23);
  {
    await using _writing = path.writing();
    await deleteTopics(rig.admin, path.topicOf("item"));
    expect(await stopsWith(capture, "KAFKA_TOPIC_MISSING")).toContain(path.topicOf("item"));
  }
  apply.signal("SIGTERM");
  await apply.ended;
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F193: a topic is deleted and made anew while both run", async ({ rig }) => {
  const { path, capture, apply } = await running(rig, "made anew", 24);
  {
    await using _writing = path.writing();
    rig.proxy.cut(path.topics);
    await deleteTopics(rig.admin, path.topicOf("item"));
    await makeTopic(rig.admin, path.topicOf("item"), 3);
    const end = await capture.ended;
    expect(["KAFKA_TOPIC_REPLACED", "KAFKA_TOPIC_MISSING"], endText(end)).toContain(lastError(capture)?.code);
  }
  apply.signal("SIGTERM");
  await apply.ended;
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F193: the topic of the positions is deleted while both run", async ({ rig }) => {
  const { path, capture, apply } = await running(rig, "positions deleted", 25);
  await deleteTopics(rig.admin, path.positionTopic);
  await stopsWith(capture, "KAFKA_TOPIC_MISSING");
  const end = await apply.ended;
  expect(["KAFKA_TOPIC_REPLACED", "KAFKA_TOPIC_MISSING"], endText(end)).toContain(lastError(apply)?.code);
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F192: partitions are added while both run", async ({ rig }) => {
  const { path, capture, apply } = await running(rig, "partitions", 26);
  {
    await using _writing = path.writing();
    await addPartitions(rig.admin, path.topicOf("line"), 5);
    expect(await stopsWith(capture, "KAFKA_PARTITIONS_CHANGED")).toContain(path.topicOf("line"));
  }
  // Nothing is in the wrong place yet: what capture wrote before is applied.
  apply.signal("SIGTERM");
  expect((await apply.ended).code).toBe(0);
  await stopsWith(path.start("capture"), "KAFKA_PARTITIONS_CHANGED");
});

test.concurrent("F199 K11: somebody else's record lies between ours", async ({ rig }) => {
  const { path, capture, apply } = await running(rig, "foreign", 27);
  for (const table of CRASH_TABLES) await produceForeign(rig.admin, path.topicOf(table), "what is this");
  await path.write(20);
  const end = await apply.ended;
  expect([end.code, lastError(apply)?.code], endText(end)).toEqual([69, "KAFKA_FOREIGN_RECORD"]);
  expect(lastError(apply)?.message).toMatch(/\/\d at offset \d+ is not a record of ours/);
  capture.signal("SIGTERM");
  await capture.ended;
  const topics = CRASH_TABLES.map((table) => path.topicOf(table));
  await deleteTopics(rig.admin, path.positionTopic, ...topics);
  expect(await mended(path)).toEqual([]);
});

test.concurrent("F199 K11: garbage in the topic of the positions", async ({ rig }) => {
  const path = await carried(rig, "garbage", 28);
  await produceForeign(rig.admin, path.positionTopic, '{"version":1,"kind":"unit","id":"me"}');
  await path.write(5);
  for (const half of ["capture", "apply"] as const) {
    expect(await stopsWith(path.start(half), "KAFKA_POSITION_UNREADABLE")).toMatch(/at offset \d+/);
  }
  await deleteTopics(rig.admin, path.positionTopic);
  expect(await mended(path)).toEqual([]);
});
