import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import type { KafkaDriver } from "../../src/channel/kafka/driver.ts";
import type { Spans } from "../../src/channel/kafka/record-block.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { retry } from "../../src/util/retry.ts";
import { settledOffsets } from "./kafka-admin.ts";
import { monotonicMs } from "./kafka-channel.ts";

/** A record as text. */
export interface TopicRecord {
  readonly partition: number;
  readonly header: string;
  readonly key: string;
  readonly value: string;
}

/** What consumers of committed records see in a topic, all partitions together: headers as text. Null without a topic. */
export async function topicHeaders(
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  topic: string,
): Promise<readonly string[] | null> {
  const records = await topicRecords(endpoint, driver, topic);
  return records?.map(({ header }) => header) ?? null;
}

/** The same with their keys and values; one partition behind the other. */
export const topicRecords = (
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  topic: string,
): Promise<readonly TopicRecord[] | null> =>
  // A topic that was just made has no leader for a moment.
  retry(() => recordsNow(endpoint, driver, topic), {
    name: `read ${topic}`,
    attemptsMax: 20,
    delayMsMin: 50,
    delayMsMax: 500,
    retryable: (error) => isSyncError(error) && error.retryable,
    random: Math.random,
    onRetry: () => undefined,
  });

async function recordsNow(
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  topic: string,
): Promise<readonly TopicRecord[] | null> {
  const control = await KafkaControl.connect(endpoint, monotonicMs);
  const reader = await driver.openReader("committed");
  try {
    if (!(await control.topics([topic])).has(topic)) return null;
    const records: TopicRecord[] = [];
    for (const { partition, start, stable } of await settledOffsets(control, topic)) {
      for (let offset = start; offset < stable;) {
        const request = { topic, topicId: null, partition, offset, bytesMax: 1 << 20, waitMs: 100 };
        const { blocks, nextOffset } = await reader.fetch(request, new AbortController().signal);
        for (const { count, bytes, headers, keys, values } of blocks) {
          const text = ({ start, end }: Spans, i: number): string =>
            Buffer.from(bytes.subarray(start[i], end[i])).toString();
          for (let i = 0; i < count; i++) {
            const [header, key, value] = [text(headers, i), text(keys, i), text(values, i)];
            records.push({ partition, header, key, value });
          }
        }
        offset = nextOffset;
      }
    }
    return records;
  } finally {
    await reader.close();
    await control.close();
  }
}
