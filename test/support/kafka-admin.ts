import { Kafka, logLevel, Partitioners, type Admin } from "kafkajs";
import { KafkaControl, type PartitionOffsets } from "../../src/channel/kafkajs/control.ts";
import { PositionLog, type RetainedUnit } from "../../src/channel/kafka/position-log.ts";
import type { GtidSet } from "../../src/types/gtid.ts";
import { must } from "../../src/util/assert.ts";
import { endpointOf, kafkajsDriver, monotonicMs } from "./kafka-channel.ts";
import { waitFor } from "./wait-for.ts";

/* What operators and strangers do to topics. */

/** Asks a broker past the proxy. */
export async function withControl<T>(
  bootstrap: string,
  work: (control: KafkaControl) => Promise<T>,
): Promise<T> {
  const control = await KafkaControl.connect(endpointOf(bootstrap.split(",")), monotonicMs);
  try {
    return await work(control);
  } finally {
    await control.close();
  }
}

/** The offsets of a topic when all its transactions are ended: a commit is acknowledged before its markers are there. */
export function settledOffsets(control: KafkaControl, topic: string): Promise<readonly PartitionOffsets[]> {
  return waitFor(`all transactions in ${topic} to be ended`, async () => {
    const offsets = await control.offsets(topic);
    return offsets.every(({ stable, end }) => stable === end) ? offsets : null;
  });
}

/** The newest committed unit of a position topic. */
export async function newestUnit(bootstrap: string, topic: string): Promise<RetainedUnit | null> {
  const driver = kafkajsDriver(endpointOf(bootstrap.split(",")));
  try {
    return await withControl(bootstrap, async (control) => {
      const topicId = (await control.topics([topic])).get(topic)?.topicId;
      if (topicId === undefined) return null;
      const bounds = async () => must((await control.offsets(topic))[0], "the offsets of a partition");
      const log = new PositionLog({ topic, topicId, reader: await driver.openReader("committed"), bounds });
      return await log.newest(new AbortController().signal);
    });
  } finally {
    await driver.close();
  }
}

/** The transactions that the newest committed position covers. */
export async function newestPosition(bootstrap: string, topic: string): Promise<GtidSet | null> {
  return (await newestUnit(bootstrap, topic))?.unit.end?.position.gtids ?? null;
}

/** kafkajs as it comes, which knows nothing of us; its own tools take seconds to start. */
export async function withAdmin<T>(bootstrap: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = foreignClient(bootstrap).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

const foreignClient = (bootstrap: string): Kafka =>
  new Kafka({ clientId: "somebody", brokers: bootstrap.split(","), logLevel: logLevel.NOTHING });

/** All that a broker knows of, ones without members included, as long as they have an offset. */
export async function consumerGroups(bootstrap: string): Promise<readonly string[]> {
  return withAdmin(bootstrap, async (admin) =>
    (await admin.listGroups()).groups.map(({ groupId }) => groupId),
  );
}

/** Removes records as retention would: all that are there, or those in front of an offset. */
export async function deleteRecords(
  bootstrap: string,
  topics: readonly string[],
  before: number | null = null,
): Promise<void> {
  await withAdmin(bootstrap, async (admin) => {
    for (const topic of topics) {
      const offsets = await admin.fetchTopicOffsets(topic);
      const partitions = offsets.map(({ partition, high }) => ({
        partition,
        offset: before === null ? high : String(before),
      }));
      await admin.deleteTopicRecords({ topic, partitions });
    }
  });
}

export async function deleteTopics(bootstrap: string, ...topics: readonly string[]): Promise<void> {
  await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [...topics] }));
  await withControl(bootstrap, (control) =>
    waitFor(`${topics.join(", ")} to be gone`, async () => (await control.topics(topics)).size === 0),
  );
}

export async function makeTopic(bootstrap: string, topic: string, partitions: number): Promise<void> {
  // kafkajs gives up when the broker that it asks for the leaders has not heard of the topic yet.
  await withAdmin(bootstrap, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false }),
  );
  await withControl(bootstrap, (control) =>
    waitFor(`${topic} to be there`, async () => (await control.topics([topic])).has(topic)),
  );
}

export async function addPartitions(bootstrap: string, topic: string, count: number): Promise<void> {
  await withAdmin(bootstrap, (admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));
}

/** A record of somebody who does not know us, in each partition. */
export async function produceForeign(bootstrap: string, topic: string, value: string): Promise<void> {
  const producer = foreignClient(bootstrap).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const offsets = await withControl(bootstrap, (control) => control.offsets(topic));
  await producer.send({
    topic,
    messages: offsets.map(({ partition }) => ({ partition, key: "key", value })),
  });
  await producer.disconnect();
}
