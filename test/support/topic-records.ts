import { KafkaControl } from "../../src/channel/kafkajs/control.ts";
import type { KafkaDriver } from "../../src/channel/kafka/driver.ts";
import type { KafkaEndpoint } from "../../src/channel/kafka/endpoint.ts";
import { isSyncError } from "../../src/types/errors.ts";
import { retry } from "../../src/util/retry.ts";
import { monotonicMs } from "./kafka-channel.ts";
import { waitFor } from "./wait-for.ts";

/** What consumers of committed records see in a topic, all partitions together: headers as text. Null without a topic. */
export const topicHeaders = (
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  topic: string,
): Promise<readonly string[] | null> =>
  // A topic that was just made has no leader for a moment.
  retry(() => headersNow(endpoint, driver, topic), {
    name: `read ${topic}`,
    attemptsMax: 20,
    delayMsMin: 50,
    delayMsMax: 500,
    retryable: (error) => isSyncError(error) && error.retryable,
    random: Math.random,
    onRetry: () => undefined,
  });

async function headersNow(
  endpoint: KafkaEndpoint,
  driver: KafkaDriver,
  topic: string,
): Promise<readonly string[] | null> {
  const control = await KafkaControl.connect(endpoint, monotonicMs);
  const reader = await driver.openReader("committed");
  try {
    if (!(await control.topics([topic])).has(topic)) return null;
    const headers: string[] = [];
    // A commit is acknowledged before its markers are in all partitions.
    const settled = await waitFor(`all transactions in ${topic} to be ended`, async () => {
      const offsets = await control.offsets(topic);
      return offsets.every(({ stable, end }) => stable === end) ? offsets : null;
    });
    for (const { partition, start, stable } of settled) {
      for (let offset = start; offset < stable;) {
        const request = { topic, topicId: null, partition, offset, bytesMax: 1 << 20, waitMs: 100 };
        const { blocks, nextOffset } = await reader.fetch(request, new AbortController().signal);
        for (const { count, bytes, headers: spans } of blocks) {
          for (let i = 0; i < count; i++) {
            headers.push(Buffer.from(bytes.subarray(spans.start[i], spans.end[i])).toString());
          }
        }
        offset = nextOffset;
      }
    }
    return headers;
  } finally {
    await reader.close();
    await control.close();
  }
}
