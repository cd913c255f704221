import { readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { KafkaChannel } from "../../../src/channel/kafka-channel.ts";
import { makeBatch } from "../../support/batch.ts";
import { changesOf, readThrough, unitEnd } from "../../support/channel-reading.ts";
import { kafkaTest } from "../../support/kafka.ts";
import { endpointOf, kafkaChannel, kafkajsDriver } from "../../support/kafka-channel.ts";
import { tempDir } from "../../support/temp-dir.ts";

const settings = {
  partitions: 3,
  replication: 1,
  retentionMs: 3_600_000,
  minInSync: 1,
  messageBytes: 20_000,
};

const test = kafkaTest.extend(
  "begin",
  ({ kafka }) =>
    async (): Promise<{
      readonly channel: KafkaChannel;
      readonly largeDir: string;
      readonly dir: AsyncDisposable;
    }> => {
      const endpoint = endpointOf(kafka.brokers);
      const dir = await tempDir();
      const largeDir = join(dir.path, "large");
      const channel = await kafkaChannel(endpoint, kafkajsDriver(endpoint), { largeDir, topics: settings });
      return { channel, largeDir, dir };
    },
);

const batch = makeBatch(
  [
    [
      { op: "c", id: 1, v: "small" },
      { op: "c", id: 2, v: `${"x".repeat(50_000)} "quoted" 🐬` },
      { op: "u", id: 2, v: "y".repeat(30_000) },
      { op: "d", id: 1 },
    ],
  ],
  { firstGtid: 1, firstSeq: 1000, form: "records" },
);

async function write(channel: KafkaChannel): Promise<void> {
  const writer = await channel.writer();
  await writer.begin();
  await writer.append(batch);
  await writer.commit(unitEnd(1));
  await writer.close();
}

test("F190: a row above the message limit goes by a file beside the lake, and comes as it was", async ({
  begin,
}) => {
  const { channel, largeDir, dir } = await begin();
  await using _dir = dir;
  await write(channel);
  expect(await readdir(largeDir)).toHaveLength(2);
  expect(await readThrough(channel, 1)).toEqual([{ changes: changesOf(batch), offset: 1 }]);
  await channel.close();
});

test("F190: a file that is gone, or has other content, stops the reader by name", async ({ begin }) => {
  const { channel, largeDir, dir } = await begin();
  await using _dir = dir;
  await write(channel);
  const [first = "", second = ""] = await readdir(largeDir);
  await truncate(join(largeDir, first), 100);
  await truncate(join(largeDir, second), 100);
  await expect(readThrough(channel, 1)).rejects.toMatchObject({
    code: "KAFKA_LARGE_ROW",
    message: expect.stringContaining("100 bytes with the digest") as string,
  });
  await rm(largeDir, { recursive: true });
  await expect(readThrough(channel, 1)).rejects.toMatchObject({ code: "KAFKA_LARGE_ROW" });
  await channel.close();
});

test("files that are older than any record are removed by the next writer", async ({ begin }) => {
  const { channel, largeDir, dir } = await begin();
  await using _dir = dir;
  await write(channel);
  const old = join(largeDir, `${"0".repeat(64)}.json`);
  await writeFile(old, "{}");
  await utimes(old, new Date(0), new Date(0));
  await (await channel.writer()).close();
  expect(await readdir(largeDir)).toHaveLength(2);
  await channel.close();
});

test("tombstones stand behind deletes where they are asked for, and change nothing for us", async ({
  kafka,
}) => {
  const endpoint = endpointOf(kafka.brokers);
  const driver = kafkajsDriver(endpoint);
  const topic = `${kafka.uniqueName()}.{table}`;
  const one = {
    partitions: 1,
    replication: 1,
    retentionMs: 3_600_000,
    minInSync: 1,
    messageBytes: 1_000_000,
  };
  const channel = await kafkaChannel(endpoint, driver, { tombstones: true, topic, topics: one });
  const small = makeBatch(
    [
      [
        { op: "c", id: 1, v: "a" },
        { op: "d", id: 1 },
        { op: "c", id: 1, v: "b" },
      ],
    ],
    { firstGtid: 1, firstSeq: 1000, form: "records" },
  );
  const writer = await channel.writer();
  await writer.begin();
  await writer.append(small);
  await writer.commit(unitEnd(1));
  await writer.close();
  expect(await readThrough(channel, 1)).toEqual([{ changes: changesOf(small), offset: 1 }]);
  const reader = await driver.openReader("committed");
  const request = { topic: topic.replace("{table}", "t"), topicId: null, partition: 0, offset: 0 };
  const { blocks } = await reader.fetch(
    { ...request, bytesMax: 1 << 20, waitMs: 1000 },
    new AbortController().signal,
  );
  const seen = blocks.flatMap(({ bytes, count, keys, values }) =>
    Array.from({ length: count }, (_, i) => [
      Buffer.from(bytes.subarray(keys.start[i], keys.end[i])).toString(),
      (values.start[i] ?? -1) < 0
        ? null
        : Buffer.from(bytes.subarray(values.start[i], values.end[i])).toString().slice(0, 9),
    ]),
  );
  expect(seen).toEqual([
    ['{"id":1}', '{"op":"c"'],
    ['{"id":1}', '{"op":"d"'],
    ['{"id":1}', null],
    ['{"id":1}', '{"op":"c"'],
  ]);
  await channel.close();
});
