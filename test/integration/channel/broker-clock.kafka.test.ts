import { beforeAll, describe, expect } from "vitest";
import type { KafkaEndpoint } from "../../../src/channel/kafka/endpoint.ts";
import type { KafkaChannel, KafkaChannelOptions } from "../../../src/channel/kafka-channel.ts";
import type { ChannelWriter } from "../../../src/types/ports.ts";
import { KafkajsDriver } from "../../../src/channel/kafkajs/driver.ts";
import type { TwoTimes } from "../../../src/channel/kafka/broker-clock.ts";
import { must } from "../../../src/util/assert.ts";
import { Log } from "../../../src/util/log.ts";
import { makeBatch } from "../../support/batch.ts";
import { readThrough, unitEnd } from "../../support/channel-reading.ts";
import { values } from "../../contract/kafka-driver-rig.ts";
import { withControl } from "../../support/kafka-admin.ts";
import { endpointOf, kafkaChannel, kafkajsDriver, monotonicMs } from "../../support/kafka-channel.ts";
import { kafkaTest } from "../../support/kafka.ts";
import { LIBRDKAFKA_MS, librdkafkaDriver, librdkafkaForTests } from "../../support/librdkafka.ts";

/* Of two clocks only the difference counts, so it is ours that is wrong here, and the broker's is the real one. */

const MINUTE = 60_000;

beforeAll(librdkafkaForTests, LIBRDKAFKA_MS);

const DRIVERS = [
  { name: "kafkajs", open: async (endpoint: KafkaEndpoint) => kafkajsDriver(endpoint) },
  { name: "librdkafka", open: librdkafkaDriver },
] as const;

async function commit(channel: KafkaChannel, writer: ChannelWriter, number: number): Promise<void> {
  const { takes: form } = channel;
  await writer.begin();
  await writer.append(
    makeBatch([[{ op: "c", id: number }]], { firstGtid: number, firstSeq: number * 1000, form }),
  );
  await writer.commit(unitEnd(number));
}

describe.for(DRIVERS)("$name", ({ open }) => {
  const test = kafkaTest.extend("begin", ({ kafka, skip }) => {
    return async (more: Partial<KafkaChannelOptions>): Promise<KafkaChannel> => {
      const endpoint = endpointOf(kafka.brokers);
      const driver = await open(endpoint);
      return "missing" in driver ? skip(driver.missing) : kafkaChannel(endpoint, driver, more);
    };
  });

  test.for([6 * MINUTE, -6 * MINUTE])(
    "F201: capture does not begin with a clock that is %i ms off, and nobody sees what it wrote",
    async (off, { kafka, begin }) => {
      const names = { positionTopic: kafka.uniqueName(), transactionalId: kafka.uniqueName() };
      const wrong = await begin({ ...names, nowMs: () => Date.now() + off });
      const writer = await wrong.writer();
      await expect(commit(wrong, writer, 1)).rejects.toMatchObject({
        code: "KAFKA_CLOCK",
        retryable: false,
        message: expect.stringMatching(
          off > 0 ? /is (6m00s|5m59s) behind: it stored .* here it was / : /is 6m0\ds ahead: it stored /,
        ) as string,
      });
      await writer.close();
      await wrong.close();
      const right = await begin(names);
      expect(await right.newest()).toBe(null);
      // Once the clock is right, it begins.
      const next = await right.writer();
      await commit(right, next, 1);
      expect((await readThrough(right, 1)).map(({ offset }) => offset)).toEqual([1]);
      await next.close();
      await right.close();
    },
  );

  test("F201: a clock that goes wrong while capture runs is told once, and capture goes on", async ({
    begin,
  }) => {
    let off = 0;
    let laterMs = 0;
    const lines: string[] = [];
    const channel = await begin({
      log: new Log({ level: "warn", format: "json", write: (line) => lines.push(line), now: Date.now }),
      nowMs: () => Date.now() + off,
      now: () => performance.now() + laterMs,
    });
    const writer = await channel.writer();
    await commit(channel, writer, 1);
    off = -7 * MINUTE;
    // It is not looked at all the time.
    await commit(channel, writer, 2);
    expect(lines).toEqual([]);
    for (const number of [3, 4]) {
      laterMs += MINUTE;
      await commit(channel, writer, number);
    }
    expect(lines.map((line) => (JSON.parse(line) as { code: string; level: string }).code)).toEqual([
      "KAFKA_CLOCK",
    ]);
    expect((await readThrough(channel, 4)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
    await writer.close();
    await channel.close();
  });
});

kafkaTest(
  "F201: the newest record tells both times, where its topic keeps the broker's",
  async ({ kafka }) => {
    const off = 10 * MINUTE;
    const endpoint = endpointOf(kafka.brokers);
    const driver = new KafkajsDriver(endpoint, { nowMs: () => Date.now() + off, monotonicMs });
    await withControl(kafka.bootstrap, async (control) => {
      const times = async (
        config: Readonly<Record<string, string>>,
      ): Promise<readonly (TwoTimes | null)[]> => {
        const topic = kafka.uniqueName();
        await control.create([{ topic, partitions: 1, replication: 1, config }]);
        const before = await control.newestTimes({ topic, partition: 0 }, 0);
        const producer = await driver.openProducer({
          ...{ transactionalId: topic, transactionTimeoutMs: 30_000, deliveryTimeoutMs: 10_000 },
          ...{ compression: "none", batchBytesMax: 1000 },
        });
        // More than one answer has room for, and the marker of the commit behind it, which has times of its own.
        await producer.begin();
        await producer.send({ topic, partition: 0 }, values(5000));
        await producer.commit();
        return [before, await control.newestTimes({ topic, partition: 0 }, 0)];
      };
      expect(await times({ "message.timestamp.type": "CreateTime" })).toEqual([null, null]);
      const startMs = Date.now();
      const [before, after] = await times({ "message.timestamp.type": "LogAppendTime" });
      expect(before).toBe(null);
      const { brokerMs, oursMs } = must(after, "the times");
      expect(brokerMs).toBeGreaterThanOrEqual(startMs);
      expect(brokerMs).toBeLessThanOrEqual(Date.now());
      expect(oursMs).toBeGreaterThanOrEqual(startMs + off);
      expect(oursMs).toBeLessThanOrEqual(Date.now() + off);
    });
    await driver.close();
  },
);
