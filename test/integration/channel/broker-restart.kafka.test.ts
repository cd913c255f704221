import { beforeAll, describe, expect } from "vitest";
import type { KafkaDriver, TransactionalProducer } from "../../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint } from "../../../src/channel/kafka/endpoint.ts";
import { readAll, values } from "../../contract/kafka-driver-rig.ts";
import { withControl } from "../../support/kafka-admin.ts";
import { endpointOf, kafkajsDriver } from "../../support/kafka-channel.ts";
import { kafkaTest as test } from "../../support/kafka.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver, librdkafkaForTests } from "../../support/librdkafka.ts";

/*
 * The only broker is killed in the middle of a transaction, stays away, and starts again from what it has on its disk.
 * A power cut is more than that: it takes what the operating system had not written yet.
 */

const DELIVERY_MS = 3000;

beforeAll(librdkafkaForTests, LIBRDKAFKA_MS);

const DRIVERS = [
  { name: "kafkajs", open: async (endpoint: KafkaEndpoint) => kafkajsDriver(endpoint) },
  { name: "librdkafka", open: librdkafkaDriver },
] as const;

const open = (driver: KafkaDriver, transactionalId: string): Promise<TransactionalProducer> =>
  driver.openProducer({
    ...{ transactionalId, transactionTimeoutMs: 30_000, deliveryTimeoutMs: DELIVERY_MS },
    ...{ compression: "lz4", batchBytesMax: 100_000 },
  });

describe.for(DRIVERS)("$name", ({ open: openDriver }) => {
  test("F202 K5: a lone broker that is killed and started again has all that it acknowledged, and no more", async ({
    startKafka,
    skip,
  }) => {
    await using kafka = await startKafka();
    const topic = kafka.uniqueName();
    await withControl(kafka.bootstrap, (control) =>
      control.create([{ topic, partitions: 1, replication: 1, config: {} }]),
    );
    const driver = await openDriver(endpointOf(kafka.brokers, { requestTimeoutMs: 1000 }));
    if ("missing" in driver) return skip(driver.missing);
    const expected: string[] = [];
    const commit = async (producer: TransactionalProducer, name: string): Promise<void> => {
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(500, name));
      await producer.commit();
      expected.push(...Array.from({ length: 500 }, (_, i) => `${name}${i}`));
    };

    let producer = await open(driver, topic);
    for (const round of [1, 2]) {
      await commit(producer, `${round} before `);
      await producer.begin();
      await producer.send({ topic, partition: 0 }, values(500, `${round} open `));
      await producer.flush();
      await kafka.process.kill();
      // It is tried again for as long as it is said to be, and then whoever waits is told.
      await expect(
        (async () => {
          await producer.send({ topic, partition: 0 }, values(1));
          await producer.flush();
        })(),
      ).rejects.toMatchObject({ retryable: true });
      await producer.close();
      await kafka.process.start();
      await expect
        .poll(async () => (producer = await open(driver, topic)), { timeout: 60_000 })
        .toBeDefined();
      await commit(producer, `${round} after `);
    }
    const [end] = await withControl(kafka.bootstrap, (control) => control.offsets(topic));
    expect(await readAll(await driver.openReader("committed"), topic, end?.end ?? 0)).toEqual(expected);
    await driver.close();
  });
});
