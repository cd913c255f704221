import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { must } from "../../src/util/assert.ts";
import { withControl } from "../support/kafka-admin.ts";
import { KafkaNemesis } from "../support/kafka-nemesis.ts";
import { logged, logOf } from "../support/kafka-log.ts";
import { kafkaRigTest } from "../support/kafka-rig-test.ts";
import { KafkaRig } from "../support/kafka-rig.ts";
import { canMount, SmallDisks } from "../support/small-disks.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

/* Brokers that go away and come back, three of them and one with a full disk: nothing that was acknowledged is lost. */

const test = kafkaRigTest({ brokers: 3 });

/** Kills the broker that leads a topic's one partition, and waits until another one does; it comes back in the end. */
async function withoutLeader(rig: KafkaRig, topic: string): Promise<AsyncDisposable> {
  const leader = (): Promise<number> =>
    withControl(rig.admin, (control) => control.leader({ topic, partition: 0 }));
  const first = await leader();
  const server = must(
    rig.servers.find(({ id }) => id === first),
    "the leader among the brokers",
  );
  await server.kill();
  await waitFor("another one to lead", async () => (await leader().catch(() => first)) !== first);
  return {
    [Symbol.asyncDispose]: async () => {
      await server.start();
      await rig.whole();
    },
  };
}

test.concurrent("F178 F179 F185 K1 K2 K5: a leader of three brokers is killed: others lead, or too few replicas are in sync", async ({
  rig,
}) => {
  const path = await rig.path({ name: "leaders", seed: 31 });
  const strict = await rig.path({
    name: "in sync",
    seed: 32,
    channel: { minInSyncReplicas: 3, deliveryTimeout: "4s" },
  });
  const [nemesis, nemesisOfStrict] = [new KafkaNemesis(path), new KafkaNemesis(strict)];
  await Promise.all([nemesis.ready(), nemesisOfStrict.ready()]);
  {
    await using _writing = path.writing();
    await using _writingToo = strict.writing();
    await using _away = await withoutLeader(rig, path.positionTopic);
    // A transaction that was open at that moment cannot even be ended, and only its coordinator says so.
    const line = await logged(nemesisOfStrict.capture, "too few replicas", ({ remedy = "" }) =>
      remedy.includes("bring the brokers that hold replicas"),
    );
    expect(line.cause).toMatch(/NOT_ENOUGH_REPLICAS|CONCURRENT_TRANSACTIONS/);
    // Two of three are enough for the other one.
    await path.captured();
  }
  expect(await nemesis.finish()).toEqual([]);
  expect(await nemesisOfStrict.finish()).toEqual([]);
});

test
  .skipIf(!canMount())
  .concurrent("F178: the broker's disk is full, and then it is not", async ({ mysql, rig: { crash } }) => {
    await using folder = await tempDir();
    const disk = join(folder.path, "disk");
    await using disks = await SmallDisks.mount({ [disk]: "96m" });
    const there = disks.pathOf(disk);
    await using rig = await KafkaRig.open(mysql, { crash, folder: join(there, "broker") });
    const path = await rig.path({ name: "full disk", seed: 33 });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    const filler = join(there, "filler");
    {
      await using _writing = path.writing();
      const { bavail, bsize } = await statfs(there);
      await writeFile(filler, Buffer.alloc(bavail * bsize, 1)).catch(() => undefined);
      // A broker whose only disk fails ends; until then it refuses what it cannot store.
      await waitFor("the broker to give up", () => !rig.broker.running, { timeoutMs: 60_000 });
      await rm(filler);
      await rig.broker.kill();
      await rig.broker.start();
    }
    expect(await nemesis.finish()).toEqual([]);
    expect(logOf(nemesis.capture).filter(({ cause = "" }) => cause !== "").length).toBeGreaterThan(0);
    expect(await rig.topicsWrong()).toEqual([]);
  });

test("F188 K9: a consumer of committed records sees each change once, and in the order of its key", async ({
  rig,
}) => {
  expect(await rig.topicsWrong()).toEqual([]);
});
