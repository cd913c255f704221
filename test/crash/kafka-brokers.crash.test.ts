import { statfs, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect } from "vitest";
import { KafkaNemesis } from "../support/kafka-nemesis.ts";
import { faultClients, KafkaRig, logged, logOf, missingKafka } from "../support/kafka-rig.ts";
import { mysqlTest } from "../support/mysql.ts";
import { canMount, SmallDisks } from "../support/small-disks.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

/* Brokers that go away and come back, three of them and one with a full disk: nothing that was acknowledged is lost. */

/** After it another broker leads what the one that was killed did lead. */
const MOVED_MS = 5000;

describe.each(faultClients)("%s", (client) => {
  let opened: Promise<KafkaRig> | null = null;

  const test = mysqlTest
    .extend("kafka", async ({ skip }) => {
      const missing = await missingKafka();
      if (missing !== null) skip(`no Kafka: ${missing}`);
    })
    .extend("rig", ({ mysql, kafka: _kafka }) => (opened ??= KafkaRig.open(mysql, { client, brokers: 3 })));

  afterAll(async () => {
    await (await opened)?.[Symbol.asyncDispose]();
  });

  test("F179 F185 K1 K2: each of three brokers is killed and comes back", async ({ rig }) => {
    const path = await rig.path({ name: "leaders", seed: 31 });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    {
      await using _writing = path.writing();
      for (const server of rig.servers) {
        await server.kill();
        await delay(MOVED_MS);
        await server.start();
        await rig.whole();
      }
    }
    expect(await nemesis.finish()).toEqual([]);
  });

  test("F178 K5: too few replicas are in sync, and then enough", async ({ rig }) => {
    const path = await rig.path({
      name: "in sync",
      seed: 32,
      channel: { minInSyncReplicas: 3, deliveryTimeout: "4s" },
    });
    const nemesis = new KafkaNemesis(path);
    await nemesis.ready();
    {
      await using _writing = path.writing();
      await rig.servers[2]?.kill();
      // A transaction that was open at that moment cannot even be ended, and only its coordinator says so.
      const line = await logged(nemesis.capture, "too few replicas", ({ remedy = "" }) =>
        remedy.includes("bring the brokers that hold replicas"),
      );
      expect(line.cause).toMatch(/NOT_ENOUGH_REPLICAS|CONCURRENT_TRANSACTIONS/);
      await rig.servers[2]?.start();
      await rig.whole();
    }
    expect(await nemesis.finish()).toEqual([]);
  });

  test("F188 K9: a consumer of committed records sees each change once, and in the order of its key", async ({
    rig,
  }) => {
    expect(await rig.topicsWrong()).toEqual([]);
  });

  test.skipIf(!canMount())(
    "F178: the broker's disk is full, and then it is not",
    async ({ mysql, rig: { crash } }) => {
      await using folder = await tempDir();
      const disk = join(folder.path, "disk");
      await using disks = await SmallDisks.mount({ [disk]: "96m" });
      const there = disks.pathOf(disk);
      await using rig = await KafkaRig.open(mysql, { client, crash, folder: join(there, "broker") });
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
    },
  );
});
