import { expect, test } from "vitest";
import { channelBlock, channelJson, channelText } from "../../../src/app/status-channel-view.ts";
import type { ChannelStatus } from "../../../src/app/status-channel.ts";
import { plainPaint } from "../../../src/util/paint.ts";
import { NOW } from "../../support/sample-status.ts";

const lag = (partition: number, records: number) => ({
  topic: "s.shop.t",
  partition,
  records,
  offsets: records * 2,
  oldestMs: records === 0 ? null : NOW - 65_000,
  start: 0,
  stable: 1000,
  end: partition === 1 ? 1200 : 1000,
});

const STATUS: ChannelStatus = {
  brokers: "b1:9092, b2:9092",
  error: null,
  lag: {
    head: { gtids: "u:1-9", commitMs: NOW - 1000 },
    partitions: [lag(0, 0), lag(1, 12_345)],
    hanging: [
      {
        topic: "s.shop.t",
        partition: 1,
        producerId: "77",
        epoch: 3,
        openFrom: 1000,
        lastMs: NOW - 3_600_000,
      },
    ],
    isAtLeast: false,
  },
};

test("partitions with what is not applied, and the transaction that holds up readers with its remedy", () => {
  expect(channelText(STATUS)).toBe("Kafka at b1:9092, b2:9092, 12,345 changes not applied");
  expect(channelBlock(STATUS, NOW, plainPaint).join("\n")).toMatchInlineSnapshot(`
    "topic     partition  changes  offsets     oldest  stable    end
    s.shop.t          0        0        0          -   1,000  1,000
    s.shop.t          1   12,345   24,690  1m05s ago   1,000  1,200
    hanging transaction in s.shop.t/1 from offset 1000 on, of producer 77 in epoch 3, 1h00m old
      remedy: kafka-transactions --bootstrap-server <broker> abort --topic s.shop.t --partition 1 --start-offset 1000"
  `);
});

test("of many partitions only those are shown that are behind or open, and how many are not", () => {
  const partitions = Array.from({ length: 40 }, (_, i) => lag(i, i === 7 ? 1 : 0));
  const many = { ...STATUS, lag: { head: null, partitions, hanging: [], isAtLeast: true } };
  expect(channelBlock(many, NOW, plainPaint).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ["topic", "partition", "changes", "offsets", "oldest", "stable", "end"],
    ["s.shop.t", "1", "0", "0", "-", "1,000", "1,200"],
    ["s.shop.t", "7", "≥ 1", "2", "1m05s ago", "1,000", "1,000"],
    ["38 partitions without lag"],
  ]);
});

test("what is not known is said, and is null for scripts", () => {
  const away: ChannelStatus = { brokers: "b:1", lag: null, error: "no broker answers" };
  expect(channelText(away)).toBe("unknown: no broker answers");
  expect(channelBlock(away, NOW, plainPaint)).toEqual([]);
  expect(channelJson(away, NOW)).toEqual({
    brokers: "b:1",
    error: "no broker answers",
    head: null,
    isAtLeast: null,
    partitions: null,
    hangingTransactions: null,
  });
});
