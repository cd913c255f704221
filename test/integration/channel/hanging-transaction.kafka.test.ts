import { expect } from "vitest";
import { readChannelLag, type ChannelLag } from "../../../src/channel/kafka/channel-lag.ts";
import { PositionLog } from "../../../src/channel/kafka/position-log.ts";
import { must } from "../../../src/util/assert.ts";
import { readAll, values } from "../../contract/kafka-driver-rig.ts";
import { withControl } from "../../support/kafka-admin.ts";
import { endpointOf, kafkajsDriver } from "../../support/kafka-channel.ts";
import { kafkaTest as test } from "../../support/kafka.ts";

const TIMEOUT_MS = 30_000;

test("F189: a transaction that hangs is told with its place and its producer, until it is ended", async ({
  kafka,
}) => {
  const [topic, positionTopic] = [kafka.uniqueName(), kafka.uniqueName()];
  const make = (name: string, partitions: number) => ({
    topic: name,
    partitions,
    replication: 1,
    config: {},
  });
  const driver = kafkajsDriver(endpointOf(kafka.brokers));
  const reader = await driver.openReader("committed");
  const open = (id: string) =>
    driver.openProducer({
      ...{ transactionalId: id, transactionTimeoutMs: 600_000, deliveryTimeoutMs: 10_000 },
      ...{ compression: "none", batchBytesMax: 1_000_000 },
    });
  await withControl(kafka.bootstrap, async (control) => {
    await control.create([make(topic, 2), make(positionTopic, 1)]);
    const topicId = must((await control.topics([positionTopic])).get(positionTopic), "the topic").topicId;
    const bounds = async () => must((await control.offsets(positionTopic))[0], "the offsets");
    /** As `status` sees it, so long after now. */
    const lagAfter = (ms: number): Promise<ChannelLag> =>
      readChannelLag({
        ...{ control, positionTopic, topics: [topic], tables: [], transactionTimeoutMs: TIMEOUT_MS },
        log: new PositionLog({ topic: positionTopic, topicId, reader, bounds }),
        nowMs: Date.now() + ms,
        signal: new AbortController().signal,
      });
    const other = await open(topic);
    await other.begin();
    await other.send({ topic, partition: 1 }, values(3));
    await other.flush();
    // Ours come and go behind it, and nobody who reads committed records sees them.
    const ours = await open(positionTopic);
    await ours.begin();
    await ours.send({ topic, partition: 1 }, values(1, "ours"));
    const [written] = await ours.flush();
    await ours.commit();
    expect(written).toMatchObject({ from: 3, to: 4 });
    expect(await readAll(reader, topic, 4, { partition: 1 })).toEqual([]);

    expect((await lagAfter(0)).hanging).toEqual([]);
    const [known] = must(
      (await control.producers(topic)).find(({ partition }) => partition === 1),
      "it",
    ).producers.filter(({ openFrom }) => openFrom >= 0);
    const { hanging, partitions } = await lagAfter(TIMEOUT_MS + 1000);
    expect(hanging).toEqual([
      {
        ...{ topic, partition: 1, openFrom: 0 },
        ...{ producerId: known?.producerId, epoch: known?.epoch, lastMs: known?.lastTimestampMs },
      },
    ]);
    const { stable, end } = must(
      partitions.find((one) => one.topic === topic && one.partition === 1),
      "it",
    );
    expect([stable, end]).toEqual([0, 5]);

    // What its operator does: a new producer of the same id ends it.
    await open(topic);
    await expect.poll(async () => (await lagAfter(TIMEOUT_MS + 1000)).hanging).toEqual([]);
    expect(await readAll(reader, topic, 5, { partition: 1 })).toEqual(["ours0"]);
  });
  await driver.close();
});
